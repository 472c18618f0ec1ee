"""Deleting volumes, or giving them up: when it is allowed, and what it sets in motion."""

from collections.abc import Sequence
from typing import Any

from monostack.db import Row, Transaction
from monostack.events import record
from monostack.http import Request
from monostack.protocol.volumes import volume_name
from monostack.services.volume.attachments.table import HAVE, of_volume
from monostack.services.volume.hosts.table import require_not_frozen
from monostack.services.volume.lists import is_admin
from monostack.services.volume.snapshots.table import of_volume as snapshots_of
from monostack.services.volume.snapshots.table import set_snapshot
from monostack.services.volume.volumes.table import REMOVE, disk_format, set_volume
from monostack.services.volume.words import either, invalid_volume

DELETABLE = ("available", "error", "error_restoring", "error_extending", "error_managing")
NOT_MIGRATING = (None, "deleting", "error", "success")
DELETABLE_SNAPSHOTS = ("available", "error")


def start(
    tx: Transaction, cloud: Any, row: Row, snapshots: Sequence[Row], request: Request | None = None, *, unmanage: bool = False
) -> None:
    """Begin to delete a volume and these snapshots of it, or be done with it at once when it is on no host. Nothing is checked.

    With `unmanage` its file is kept, as it is of a volume that could not be managed: what there is of it is not the cloud's.
    What was under way with the volume is cancelled; then the operations run in the order they are started in.
    """
    cloud.cancel(tx, row.id)
    if row.host is None:
        tx.execute(REMOVE, {"the_id": row.id})
        record(tx, request, "volume.delete", row.id, row.project_id)
        return
    if unmanage or row.status == "error_managing":
        status = "error_managing_deleting" if row.status == "error_managing" else "unmanaging"
        set_volume(tx, row.id, status=status, previous_status=row.status)
        given = {"host": row.host, "pool": row.pool, "name": volume_name(row.id), "format": disk_format(row)}
        cloud.start(tx, "unmanage_volume", row.id, given, request, row.project_id)
        return
    set_volume(tx, row.id, status="deleting", previous_status=row.status)
    for snapshot in snapshots:
        set_snapshot(tx, snapshot.id, status="deleting")
        cloud.start(tx, "delete_snapshot", row.id, {"snapshot_id": snapshot.id, "host": snapshot.host}, request, snapshot.project_id)
    cloud.start(tx, "delete_volume", row.id, {"host": row.host}, request, row.project_id)


def delete(tx: Transaction, request: Request, row: Row, *, force: bool = False, cascade: bool = False, unmanage: bool = False) -> None:
    """Delete a volume that nothing uses. Raises BadRequest.

    `force` overlooks its status, not what depends on it; `cascade` deletes its snapshots, too; `unmanage` keeps its file.
    """
    if unmanage and row.encryption_key_id is not None:
        raise invalid_volume("Unmanaging encrypted volumes is not supported.")
    snapshots = snapshots_of(tx, row.id)
    blocked = (not force and row.status not in DELETABLE) or row.migration_status not in NOT_MIGRATING
    blocked = blocked or row.group_id is not None
    blocked = blocked or any(attachment.status in HAVE for attachment in of_volume(tx, row.id))
    if cascade and not force:
        blocked = blocked or any(snapshot.status not in DELETABLE_SNAPSHOTS for snapshot in snapshots)
        blocked = blocked or (not is_admin(request) and any(snapshot.project_id != request.caller.project_id for snapshot in snapshots))
    if blocked or (snapshots and not cascade):
        status = "" if force else f"status must be {either(DELETABLE)} and"
        raise invalid_volume(
            f"Volume {status} must not be migrating, attached, belong to a group, have snapshots, awaiting a transfer, "
            "or be disassociated from snapshots after volume transfer."
        )
    if not unmanage:
        require_not_frozen(tx, row.host, row.pool)
    start(tx, request.cloud, row, snapshots, request, unmanage=unmanage)
