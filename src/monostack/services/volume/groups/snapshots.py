"""Group snapshots (3.14): all volumes of a group, each as it is at one moment."""

from collections.abc import Mapping
from typing import Any

from monostack.core.errors import BadRequest
from monostack.db import Row, Transaction
from monostack.http import Request, Response, Routes
from monostack.http.actions import Actions
from monostack.http.answers import NOTHING, envelope
from monostack.http.schema import add_format
from monostack.resources import ListQuery
from monostack.services.volume.attachments.table import holder
from monostack.services.volume.dialect import accepted
from monostack.services.volume.groups import types as group_types
from monostack.services.volume.groups.table import (
    GENERIC_SNAPSHOTS,
    GROUP_SNAPSHOTS,
    GROUPS,
    NEW_SNAPSHOT,
    OWN_GENERIC_SNAPSHOTS,
    SNAPSHOT_SUMMARY,
    find_group,
    find_group_snapshot,
    invalid_group,
    is_copied,
    set_group_snapshot,
    snapshots_of,
    volumes_of,
)
from monostack.services.volume.hosts.table import require_not_frozen
from monostack.services.volume.links import MAX_LIMIT, linked, linked_page
from monostack.services.volume.lists import PRESENT, Listing, read
from monostack.services.volume.parameters import DESCRIPTION, TEXT_OR_NULL, UUID, Refusal, enveloped, fields
from monostack.services.volume.quotas import claims
from monostack.services.volume.snapshots.api import require_snapshotable
from monostack.services.volume.snapshots.table import SNAPSHOTS, set_snapshot
from monostack.services.volume.types import table as types
from monostack.services.volume.words import NO_SUCH_ACTION

SINCE = (3, 14)
LINKS_KEY = "group_snapshot_links"
PAGES = (3, 29)
STATUSES = ("error", "available", "creating", "deleting", "deleted", "updating", "error_deleting")
_KNOWN = ("id", "group_id", "group_type_id", "status", "created_at", "updated_at", "name", "description", "project_id", "user_id")
LISTING = Listing(columns={name: name for name in _KNOWN}, open=("name", "status", "group_id"), tenants=PRESENT)
routes = Routes("/v3/group_snapshots")
actions = Actions(unknown=NO_SUCH_ACTION)


def _list(request: Request, tx: Transaction, *, detail: bool) -> dict[str, Any]:
    request.authorize("group:get_all_group_snapshots")
    if request.at_least(*PAGES):
        query, wanted = read(request, GROUP_SNAPSHOTS, LISTING), GENERIC_SNAPSHOTS
    else:
        query, wanted = ListQuery(limit=MAX_LIMIT, sorts=[("created_at", "desc"), ("id", "desc")]), OWN_GENERIC_SNAPSHOTS
    rows = GROUP_SNAPSHOTS.page(request, tx, query, wanted, {"the_former_type": group_types.former(tx).id})
    items = GROUP_SNAPSHOTS.views(request, tx, rows) if detail else [{"id": row.id, "name": row.name} for row in rows]
    return linked_page(request, "group_snapshots", rows, "group_snapshots", items, LINKS_KEY)


@routes.get("", since=SINCE, policy="group:get_all_group_snapshots", answer=linked("group_snapshots", SNAPSHOT_SUMMARY, LINKS_KEY))
def list_brief(request: Request, tx: Transaction) -> dict[str, Any]:
    """List group snapshots: id and name."""
    return _list(request, tx, detail=False)


_DETAILED = linked("group_snapshots", GROUP_SNAPSHOTS.answer, LINKS_KEY)


@routes.get("/detail", since=SINCE, policy="group:get_all_group_snapshots", answer=_DETAILED)
def list_detail(request: Request, tx: Transaction) -> dict[str, Any]:
    """List group snapshots with details."""
    return _list(request, tx, detail=True)


_CREATE = fields(("group_id",), group_id=UUID, name=TEXT_OR_NULL, description=DESCRIPTION)


@routes.post(
    "", since=SINCE, policy="group:create_group_snapshot", body=enveloped("group_snapshot", _CREATE), status=202,
    answer=envelope("group_snapshot", NEW_SNAPSHOT),
)  # fmt: skip
def create_group_snapshot(request: Request, tx: Transaction) -> dict[str, Any]:
    """Snapshot all volumes of a group."""
    body = request.body["group_snapshot"]
    group = find_group(tx, request, body["group_id"])
    _require_generic(tx, group)
    row = take(request, tx, group, body)
    return {"group_snapshot": {"id": row.id, "name": row.name, "group_type_id": row.group_type_id}}


def _require_generic(tx: Transaction, row: Row) -> None:
    group_types.require_generic(tx, row.group_type_id, "group snapshots", "CG snapshot")


