"""create_backup: have the host of a volume back it up, or its snapshot, also while a server writes to it."""

from typing import Any

import msgspec

from monostack.db import Transaction
from monostack.hostcommands import ask
from monostack.operations import Run, Step, Workflow
from monostack.protocol.volumes import BackupMade, BackupRef, BackupVolume
from monostack.services.volume.backups.table import set_backup
from monostack.services.volume.messages.messages import BACKUP, BACKUP_FAILED, VOLUME_BACKUP, tell
from monostack.services.volume.snapshots.table import set_snapshot
from monostack.services.volume.volumes.table import set_volume
from monostack.services.volume.words import ZONE
from monostack.services.volume.workflows.key import key_for
from monostack.services.volume.workflows.outcome import LONG, cause


async def copy(run: Run) -> dict[str, Any]:
    given = run.input
    key = await key_for(run, run.resource_id)
    request = BackupVolume(given["backup_id"], run.resource_id, given["snapshot_id"], given["parent"], given["server_id"], key)
    made = msgspec.convert(await ask(run, given["host"], "volume.backup", request, LONG), BackupMade)
    return {"objects": made.objects}


async def remove(run: Run) -> None:
    await ask(run, run.input["host"], "volume.delete_backup", BackupRef(run.input["backup_id"]))


def _release(run: Run, tx: Transaction, previous: str) -> None:
    if run.input["snapshot_id"]:
        set_snapshot(tx, run.input["snapshot_id"], status="available", expected="backing-up")
    else:
        set_volume(tx, run.resource_id, expected="backing-up", status=run.input["previous_status"], previous_status=previous)


def done(run: Run, tx: Transaction) -> None:
    _release(run, tx, "backing-up")
    backup_id = run.input["backup_id"]
    where = f"{backup_id[:2]}/{backup_id[2:4]}/{backup_id}"
    set_backup(
        tx,
        backup_id,
        expected="creating",
        status="available",
        object_count=run.data["objects"],
        availability_zone=ZONE,
        container=run.input["container"] if run.input["container"] is not None else where,
    )


def failed(run: Run, tx: Transaction, error: dict[str, Any]) -> None:
    _release(run, tx, "error_backing-up")
    set_backup(tx, run.input["backup_id"], expected="creating", status="error", fail_reason=cause(error))
    tell(tx, run, BACKUP, BACKUP_FAILED, run.input["backup_id"], run.project_id, VOLUME_BACKUP)


WORKFLOW = Workflow(
    "create_backup",
    (Step("copy", copy, remove, timeout=LONG + 60),),
    done=done,
    failed=failed,
    doc="Back up a volume or a snapshot.",
)
