"""Creating, changing and deleting address scopes."""


from monostack.db import Row, Transaction
from monostack.http import Request
from monostack.services.network import rbac
from monostack.services.network.address_scopes.table import ADDRESS_SCOPES
from monostack.services.network.attributes import Values
from monostack.services.network.pools.table import in_scope
from monostack.services.network.verbs import Verbs
from monostack.services.network.words import conflict, refused


def create_scope(tx: Transaction, request: Request, values: Values) -> Row:
    row = ADDRESS_SCOPES.insert(tx, request, values)
    if values["shared"]:
        rbac.grant(tx, row.project_id, "address_scope", row.id, rbac.SHARED)
    return row


def update_scope(tx: Transaction, request: Request, row: Row, changes: Values) -> Row:
    """What was shared stays shared."""
    shared = rbac.EVERYBODY in rbac.targets(tx, row.id, rbac.SHARED)
    if shared and not changes.get("shared", True):
        text = f"Unable to update address scope {row.id} : Shared address scope can't be unshared."
        raise refused(text, "AddressScopeUpdateError")
    if changes.pop("shared", False):
        rbac.grant(tx, row.project_id, "address_scope", row.id, rbac.SHARED)
    return ADDRESS_SCOPES.change(tx, request, row, changes)


def delete_scope(tx: Transaction, request: Request, row: Row) -> None:
    if in_scope(tx, row.id):
        text = f"Unable to complete operation on address scope {row.id}. There are one or more subnet pools in use on the address scope."
        raise conflict(text, "AddressScopeInUse")
    rbac.forget(tx, row.id)
    ADDRESS_SCOPES.remove(tx, request, row)


VERBS = Verbs(ADDRESS_SCOPES, create=create_scope, update=update_scope, delete=delete_scope, counted=False)
routes = [VERBS.routes()]
