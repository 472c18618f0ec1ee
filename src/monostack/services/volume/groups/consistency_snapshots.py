"""/cgsnapshots: snapshots of consistency groups, which are group snapshots."""

from typing import Any

from monostack.db import Row, Transaction
from monostack.http import Request, Response, Routes
from monostack.http.answers import ID, NOTHING, TEXT, Record, envelope, many, maybe
from monostack.resources import ListQuery
from monostack.services.volume.dialect import accepted
from monostack.services.volume.groups import snapshots
from monostack.services.volume.groups.api import summary
from monostack.services.volume.groups.table import GROUP_SNAPSHOTS, OWN_SNAPSHOTS, SNAPSHOT_SUMMARY, find_group, find_group_snapshot
from monostack.services.volume.links import MAX_LIMIT
from monostack.services.volume.lists import offset, whole_number
from monostack.services.volume.parameters import enveloped, fields, trimmed

_TEXT = {"type": "string"}
_CREATE = fields(("consistencygroup_id",), open=True, consistencygroup_id=_TEXT, name=_TEXT, description=_TEXT)
_SNAPSHOT = Record(
    "ConsistencyGroupSnapshot",
    {"id": ID, "consistencygroup_id": ID, "status": TEXT, "created_at": TEXT, "name": maybe(TEXT), "description": maybe(TEXT)},
)
routes = Routes("/v3/cgsnapshots")


def _view(request: Request, tx: Transaction, rows: list[Row]) -> list[dict[str, Any]]:
    found = []
    for shown in GROUP_SNAPSHOTS.views(request, tx, rows):
        kept = {name: shown[name] for name in ("id", "status", "created_at", "name", "description")}
        found.append({**kept, "consistencygroup_id": shown["group_id"]})
    return found


def _rows(request: Request, tx: Transaction) -> list[Row]:
    """All group snapshots of the caller's project, whatever type they are of."""
    request.authorize("group:get_all_group_snapshots")
    params = request.query_map
    query = ListQuery(limit=min(whole_number(params, "limit", MAX_LIMIT), MAX_LIMIT), offset=offset(params))
    query.sorts = [("created_at", "desc"), ("id", "desc")]
    return list(GROUP_SNAPSHOTS.page(request, tx, query, OWN_SNAPSHOTS))


@routes.get("", policy="group:get_all_group_snapshots", answer=envelope("cgsnapshots", many(SNAPSHOT_SUMMARY)))
def list_brief(request: Request, tx: Transaction) -> dict[str, Any]:
    """List snapshots of consistency groups: id and name."""
    return {"cgsnapshots": [summary(row) for row in _rows(request, tx)]}


@routes.get("/detail", policy="group:get_all_group_snapshots", answer=envelope("cgsnapshots", many(_SNAPSHOT)))
def list_detail(request: Request, tx: Transaction) -> dict[str, Any]:
    """List snapshots of consistency groups with details."""
    return {"cgsnapshots": _view(request, tx, _rows(request, tx))}


@routes.post(
    "",
    policy="group:create_group_snapshot",
    body=enveloped("cgsnapshot", _CREATE, open=True),
    status=202,
    answer=envelope("cgsnapshot", SNAPSHOT_SUMMARY),
)
def create(request: Request, tx: Transaction) -> dict[str, Any]:
    """Snapshot all volumes of a consistency group."""
    body = trimmed(request.body["cgsnapshot"])
    return {"cgsnapshot": summary(snapshots.take(request, tx, find_group(tx, request, body["consistencygroup_id"]), body))}


@routes.get("/{id}", policy="group:get_group_snapshot", answer=envelope("cgsnapshot", _SNAPSHOT))
def show(request: Request, tx: Transaction) -> dict[str, Any]:
    """Show a snapshot of a consistency group."""
    return {"cgsnapshot": _view(request, tx, [find_group_snapshot(tx, request, request.params["id"])])[0]}


@routes.delete("/{id}", policy="group:delete_group_snapshot", status=202, answer=NOTHING)
def delete(request: Request, tx: Transaction) -> Response:
    """Delete a snapshot of a consistency group, with the volumes' snapshots in it."""
    snapshots.remove(request, tx, find_group_snapshot(tx, request, request.params["id"]))
    return accepted()
