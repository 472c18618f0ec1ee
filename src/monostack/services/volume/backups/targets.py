"""Putting a backup back: into a volume there is, or a new one."""


from monostack.core.errors import TooLarge
from monostack.db import Row, Transaction
from monostack.http import Request
from monostack.services.volume.backups.restoring import NAME, begin
from monostack.services.volume.snapshots.table import of_volume
from monostack.services.volume.volumes import creation, lookup
from monostack.services.volume.volumes.table import set_volume
from monostack.services.volume.words import invalid_volume

DESCRIPTION = "auto-created_from_restore_from_backup"


def restore_to_new(request: Request, tx: Transaction, backup: Row, name: str | None) -> Row:
    """Make a volume with what the backup holds; its status says that it is restored, as Cinder's does. Returns its row."""
    body = {"size": backup.size, "name": name if name is not None else NAME + backup.id, "description": DESCRIPTION}
    try:
        volume = creation.create(request, tx, body, backup=backup)
    except TooLarge as fault:
        fault.message = fault.detail
        raise
    set_volume(tx, volume.id, status="restoring-backup")
    return volume


def restore_to_existing(request: Request, tx: Transaction, backup: Row, volume_id: str) -> Row:
    """Replace what a volume holds. Returns its row. Raises NotFound, BadRequest."""
    volume = lookup.volume(tx, request, volume_id)
    if volume.status != "available":
        raise invalid_volume("Volume to be restored to must be available")
    if backup.size > volume.size:
        raise invalid_volume(f"volume size {volume.size} is too small to restore backup of size {backup.size}.")
    host = backup.host or volume.host
    if host != volume.host and (volume.group_id or of_volume(tx, volume.id)):
        raise invalid_volume("The backup is on another host than the volume and its snapshots or group. Restore it to a new volume.")
    begin(tx, backup, volume.id)
    # What the volume holds is given up, so the volume goes to the backup rather than the backup to the volume.
    set_volume(tx, volume.id, status="restoring-backup", previous_status=volume.status, host=host)
    given = {"backup_id": backup.id, "stored_as": backup.stored_as, "host": host, "left": volume.host, "size": volume.size}
    request.cloud.start(tx, "restore_backup", volume.id, given, request, volume.project_id)
    return volume
