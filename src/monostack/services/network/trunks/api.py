"""Creating, changing and deleting trunks; adding and removing subports."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from monostack.db import Row, Transaction
from monostack.http import Request, Routes
from monostack.http.answers import envelope, many
from monostack.services.network import documents, standard
from monostack.services.network.attributes import Values
from monostack.services.network.changes import changed
from monostack.services.network.ports.table import PORTS
from monostack.services.network.ports.table import get as get_port
from monostack.services.network.tags.api import tag_routes
from monostack.services.network.trunks import rules
from monostack.services.network.trunks.following import follow, leave
from monostack.services.network.trunks.table import SUBPORT_SHOWN, TRUNKS, check_subports, of_trunks, shown, subports
from monostack.services.network.verbs import Verbs
from monostack.services.network.words import UNREADABLE, bad, invalid

_ADD = sa.insert(subports)
_REMOVE = sa.delete(subports).where(subports.c.port_id == sa.bindparam("port"))


def _add(tx: Transaction, request: Request, trunk: Row, added: Sequence[rules.Subport]) -> None:
    for one in added:
        tx.execute(_ADD, {**one, "trunk_id": trunk.id})
    follow(tx, request.cloud, [trunk.port_id])
    changed(tx, request.cloud, "port", [one["port_id"] for one in added])


def create_trunk(tx: Transaction, request: Request, values: Values) -> Row:
    parent = PORTS.get(request, tx, values["port_id"])
    rules.check_free(tx, parent.id)
    inside = rules.check_subports(tx, request, parent, values["sub_ports"])
    trunk = standard.insert(TRUNKS, tx, request, {**values, "status": "DOWN"})
    _add(tx, request, trunk, inside)
    return TRUNKS.get(request, tx, trunk.id)


def update_trunk(tx: Transaction, request: Request, row: Row, changes: Values) -> Row:
    return TRUNKS.change(tx, request, row, changes)


def delete_trunk(tx: Transaction, request: Request, row: Row) -> None:
    rules.check_manageable(row)
    inside = [one.port_id for one in of_trunks(tx, [row.id]).get(row.id, ())]
    standard.remove(TRUNKS, tx, request, row)
    leave(tx, request.cloud, inside)


VERBS = Verbs(TRUNKS, create=create_trunk, update=update_trunk, delete=delete_trunk)
actions = Routes("/v2.0/trunks/{id}")
_BODY = documents.one_of("sub_ports", TRUNKS.by_name["sub_ports"].schema())


def _trunk(request: Request, tx: Transaction, rule: str) -> Row:
    row, item = VERBS.look_up(request, tx, request.params["id"])
    VERBS.authorize(request, rule, item)
    return row


def _given(request: Request) -> list[rules.Subport]:
    if not isinstance(request.body, dict) or "sub_ports" not in request.body:
        raise bad(UNREADABLE)
    try:
        return check_subports(request.body["sub_ports"])
    except ValueError as reason:
        raise invalid(str(reason)) from None


@actions.get("/get_subports", policy="get_subports", answer=envelope("sub_ports", many(SUBPORT_SHOWN)))
def get_subports(request: Request, tx: Transaction) -> Any:
    """List the subports."""
    row = _trunk(request, tx, "get_subports")
    return {"sub_ports": shown(of_trunks(tx, [row.id]).get(row.id, ()))}


@actions.put("/add_subports", policy="add_subports", body_document=_BODY, answer=TRUNKS.answer)
def add_subports(request: Request, tx: Transaction) -> Any:
    """Add subports."""
    row = _trunk(request, tx, "add_subports")
    added = rules.check_subports(tx, request, get_port(tx, row.port_id), _given(request))
    rules.check_manageable(row)
    rules.check_tags(tx, row.id, added)
    _add(tx, request, row, added)
    standard.bump(TRUNKS, tx, [row.id])
    return VERBS.render(request, tx, [TRUNKS.get(request, tx, row.id)])[0]


@actions.put("/remove_subports", policy="remove_subports", body_document=_BODY, answer=TRUNKS.answer)
def remove_subports(request: Request, tx: Transaction) -> Any:
    """Remove subports."""
    row = _trunk(request, tx, "remove_subports")
    rules.check_manageable(row)
    present = {one.port_id for one in of_trunks(tx, [row.id]).get(row.id, ())}
    removed = [one["port_id"] for one in _given(request)]
    for port_id in removed:
        if port_id not in present:
            raise rules.no_subport(row.id, port_id)
        tx.execute(_REMOVE, {"port": port_id})
    leave(tx, request.cloud, removed)
    follow(tx, request.cloud, [row.port_id])
    standard.bump(TRUNKS, tx, [row.id])
    return VERBS.render(request, tx, [TRUNKS.get(request, tx, row.id)])[0]


routes = [VERBS.routes(), tag_routes(VERBS), actions]
