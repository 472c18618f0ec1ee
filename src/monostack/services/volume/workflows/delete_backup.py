"""delete_backup: remove the backup's data from its host, then the backup."""

from typing import Any

from monostack.db import Transaction
from monostack.events import record
from monostack.hostcommands import ask
from monostack.operations import Run, Step, Workflow
from monostack.protocol.volumes import BackupRef
from monostack.services.volume.backups.table import REMOVE, set_backup
from monostack.services.volume.messages.messages import DELETE_BACKUP, DELETE_BACKUP_FAILED, VOLUME_BACKUP, tell
from monostack.services.volume.workflows.outcome import cause


async def delete(run: Run) -> None:
    """Data that another backup stands for, too, stays; so does a backup whose host is away."""
    if run.input["stored_as"] is not None and run.input["host"] is not None:
        await ask(run, run.input["host"], "volume.delete_backup", BackupRef(run.input["stored_as"]))


def done(run: Run, tx: Transaction) -> None:
    tx.execute(REMOVE, {"the_id": run.resource_id})
    record(tx, None, "backup.delete", run.resource_id, run.project_id)


def failed(run: Run, tx: Transaction, error: dict[str, Any]) -> None:
    set_backup(tx, run.resource_id, status="error", fail_reason=cause(error))
    tell(tx, run, DELETE_BACKUP, DELETE_BACKUP_FAILED, run.resource_id, run.project_id, VOLUME_BACKUP)


WORKFLOW = Workflow("delete_backup", (Step("delete", delete),), done=done, failed=failed, unwind=False, doc="Remove a backup.")
