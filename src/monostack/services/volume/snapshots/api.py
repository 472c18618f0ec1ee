"""The operations on snapshots."""

from collections.abc import Mapping
from typing import Any

from monostack.core.errors import BadRequest
from monostack.db import Row, Transaction
from monostack.http import Request, Response, Routes
from monostack.http.answers import NOTHING, envelope
from monostack.protocol.volumes import snapshot_name
from monostack.services.volume.dialect import accepted
from monostack.services.volume.hosts.table import require_not_frozen
from monostack.services.volume.item_metadata import ItemMetadata
from monostack.services.volume.lists import WORD, Listing, counted, counted_page
from monostack.services.volume.parameters import (
    DESCRIPTION,
    FLAG,
    METADATA_OR_NULL,
    NULL_OR_UUID,
    TEXT_OR_NULL,
    as_flag,
    enveloped,
    fields,
    items,
    trimmed,
)
from monostack.services.volume.quotas import claims
from monostack.services.volume.snapshots.lookup import named
from monostack.services.volume.snapshots.table import EXTENSIONS, PROGRESS, PROJECT, SNAPSHOTS, set_snapshot
from monostack.services.volume.types import table as types
from monostack.services.volume.volumes import lookup as volumes
from monostack.services.volume.volumes.deletion import DELETABLE_SNAPSHOTS, NOT_MIGRATING
from monostack.services.volume.volumes.table import BY_ID, VOLUMES
from monostack.services.volume.words import either, invalid_snapshot, invalid_volume

NO_FORCE = (
    "Since microversion 3.66 the 'force' flag is invalid for this request.  For backward compatability, however, when the 'force' flag is "
    "passed with a value evaluating to True, it is silently ignored."
)
_SAME = ("id", "created_at", "updated_at", "user_id", "project_id", "volume_id", "status", "progress", "volume_type_id")
LISTING = Listing(
    columns={
        **{name: name for name in _SAME},
        "group_snapshot_id": "group_snapshot_id",
        **dict.fromkeys(("cgsnapshot_id", "encryption_key_id", "provider_id", "provider_location", "deleted_at")),
        "display_name": "name",
        "display_description": "description",
        "volume_size": "size",
        "use_quota": "consumes_quota",
    },
    open=("name", "status", "volume_id", "metadata", "availability_zone", "consumes_quota"),
    legacy=("status", "volume_id", "name", "metadata"),
    pairs={"metadata": "items"},
    special={"host": "pool", "availability_zone": "zone"},
    since={"metadata": (3, 22), "use_quota": (3, 65)},
    tenants=WORD,
    counted=True,
    name_sorts=(3, 30),
)
CREATE = enveloped(
    "snapshot",
    fields(
        ("volume_id",),
        name=TEXT_OR_NULL,
        display_name=TEXT_OR_NULL,
        description=DESCRIPTION,
        volume_id=NULL_OR_UUID,
        force=FLAG,
        metadata=METADATA_OR_NULL,
    ),
)
_NAMES: dict[str, Any] = {
    "name": TEXT_OR_NULL,
    "description": DESCRIPTION,
    "display_name": TEXT_OR_NULL,
    "display_description": DESCRIPTION,
}
UPDATE = enveloped("snapshot", {**fields(**_NAMES), "anyOf": [{"required": [name]} for name in _NAMES]})
METADATA_CALLS = ItemMetadata(
    SNAPSHOTS,
    named,
    {
        "get": "volume:get_snapshot_metadata",
        "create": "volume:update_snapshot_metadata",
        "update": "volume:update_snapshot_metadata",
        "delete": "volume:delete_snapshot_metadata",
    },
    items=items({"type": "string", "maxLength": 255}, "a-zA-Z0-9-_:. "),
    open=True,
)
routes = Routes("/v3/snapshots")


def _brief(request: Request, tx: Transaction, rows: Any) -> list[dict[str, Any]]:
    """Snapshots without the attributes that extensions add."""
    return [{name: value for name, value in item.items() if name not in EXTENSIONS} for item in SNAPSHOTS.views(request, tx, rows)]


def summaries(request: Request, tx: Transaction, rows: Any) -> list[dict[str, Any]]:
    """Snapshots as the brief list has them: what later versions added is left out."""
    newer = ("group_snapshot_id", "user_id", "consumes_quota")
    return [{name: value for name, value in item.items() if name not in newer} for item in _brief(request, tx, rows)]


_PLAIN = SNAPSHOTS.answer.with_keys("SnapshotSummary", {}, without=(PROJECT, PROGRESS))
LISTED = _PLAIN.with_keys("SnapshotInList", {}, without=("group_snapshot_id", "user_id", "consumes_quota"))


@routes.get("", policy="volume:get_all_snapshots", answer=counted("snapshots", LISTED))
def list_brief(request: Request, tx: Transaction) -> dict[str, Any]:
    """List snapshots."""
    request.authorize("volume:get_all_snapshots")
    return counted_page(request, tx, SNAPSHOTS, LISTING, summaries)


@routes.get("/detail", policy="volume:get_all_snapshots", answer=counted("snapshots", SNAPSHOTS.answer))
def list_detail(request: Request, tx: Transaction) -> dict[str, Any]:
    """List snapshots with details."""
    request.authorize("volume:get_all_snapshots")
    return counted_page(request, tx, SNAPSHOTS, LISTING, None)


