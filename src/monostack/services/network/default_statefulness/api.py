"""Making, changing and deleting the settings; groups that exist already stay as they are."""


from monostack.db import Row, Transaction
from monostack.http import Request
from monostack.services.network.attributes import Values
from monostack.services.network.default_statefulness.table import CLOUD, SETTINGS, exists
from monostack.services.network.verbs import Verbs
from monostack.services.network.words import conflict


def create_setting(tx: Transaction, request: Request, values: Values) -> Row:
    project_id = values["project_id"]
    if exists(tx, project_id):
        text = f"A security group default statefulness setting already exists for project '{project_id or 'system-wide'}'."
        raise conflict(text, "SecurityGroupDefaultStatefulnessAlreadyExists")
    return SETTINGS.insert(tx, request, {**values, "said_of": project_id or CLOUD})


def update_setting(tx: Transaction, request: Request, row: Row, changes: Values) -> Row:
    return SETTINGS.change(tx, request, row, changes)


def delete_setting(tx: Transaction, request: Request, row: Row) -> None:
    SETTINGS.remove(tx, request, row)


VERBS = Verbs(
    SETTINGS,
    create=create_setting,
    update=update_setting,
    delete=delete_setting,
    counted=False,
    ruled_as="security_groups_default_statefulness",
)
routes = [VERBS.routes()]
