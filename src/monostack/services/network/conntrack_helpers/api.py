"""Creating, changing and deleting helpers: `/routers/{id}/conntrack_helpers`."""

from collections.abc import Mapping
from typing import Any

from monostack.db import Row, Transaction
from monostack.http import Request
from monostack.protocol.network import CONNTRACK_HELPERS
from monostack.services.network.attributes import Values
from monostack.services.network.changes import changed
from monostack.services.network.conntrack_helpers.table import HELPERS, missing, of_routers
from monostack.services.network.routers.table import ROUTERS
from monostack.services.network.verbs import Verbs, Within
from monostack.services.network.words import bad_request, refused


def _check(tx: Transaction, wanted: Mapping[str, Any], but: str | None = None) -> None:
    helper, protocol = wanted["helper"], wanted["protocol"]
    if helper not in CONNTRACK_HELPERS:
        raise refused(f"Conntrack Helper {helper} is not allowed.", "ConntrackHelperNotAllowed")
    if protocol not in CONNTRACK_HELPERS[helper]:
        supported = ", ".join(CONNTRACK_HELPERS[helper])
        text = f"Conntrack Helper {helper} does not support: {protocol}. Supported protocols are: {supported}"
        raise refused(text, "InvalidProtocolForHelper")
    same = {name: wanted[name] for name in ("router_id", "protocol", "port", "helper")}
    for row in of_routers(tx, [wanted["router_id"]]).get(wanted["router_id"], ()):
        if row.id != but and all(row._mapping[name] == value for name, value in same.items()):
            text = f"A duplicate conntrack helper entry with same attributes already exists, conflicting values are {same}"
            raise bad_request("conntrack_helper", text)


def create_helper(tx: Transaction, request: Request, values: Values) -> Row:
    _check(tx, values)
    changed(tx, request.cloud, "router", [values["router_id"]])
    return HELPERS.insert(tx, request, values)


def update_helper(tx: Transaction, request: Request, row: Row, changes: Values) -> Row:
    _check(tx, {**row._mapping, **changes}, row.id)
    changed(tx, request.cloud, "router", [row.router_id])
    return HELPERS.change(tx, request, row, changes)


def delete_helper(tx: Transaction, request: Request, row: Row) -> None:
    changed(tx, request.cloud, "router", [row.router_id])
    HELPERS.remove(tx, request, row)


VERBS = Verbs(
    HELPERS, create=create_helper, update=update_helper, delete=delete_helper, counted=False, within=Within(ROUTERS, "router_id", missing)
)
routes = [VERBS.routes()]
