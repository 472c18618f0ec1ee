"""Snapshots: a volume as it was at one moment."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from monostack.core import clock
from monostack.core.errors import BadRequest
from monostack.db import Transaction
from monostack.http import Request
from monostack.resources import Field, Resource, Scopes, flag, integer, json_value, text, time, uuid
from monostack.services.volume.style import STYLE, wants_all_tenants
from monostack.services.volume.volumes.rules import METADATA
from monostack.services.volume.volumes.table import VOLUMES

PROJECT = "os-extended-snapshot-attributes:project_id"


def _expand(tx: Transaction, request: Request, rows: Sequence[Row[Any]]) -> list[dict[str, Any]]:
    if request.at_least(3, 14):
        return [{"group_snapshot_id": None} for _ in rows]
    return [{} for _ in rows]


SNAPSHOTS = Resource(
    "snapshot",
    "snapshots",
    STYLE,
    path="/v3/snapshots",
    title="Snapshot",
    fields=(
        Field("id", uuid()),
        Field("created_at", time()),
        Field("updated_at", time()),
        Field("name", text(), nullable=True),
        Field("description", text(), nullable=True),
        Field("volume_id", uuid(), index=True),
        Field("status", text(), index=True),
        Field("size", integer(1), default=0),
        Field("metadata", json_value(), default=dict, column="meta", filter=False, sort=False),
        Field("user_id", uuid(), since=(3, 41)),
        Field("consumes_quota", flag(), default=True, since=(3, 65)),
        Field(PROJECT, uuid(), column="project_id", view="volume_extension:extended_snapshot_attributes", index=True),
        Field(
            "os-extended-snapshot-attributes:progress", text(16), column="progress", view="volume_extension:extended_snapshot_attributes"
        ),
        Field("project_id", uuid(), view=False),
        Field("host", text(), nullable=True, view=False),
    ),
    policy={
        "list": "volume:get_all_snapshots",
        "show": "volume:get_snapshot",
        "create": "volume:create_snapshot",
        "update": "volume:update_snapshot",
        "delete": "volume:delete_snapshot",
    },
    scopes=Scopes(
        lambda request: (
            "all" if wants_all_tenants(request) or (request.params.get("id") and request.allows("context_is_admin")) else "project"
        ),
        {"all": None, "project": lambda t: t.c.project_id == sa.bindparam("caller_project")},
    ),
    table_name="volume_snapshots",
    default_sort=(("created_at", "desc"),),
    expand=_expand,
)
_s = SNAPSHOTS.table.c
SNAPSHOTS_USED = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(_s.size), 0)).where(_s.project_id == sa.bindparam("the_project"))
OF_VOLUME = sa.select(_s.id).where(_s.volume_id == sa.bindparam("the_volume")).limit(1)
SNAPSHOT = sa.select(SNAPSHOTS.table).where(_s.id == sa.bindparam("the_id"))
REMOVE = sa.delete(SNAPSHOTS.table).where(_s.id == sa.bindparam("the_id"))
_BRIEF = (
    "id",
    "created_at",
    "updated_at",
    "name",
    "description",
    "volume_id",
    "status",
    "size",
    "metadata",
    "user_id",
    "group_snapshot_id",
    "consumes_quota",
)


def set_snapshot(tx: Transaction, snapshot_id: str, **values: Any) -> None:
    tx.execute(
        sa.update(SNAPSHOTS.table).where(_s.id == sa.bindparam("the_id")).values(updated_at=clock.now(), **values), {"the_id": snapshot_id}
    )


def list_brief(request: Request, tx: Transaction) -> dict[str, Any]:
    """List snapshots without their extended attributes."""
    SNAPSHOTS.authorize(request, "list")
    query = STYLE.parse_list(request, SNAPSHOTS)
    rows = SNAPSHOTS.page(request, tx, query)
    return STYLE.list_envelope(request, SNAPSHOTS, SNAPSHOTS.views(request, tx, rows, _BRIEF), query)


def create_snapshot(request: Request, tx: Transaction) -> dict[str, Any]:
    """Create a snapshot of a volume, also of one in use (`force` below 3.66)."""
    from monostack.services.volume import quota  # it counts snapshots

    body = request.body["snapshot"]
    volume = VOLUMES.get(_as_volume(request), tx, body["volume_id"])
    request.authorize("volume:create_snapshot", VOLUMES.target(volume))
    force = body.get("force", False) in (True, "true", "True", "1") or request.at_least(3, 66)
    if volume.status not in (("available", "in-use") if force else ("available",)):
        wanted = "available or in-use" if force else "available"
        raise BadRequest(f"Invalid volume: Volume {volume.id} status must be {wanted}, but current status is: {volume.status}.")
    quota.claim(tx, request, snapshots=1, gigabytes=volume.size)
    row = SNAPSHOTS.insert(
        tx,
        request,
        {
            "name": body.get("name", body.get("display_name")),
            "description": body.get("description", body.get("display_description")),
            "volume_id": volume.id,
            "status": "creating",
            "size": volume.size,
            "metadata": body.get("metadata") or {},
            "user_id": request.caller.user_id,
            "project_id": volume.project_id,
            "consumes_quota": True,
            "host": volume.host,
            "progress": "0%",
            "updated_at": None,
        },
    )
    request.cloud.start(tx, "create_snapshot", volume.id, {"snapshot_id": row.id, "volume_id": volume.id, "host": volume.host}, request)
    return {"snapshot": SNAPSHOTS.views(request, tx, [row], _BRIEF)[0]}


def _as_volume(request: Request) -> Request:
    """Volumes are looked up here by an id in the body, so an admin's sees every project's."""
    request.params.setdefault("id", request.body["snapshot"]["volume_id"])
    return request


def update_snapshot(request: Request, tx: Transaction) -> dict[str, Any]:
    """Rename or describe a snapshot."""
    row = SNAPSHOTS.get(request, tx, request.params["id"])
    SNAPSHOTS.authorize(request, "update", row)
    row = SNAPSHOTS.change(tx, request, row, request.body["snapshot"])
    return {"snapshot": SNAPSHOTS.views(request, tx, [row], _BRIEF)[0]}


def delete_snapshot(request: Request, tx: Transaction) -> None:
    """Delete a snapshot."""
    row = SNAPSHOTS.get(request, tx, request.params["id"])
    SNAPSHOTS.authorize(request, "delete", row)
    if row.status not in ("available", "error"):
        raise BadRequest("Invalid snapshot: Snapshot status must be available or error.")
    start_delete(request, tx, row)


def start_delete(request: Request, tx: Transaction, row: Row[Any]) -> None:
    """Begin to delete a snapshot whatever its status is."""
    set_snapshot(tx, row.id, status="deleting")
    request.cloud.cancel(tx, row.id)
    request.cloud.start(tx, "delete_snapshot", row.volume_id, {"snapshot_id": row.id, "host": row.host}, request)


def get_metadata(request: Request, tx: Transaction) -> dict[str, Any]:
    """Show a snapshot's metadata."""
    row = SNAPSHOTS.get(request, tx, request.params["id"])
    request.authorize("volume:get_snapshot_metadata", SNAPSHOTS.target(row))
    return {"metadata": row.meta}


