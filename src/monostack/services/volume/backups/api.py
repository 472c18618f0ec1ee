"""The operations on backups."""

from collections.abc import Sequence
from typing import Any

from monostack.db import Row, Transaction
from monostack.http import Request, Response, Routes
from monostack.http.answers import ID, NOTHING, TEXT, Record, envelope, maybe
from monostack.services.volume.backups import creation
from monostack.services.volume.backups.table import BACKUPS, SUMMARY, has_children, invalid_backup, is_shared, named, set_backup
from monostack.services.volume.backups.targets import restore_to_existing, restore_to_new
from monostack.services.volume.dialect import accepted
from monostack.services.volume.hosts.switches import require_backups
from monostack.services.volume.links import links
from monostack.services.volume.lists import BOOLEAN, Listing, counted, counted_page
from monostack.services.volume.parameters import (
    DESCRIPTION,
    FLAG,
    METADATA,
    METADATA_OR_NULL,
    TEXT_OR_NULL,
    UUID,
    UUID_OR_NULL,
    enveloped,
    fields,
    trimmed,
)

_SAME = (
    "id", "status", "size", "object_count", "availability_zone", "container", "created_at", "updated_at", "fail_reason", "volume_id",
    "snapshot_id", "data_timestamp", "project_id", "user_id", "parent_id", "host", "restore_volume_id",
)  # fmt: skip
_EMPTY = ("encryption_key_id", "temp_volume_id", "temp_snapshot_id", "deleted_at", "service", "service_metadata", "num_dependent_backups")
LISTING = Listing(
    columns={
        **{name: name for name in _SAME},
        **dict.fromkeys(_EMPTY),
        "display_name": "name",
        "display_description": "description",
    },
    open=("name", "status", "volume_id"),
    legacy=("name", "status", "volume_id"),
    tenants=BOOLEAN,
    counted=True,
    name_sorts=(3, 37),
)
_CREATE: dict[str, Any] = {
    "volume_id": UUID,
    "container": TEXT_OR_NULL,
    "description": DESCRIPTION,
    "incremental": FLAG,
    "force": FLAG,
    "name": TEXT_OR_NULL,
    "snapshot_id": UUID_OR_NULL,
}
CREATE = [
    ((0, 0), enveloped("backup", fields(("volume_id",), **_CREATE))),
    ((3, 43), enveloped("backup", fields(("volume_id",), **_CREATE, metadata=METADATA_OR_NULL))),
    ((3, 51), enveloped("backup", fields(("volume_id",), **_CREATE, metadata=METADATA_OR_NULL, availability_zone=TEXT_OR_NULL))),
]
_UPDATE: dict[str, Any] = {"name": TEXT_OR_NULL, "description": DESCRIPTION}


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    return {**schema, "type": ["object", "null"]}


UPDATE = [
    ((0, 0), enveloped("backup", _or_null(fields(**_UPDATE)))),
    ((3, 43), enveloped("backup", _or_null(fields(**_UPDATE, metadata=METADATA)))),
]
RESTORE = enveloped("restore", _or_null(fields(name=TEXT_OR_NULL, volume_id=UUID_OR_NULL)))
routes = Routes("/v3/backups")


def summary(request: Request, row: Row) -> dict[str, Any]:
    return {"id": row.id, "name": row.name, "links": links(request, "backups", row.id)}


def _brief(request: Request, tx: Transaction, rows: Sequence[Row]) -> list[dict[str, Any]]:
    return [summary(request, row) for row in rows]


@routes.get("", policy="backup:get_all", answer=counted("backups", SUMMARY))
def list_brief(request: Request, tx: Transaction) -> dict[str, Any]:
    """List backups: id, name and links."""
    request.authorize("backup:get_all")
    return counted_page(request, tx, BACKUPS, LISTING, _brief)


@routes.get("/detail", policy="backup:get_all", answer=counted("backups", BACKUPS.answer))
def list_detail(request: Request, tx: Transaction) -> dict[str, Any]:
    """List backups with details."""
    request.authorize("backup:get_all")
    return counted_page(request, tx, BACKUPS, LISTING, None)


@routes.post("", policy="backup:create", body=CREATE, status=202, answer=envelope("backup", SUMMARY))
def create_backup(request: Request, tx: Transaction) -> dict[str, Any]:
    """Back up a volume or one of its snapshots; with `incremental` only what has changed since the latest backup."""
    return {"backup": summary(request, creation.create(request, tx, trimmed(request.body["backup"])))}


@routes.get("/{id}", policy="backup:get", answer=BACKUPS.answer_one)
def show_backup(request: Request, tx: Transaction) -> dict[str, Any]:
    """Show a backup."""
    return BACKUPS.render(request, tx, named(tx, request))


@routes.put("/{id}", since=(3, 9), policy="backup:update", body=UPDATE, answer=envelope("backup", SUMMARY))
def update_backup(request: Request, tx: Transaction) -> dict[str, Any]:
    """Rename, describe or annotate a backup."""
    row = named(tx, request)
    BACKUPS.authorize(request, "update", row)
    return {"backup": summary(request, BACKUPS.change(tx, request, row, trimmed(request.body["backup"] or {})))}


@routes.delete("/{id}", policy="backup:delete", status=202, answer=NOTHING)
def delete_backup(request: Request, tx: Transaction) -> Response:
    """Delete a backup that no other was made from."""
    start_delete(request, tx, named(tx, request))
    return accepted()


def start_delete(request: Request, tx: Transaction, row: Row, *, force: bool = False) -> None:
    """Begin to delete a backup. Raises BadRequest for one that is being made or used, unless `force`, and while others depend on it."""
    BACKUPS.authorize(request, "delete", row)
    if not force and row.status not in ("available", "error"):
        raise invalid_backup("Backup status must be available or error")
    if has_children(tx, row.id):
        raise invalid_backup("Incremental backups exist for this backup.")
    if row.host is not None:
        require_backups(tx, row.host)
    set_backup(tx, row.id, status="deleting")
    data = None if is_shared(tx, row.id, row.stored_as) else row.stored_as
    request.cloud.start(tx, "delete_backup", row.id, {"host": row.host, "stored_as": data}, request, row.project_id)


@routes.post(
    "/{id}/restore",
    policy="backup:restore",
    body=RESTORE,
    status=202,
    answer=envelope("restore", Record("Restore", {"backup_id": ID, "volume_id": ID, "volume_name": maybe(TEXT)})),
)
def restore_backup(request: Request, tx: Transaction) -> dict[str, Any]:
    """Put what a backup holds into a volume that nothing uses, or into a new one."""
    row, body = named(tx, request), request.body["restore"] or {}
    request.authorize("backup:restore", BACKUPS.target(row))
    if row.status != "available":
        raise invalid_backup("Backup status must be available")
    require_backups(tx, row.host)
    if body.get("volume_id") is None:
        volume = restore_to_new(request, tx, row, body.get("name"))
    else:
        volume = restore_to_existing(request, tx, row, body["volume_id"])
    return {"restore": {"backup_id": row.id, "volume_id": volume.id, "volume_name": volume.name}}
