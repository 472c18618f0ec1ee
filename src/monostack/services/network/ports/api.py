"""Creating, changing and deleting ports."""

from collections.abc import Mapping
from typing import Any

from monostack.db import Row, Transaction
from monostack.http import Request
from monostack.services.network.attributes import Values
from monostack.services.network.networks import table as networks
from monostack.services.network.ports import bindings
from monostack.services.network.ports.create import create_port
from monostack.services.network.ports.delete import check_deletable, delete_port
from monostack.services.network.ports.table import PORTS
from monostack.services.network.ports.update import update_port
from monostack.services.network.tags.api import tag_routes
from monostack.services.network.verbs import Verbs


def parent(tx: Transaction, request: Request, values: Values) -> Mapping[str, Any]:
    """The network, which must be one the caller knows. Raises NetworkNotFound."""
    network = networks.get_for(tx, request, values["network_id"])
    return networks.facts(tx, network, values["project_id"])


def _create(tx: Transaction, request: Request, values: Values) -> Row:
    return create_port(tx, request.cloud, request, values)


def _update(tx: Transaction, request: Request, row: Row, changes: Values) -> Row:
    return update_port(tx, request.cloud, request, row, changes)


def _delete(tx: Transaction, request: Request, row: Row) -> None:
    check_deletable(tx, row)
    delete_port(tx, request.cloud, request, row)


VERBS = Verbs(PORTS, create=_create, update=_update, delete=_delete, parent=parent)
routes = [VERBS.routes(), tag_routes(VERBS), bindings.routes]