def take(request: Request, tx: Transaction, group: Row, body: Mapping[str, Any]) -> Row:
    """Begin to snapshot all volumes of a group. Raises BadRequest, TooLarge."""
    request.authorize("group:create_group_snapshot", GROUPS.target(group))
    require_not_frozen(tx, group.host, group.pool)
    volumes = volumes_of(tx, group.id)
    if not volumes or group.status in ("creating", "updating"):
        raise invalid_group("Source group cannot be empty or in 'creating' or 'updating' state. No group snapshot will be created.")
    values = {"name": body.get("name"), "description": body.get("description"), "user_id": request.caller.user_id, "updated_at": None}
    row = GROUP_SNAPSHOTS.insert(
        tx, request, {**values, "group_id": group.id, "group_type_id": group.group_type_id, "status": "creating"}
    )
    members = [_member(request, tx, row, volume) for volume in volumes]
    request.cloud.start(tx, "create_group_snapshot", row.id, {"members": members}, request)
    return row


def _member(request: Request, tx: Transaction, group_snapshot: Row, volume: Row) -> dict[str, Any]:
    """Write the snapshot of one volume. Raises BadRequest, TooLarge."""
    require_snapshotable(tx, volume, in_use=True)
    kind = tx.execute(types.BY_ID, {"the_id": volume.volume_type_id}).one()
    claims.snapshot(tx, request, volume.size, kind.name)
    row = SNAPSHOTS.insert(
        tx,
        request,
        {
            "name": group_snapshot.name,
            "description": group_snapshot.description,
            "volume_id": volume.id,
            "status": "creating",
            "size": volume.size,
            "metadata": {},
            "user_id": request.caller.user_id,
            "project_id": request.caller.project_id,
            "consumes_quota": True,
            "host": volume.host,
            "volume_type_id": volume.volume_type_id,
            "progress": "0%",
            "group_snapshot_id": group_snapshot.id,
            "updated_at": None,
        },
    )
    return {"snapshot_id": row.id, "volume_id": volume.id, "host": volume.host, "server_id": holder(tx, volume.id)}


@routes.get("/{id}", since=SINCE, policy="group:get_group_snapshot", answer=GROUP_SNAPSHOTS.answer_one)
def show_group_snapshot(request: Request, tx: Transaction) -> dict[str, Any]:
    """Show a group snapshot."""
    row = find_group_snapshot(tx, request, request.params["id"])
    _require_generic(tx, row)
    return GROUP_SNAPSHOTS.render(request, tx, row)


@routes.delete("/{id}", since=SINCE, policy="group:delete_group_snapshot", status=202, answer=NOTHING)
def delete_group_snapshot(request: Request, tx: Transaction) -> Response:
    """Delete a group snapshot with the snapshots in it."""
    row = find_group_snapshot(tx, request, request.params["id"])
    _require_generic(tx, row)
    remove(request, tx, row)
    return accepted()


def remove(request: Request, tx: Transaction, row: Row) -> None:
    """Begin to delete a group snapshot. Raises BadRequest while a group is made from it."""
    request.authorize("group:delete_group_snapshot", GROUP_SNAPSHOTS.target(row))
    if row.status not in ("available", "error") or is_copied(tx, row.id):
        reason = "GroupSnapshot status must be available or error, and no Group can be currently using it as source for its creation."
        raise BadRequest(f"Invalid GroupSnapshot: {reason}", kind="InvalidGroupSnapshot", detail=reason)
    members = snapshots_of(tx, row.id)
    for one in members:
        set_snapshot(tx, one.id, status="deleting")
    set_group_snapshot(tx, row.id, status="deleting")
    given = {"members": [{"snapshot_id": one.id, "host": one.host} for one in members]}
    request.cloud.start(tx, "delete_group_snapshot", row.id, given, request, row.project_id)


def _status(value: Any) -> bool:
    if isinstance(value, str) and not value.strip():
        raise Refusal("Invalid GroupSnapshot Status: The 'status' can not be empty.")
    if isinstance(value, str) and value.lower() not in STATUSES:
        raise Refusal(f"Invalid GroupSnapshot Status: Group snapshot status: {value} is invalid, valid statuses are: {STATUSES}.")
    return True


add_format("volume-group-snapshot-status", _status, Refusal)
_RESET = fields(("status",), status={"type": "string", "format": "volume-group-snapshot-status"})
actions.mount(routes, "/{id}/action", since=(3, 19))


@actions.action("reset_status", since=(3, 19), body=enveloped("reset_status", _RESET), policy="group:reset_group_snapshot_status")
def reset_status(request: Request, tx: Transaction) -> Response:
    """Overwrite a group snapshot's status."""
    row = find_group_snapshot(tx, request, request.params["id"])
    request.authorize("group:reset_group_snapshot_status", GROUP_SNAPSHOTS.target(row))
    GROUP_SNAPSHOTS.change(tx, request, row, {"status": request.body["reset_status"]["status"].lower()})
    return accepted()
