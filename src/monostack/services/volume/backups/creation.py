"""Making a backup: of what, and from which parent."""

from collections.abc import Mapping, Sequence
from typing import Any

from monostack.core import clock
from monostack.db import Row, Transaction
from monostack.http import Request
from monostack.services.volume import keys
from monostack.services.volume.attachments.table import holder
from monostack.services.volume.backups.table import BACKUPS, invalid_backup, of_volume
from monostack.services.volume.hosts.switches import require_backups
from monostack.services.volume.parameters import as_flag
from monostack.services.volume.quotas import claims
from monostack.services.volume.snapshots import lookup as snapshots
from monostack.services.volume.snapshots.table import set_snapshot
from monostack.services.volume.volumes import lookup as volumes
from monostack.services.volume.volumes.table import VOLUMES, set_volume
from monostack.services.volume.words import invalid_snapshot, invalid_volume

NO_PARENT = "No backups available to do an incremental backup."


def _check_source(volume: Row, snapshot: Row | None, force: bool) -> None:
    """Can it be copied now? Raises BadRequest."""
    if snapshot is not None:
        if snapshot.volume_id != volume.id:
            raise invalid_volume(f"Volume {volume.id} does not match with snapshot.volume_id {snapshot.volume_id}.")
        if snapshot.status != "available":
            raise invalid_snapshot(f'Snapshot to be backed up must be available, but the current status is "{snapshot.status}".')
    elif volume.status not in ("available", "in-use"):
        raise invalid_volume(f'Volume to be backed up must be available or in-use, but the current status is "{volume.status}".')
    elif volume.status == "in-use" and not force:
        raise invalid_volume("Backing up an in-use volume must use the force flag.")


def _parent(backups: Sequence[Row], host: str | None, snapshot: Row | None) -> Row:
    """The backup with the latest data, which must be on the host and older than the snapshot that is backed up. Raises BadRequest."""
    fitting = [one for one in backups if one.status == "available" and one.host == host]
    fitting = [one for one in fitting if snapshot is None or one.data_timestamp < snapshot.created_at]
    if not fitting:
        raise invalid_backup(NO_PARENT)
    return max(fitting, key=lambda one: one.data_timestamp)


def create(request: Request, tx: Transaction, body: Mapping[str, Any]) -> Row:
    """Write a backup and start its making. Raises BadRequest, NotFound, TooLarge."""
    volume = volumes.volume(tx, request, body["volume_id"])
    request.authorize("backup:create", VOLUMES.target(volume))
    wanted = body.get("snapshot_id")
    snapshot = snapshots.snapshot(tx, request, wanted) if wanted else None
    _check_source(volume, snapshot, as_flag(body.get("force", False)))
    claims.backup(tx, request, volume.size)
    parent = None
    if as_flag(body.get("incremental", False)):
        parent = _parent(of_volume(tx, volume.id, request.project_id), volume.host, snapshot)
    require_backups(tx, volume.host)
    row = _write(request, tx, body, volume, snapshot, parent)
    if snapshot is not None:
        set_snapshot(tx, snapshot.id, status="backing-up")
    else:
        set_volume(tx, volume.id, status="backing-up", previous_status=volume.status)
    given = {
        "backup_id": row.id,
        "host": row.host,
        "snapshot_id": wanted or None,
        "parent": parent.stored_as if parent is not None else None,
        "container": body.get("container"),
        "server_id": holder(tx, volume.id) if snapshot is None else None,
        "previous_status": volume.status,
    }
    request.cloud.start(tx, "create_backup", volume.id, given, request)
    return row


def _write(
    request: Request, tx: Transaction, body: Mapping[str, Any], volume: Row, snapshot: Row | None, parent: Row | None
) -> Row:
    id, now = BACKUPS.style.new_id(), clock.now().isoformat(timespec="microseconds")
    saved = {name: getattr(volume, name) for name in ("name", "description", "meta", "image_meta")}
    if volume.encryption_key_id is not None:
        saved["encrypted_type"] = volume.volume_type_id
    return BACKUPS.insert(
        tx,
        request,
        {
            "id": id,
            "name": body.get("name"),
            "description": body.get("description"),
            "metadata": dict(body.get("metadata") or {}) if request.at_least(3, 43) else {},
            "status": "creating",
            "size": volume.size,
            "object_count": 0,
            "availability_zone": body.get("availability_zone") if request.at_least(3, 51) else None,
            "container": body.get("container"),
            "volume_id": volume.id,
            "snapshot_id": snapshot.id if snapshot is not None else None,
            "data_timestamp": snapshot.created_at if snapshot is not None else now,
            "parent_id": parent.id if parent is not None else None,
            "user_id": request.caller.user_id,
            "host": volume.host,
            "stored_as": id,
            "saved": saved,
            **keys.columns_like(request.cloud, volume),
            "created_at": now,
            "updated_at": None,
        },
    )
