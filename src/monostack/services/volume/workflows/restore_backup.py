"""restore_backup: replace what is in a volume by what a backup holds. What was in it before is gone with the first step.

A volume on another host than the backup moves to the backup's.
"""

from typing import Any

from monostack.db import Transaction
from monostack.hostcommands import ask
from monostack.operations import Run, Step, StepError, Workflow
from monostack.protocol.volumes import CreateVolume, RestoreVolume, VolumeRef
from monostack.services.volume import keys
from monostack.services.volume.backups import restoring
from monostack.services.volume.backups.table import ONE
from monostack.services.volume.messages.messages import RESTORE, RESTORE_FAILED, VOLUME_BACKUP, tell
from monostack.services.volume.volumes.table import BY_ID, disk_format, set_volume
from monostack.services.volume.workflows.outcome import LONG, cause


async def leave(run: Run) -> None:
    if run.input["left"] != run.input["host"]:
        await ask(run, run.input["left"], "volume.delete", VolumeRef(run.resource_id))


async def arrive(run: Run) -> None:
    if run.input["left"] != run.input["host"]:
        row = await run.cloud.db.read(lambda tx: tx.execute(BY_ID, {"the_id": run.resource_id}).one())
        spec = CreateVolume(row.id, run.input["size"], key=keys.opened(run.cloud, row), format=disk_format(row), pool=row.pool)
        await ask(run, run.input["host"], "volume.create", spec)


async def restore(run: Run) -> None:
    await ask(run, run.input["host"], "volume.restore", await run.cloud.db.read(lambda tx: _described(run, tx)), LONG)


def _described(run: Run, tx: Transaction) -> RestoreVolume:
    """Raises StepError when an encrypted backup cannot be put into the volume."""
    backup = tx.execute(ONE, {"the_id": run.input["backup_id"]}).one()
    volume = tx.execute(BY_ID, {"the_id": run.resource_id}).one()
    source = backup.saved.get("encrypted_type")
    if source not in (None, volume.volume_type_id):
        raise StepError(
            f"The source volume type '{source}' is different than the destination volume type '{volume.volume_type_id}'.",
            kind="backup.encrypted",
        )
    if source is not None and backup.encryption_key_id is None:
        raise StepError(f"The key of backup {backup.id} is not known here.", kind="backup.encrypted")
    key, backup_key = keys.opened(run.cloud, volume), keys.opened(run.cloud, backup)
    return RestoreVolume(run.input["stored_as"], run.resource_id, key, backup_key)


def done(run: Run, tx: Transaction) -> None:
    set_volume(tx, run.resource_id, status="available", fault=None, **restoring.finish(run, tx))


def failed(run: Run, tx: Transaction, error: dict[str, Any]) -> None:
    restoring.release(run, tx)
    set_volume(tx, run.resource_id, expected="restoring-backup", status="error_restoring", fault=cause(error))
    tell(tx, run, RESTORE, RESTORE_FAILED, run.input["backup_id"], run.project_id, VOLUME_BACKUP)


WORKFLOW = Workflow(
    "restore_backup",
    (
        Step("leave", leave),
        Step("arrive", arrive),
        Step("restore", restore, timeout=LONG + 60),
    ),
    done=done,
    failed=failed,
    unwind=False,
    doc="Replace what is in a volume by a backup.",
)
