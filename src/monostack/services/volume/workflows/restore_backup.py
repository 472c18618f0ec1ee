"""restore_backup: replace what is in a volume by what a backup holds. What was in it before is gone with the first step.

A volume on another host than the backup moves to the backup's.
"""

from typing import Any

from monostack.db import Transaction
from monostack.hostcommands import ask
from monostack.operations import Run, Step, Workflow
from monostack.protocol.volumes import CreateVolume, RestoreVolume, VolumeRef
from monostack.services.volume.backups import restoring
from monostack.services.volume.messages.messages import RESTORE, RESTORE_FAILED, VOLUME_BACKUP, tell
from monostack.services.volume.volumes.table import set_volume
from monostack.services.volume.workflows.outcome import LONG, cause


async def leave(run: Run) -> None:
    if run.input["left"] != run.input["host"]:
        await ask(run, run.input["left"], "volume.delete", VolumeRef(run.resource_id))


async def arrive(run: Run) -> None:
    if run.input["left"] != run.input["host"]:
        await ask(run, run.input["host"], "volume.create", CreateVolume(run.resource_id, run.input["size"]))


async def restore(run: Run) -> None:
    await ask(run, run.input["host"], "volume.restore", RestoreVolume(run.input["stored_as"], run.resource_id), LONG)


def done(run: Run, tx: Transaction) -> None:
    set_volume(tx, run.resource_id, status="available", fault=None, **restoring.finish(run, tx))


def failed(run: Run, tx: Transaction, error: dict[str, Any]) -> None:
    restoring.release(run, tx)
    set_volume(tx, run.resource_id, expected="restoring-backup", status="error_restoring", fault=cause(error))
    tell(tx, run, RESTORE, RESTORE_FAILED, run.input["backup_id"], run.project_id, VOLUME_BACKUP)


WORKFLOW = Workflow(
    "restore_backup",
    (Step("leave", leave), Step("arrive", arrive), Step("restore", restore, timeout=LONG + 60),),
    done=done,
    failed=failed,
    unwind=False,
    doc="Replace what is in a volume by a backup.",
)