def put_metadata(request: Request, tx: Transaction) -> dict[str, Any]:
    """Add to a snapshot's metadata, or with PUT replace it."""
    row = SNAPSHOTS.get(request, tx, request.params["id"])
    request.authorize("volume:update_snapshot_metadata", SNAPSHOTS.target(row))
    new = request.body["metadata"] if request.method == "PUT" else {**row.meta, **request.body["metadata"]}
    SNAPSHOTS.change(tx, request, row, {"metadata": new})
    return {"metadata": new}


def _action(request: Request, tx: Transaction) -> None:
    """Reset a snapshot's status or force its deletion (admin)."""
    row = SNAPSHOTS.get(request, tx, request.params["id"])
    if "os-reset_status" in request.body:
        request.authorize("volume_extension:snapshot_admin_actions:reset_status", SNAPSHOTS.target(row))
        set_snapshot(tx, row.id, status=request.body["os-reset_status"]["status"])
    else:
        request.authorize("volume_extension:snapshot_admin_actions:force_delete", SNAPSHOTS.target(row))
        start_delete(request, tx, row)


_TEXT = {"type": ["string", "null"], "maxLength": 255}
_UPDATABLE = {"name": _TEXT, "description": _TEXT, "display_name": _TEXT, "display_description": _TEXT}
_UUID = {"type": "string", "format": "uuid"}
CREATE = {
    "type": "object",
    "properties": {
        "snapshot": {
            "type": "object",
            "properties": {
                **_UPDATABLE,
                "volume_id": _UUID,
                "force": {"enum": [True, False, "True", "true", "False", "false", "1", "0", "t", "f"]},
                "metadata": METADATA,
            },
            "required": ["volume_id"],
            "additionalProperties": False,
        }
    },
    "required": ["snapshot"],
    "additionalProperties": False,
}
UPDATE = {
    "type": "object",
    "properties": {"snapshot": {"type": "object", "properties": _UPDATABLE, "additionalProperties": False, "minProperties": 1}},
    "required": ["snapshot"],
    "additionalProperties": False,
}
STATUSES = ["available", "creating", "deleting", "error", "error_deleting"]
ACTION = {
    "type": "object",
    "oneOf": [
        {
            "properties": {"os-reset_status": {"type": "object", "properties": {"status": {"enum": STATUSES}}, "required": ["status"]}},
            "required": ["os-reset_status"],
        },
        {"properties": {"os-force_delete": {}}, "required": ["os-force_delete"]},
    ],
}
_METADATA_BODY = {"type": "object", "properties": {"metadata": METADATA}, "required": ["metadata"], "additionalProperties": False}

routes = SNAPSHOTS.routes(only=("show", "delete"), delete=delete_snapshot)
routes.get("", policy="volume:get_all_snapshots")(list_brief)
routes.add("GET", "/detail", SNAPSHOTS.list, "read", policy="volume:get_all_snapshots")
routes.post("", policy="volume:create_snapshot", body=CREATE, status=202)(create_snapshot)
routes.put("/{id}", policy="volume:update_snapshot", body=UPDATE)(update_snapshot)
routes.get("/{id}/metadata", policy="volume:get_snapshot_metadata")(get_metadata)
routes.post("/{id}/metadata", policy="volume:update_snapshot_metadata", body=_METADATA_BODY)(put_metadata)
routes.put("/{id}/metadata", policy="volume:update_snapshot_metadata", body=_METADATA_BODY)(put_metadata)
routes.post("/{id}/action", policy="volume_extension:snapshot_admin_actions:reset_status", body=ACTION, status=202)(_action)
