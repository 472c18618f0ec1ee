"""What a restore does to the rows of the backup and of the volume."""

from typing import Any

from monostack.db import Row, Transaction
from monostack.operations import Run
from monostack.services.volume.backups.table import ONE, set_backup
from monostack.services.volume.volumes.table import BY_ID

NAME = "restore_backup_"  # the beginning of the name of a volume that was made to restore into


def begin(tx: Transaction, backup: Row, volume_id: str) -> None:
    set_backup(tx, backup.id, status="restoring", restore_volume_id=volume_id)


def finish(run: Run, tx: Transaction) -> dict[str, Any]:
    """The backup can be used again. Returns what the volume takes over from it: metadata, image, and a name if it has none of its own."""
    backup, volume = tx.row(ONE, {"the_id": run.input["backup_id"]}), tx.execute(BY_ID, {"the_id": run.resource_id}).one()
    if backup is None:
        return {}
    release(run, tx)
    saved, values, meta = backup.saved, {}, volume.meta
    if saved.get("meta"):
        meta = saved["meta"]
    if backup.volume_id != volume.id or volume.meta.get("src_backup_id", backup.id) != backup.id:
        meta = {**meta, "src_backup_id": backup.id}
    if meta != volume.meta:
        values["meta"] = meta
    if saved.get("image_meta"):
        values.update(image_meta=saved["image_meta"], bootable=True)
    if saved.get("name") and (not volume.name or volume.name.startswith(NAME)):
        values.update(name=saved["name"], description=saved.get("description"))
    return values


def release(run: Run, tx: Transaction) -> None:
    """The backup is no longer restored from."""
    set_backup(tx, run.input["backup_id"], expected="restoring", status="available")