def require_snapshotable(tx: Transaction, row: Row, in_use: bool) -> None:
    """Can the volume be copied now? Raises BadRequest."""
    require_not_frozen(tx, row.host, row.pool)
    if row.host is None:
        raise invalid_volume("The snapshot cannot be created because volume has not been scheduled to any host.")
    if row.status == "maintenance":
        raise invalid_volume("The snapshot cannot be created when the volume is in maintenance mode.")
    if row.migration_status not in NOT_MIGRATING:
        raise invalid_volume("Snapshot cannot be created while volume is migrating.")
    if row.status == "error":
        raise invalid_volume("The snapshot cannot be created when the volume is in error status.")
    expected = ("available", "in-use") if in_use else ("available",)
    if row.status not in expected:
        raise invalid_volume(f"Volume {row.id} status must be {', '.join(expected)}, but current status is: {row.status}.")


@routes.post("", policy="volume:create_snapshot", body=CREATE, status=202, answer=envelope("snapshot", _PLAIN))
def create_snapshot(request: Request, tx: Transaction) -> dict[str, Any]:
    """Create a snapshot of a volume; of one in use with `force`, from 3.66 on without."""
    body, free = trimmed(request.body["snapshot"]), request.at_least(3, 66)
    volume = volumes.volume(tx, request, body["volume_id"])
    force = as_flag(body["force"]) if "force" in body else False
    if free and "force" in body and not force:
        raise BadRequest(NO_FORCE)
    request.authorize("volume:create_snapshot", VOLUMES.target(volume))
    row = begin(request, tx, volume, body, in_use=force or free)
    return {"snapshot": _brief(request, tx, [row])[0]}


def begin(
    request: Request,
    tx: Transaction,
    volume: Row,
    body: Mapping[str, Any],
    *,
    in_use: bool,
    managing: Mapping[str, Any] | None = None,
) -> Row:
    """Write a snapshot of a volume and start its making; `in_use`: also while a server has the volume. Raises BadRequest, TooLarge.

    With `managing` it is made of a file that the host has: the input of manage_snapshot.
    """
    require_snapshotable(tx, volume, in_use)
    kind = tx.execute(types.BY_ID, {"the_id": volume.volume_type_id}).one()
    claims.snapshot(tx, request, volume.size, kind.name)
    row = SNAPSHOTS.insert(
        tx,
        request,
        {
            "name": body.get("name", body.get("display_name")),
            "description": body.get("description"),
            "volume_id": volume.id,
            "status": "creating",
            "size": volume.size,
            "metadata": body.get("metadata") or {},
            "user_id": request.caller.user_id,
            "project_id": request.caller.project_id,
            "consumes_quota": True,
            "host": volume.host,
            "volume_type_id": volume.volume_type_id,
            "progress": "0%",
            "updated_at": None,
        },
    )
    # On the volume: what is done with one volume is done one after the other.
    given = {"snapshot_id": row.id, "host": volume.host}
    if managing is None:
        request.cloud.start(tx, "create_snapshot", volume.id, given, request)
    else:
        request.cloud.start(tx, "manage_snapshot", volume.id, {**given, **managing}, request)
    return row


@routes.get("/{id}", policy="volume:get_snapshot", answer=SNAPSHOTS.answer_one)
def show_snapshot(request: Request, tx: Transaction) -> dict[str, Any]:
    """Show a snapshot."""
    return SNAPSHOTS.render(request, tx, named(tx, request))


@routes.put("/{id}", policy="volume:update_snapshot", body=UPDATE, answer=envelope("snapshot", _PLAIN))
def update_snapshot(request: Request, tx: Transaction) -> dict[str, Any]:
    """Rename or describe a snapshot."""
    row = named(tx, request)
    request.authorize("volume:update_snapshot", SNAPSHOTS.target(row))
    body = trimmed(request.body["snapshot"])
    old = {new: body[name] for name, new in (("display_name", "name"), ("display_description", "description")) if name in body}
    return {"snapshot": _brief(request, tx, [SNAPSHOTS.change(tx, request, row, old | body)])[0]}


@routes.delete("/{id}", policy="volume:delete_snapshot", status=202, answer=NOTHING)
def delete_snapshot(request: Request, tx: Transaction) -> Response:
    """Delete a snapshot."""
    row = named(tx, request)
    request.authorize("volume:delete_snapshot", SNAPSHOTS.target(row))
    start_delete(request, tx, row)
    return accepted()


def start_delete(request: Request, tx: Transaction, row: Row, *, force: bool = False, unmanage: bool = False) -> None:
    """Begin to delete a snapshot; with `unmanage` its file stays. Raises BadRequest for one that is being made or used, unless `force`."""
    if row.group_snapshot_id is not None or (not force and row.status not in DELETABLE_SNAPSHOTS):
        raise invalid_snapshot(f"Snapshot status must be {either(DELETABLE_SNAPSHOTS)} and must not be part of a group.")
    given = {"snapshot_id": row.id, "host": row.host}
    if unmanage:
        set_snapshot(tx, row.id, status="unmanaging")
        given["name"] = snapshot_name(row.id)
        request.cloud.start(tx, "unmanage_snapshot", row.volume_id, given, request, row.project_id)
        return
    require_not_frozen(tx, row.host, tx.execute(BY_ID, {"the_id": row.volume_id}).one().pool)
    set_snapshot(tx, row.id, status="deleting")
    request.cloud.start(tx, "delete_snapshot", row.volume_id, given, request, row.project_id)
