"""delete_volume: remove the volume's file, then its row. Snapshots that go with it were deleted before, each by an operation of its own."""

from typing import Any

from monostack.db import Transaction
from monostack.events import record
from monostack.operations import Run, Step, StepError, Workflow
from monostack.protocol.volumes import VolumeRef
from monostack.services.volume.snapshots.table import of_volume
from monostack.services.volume.volumes.table import REMOVE, set_volume
from monostack.services.volume.workflows.outcome import cause
from monostack.services.volume.workflows.removal import remove


async def delete(run: Run) -> None:
    left = await run.cloud.db.read(lambda tx: of_volume(tx, run.resource_id))
    if left:
        raise StepError(f"Snapshot {left[0].id} of the volume could not be deleted.", kind="volume.has_snapshots")
    await remove(run, "volume.delete", VolumeRef(run.resource_id))


def done(run: Run, tx: Transaction) -> None:
    tx.execute(REMOVE, {"the_id": run.resource_id})
    record(tx, None, "volume.delete", run.resource_id, run.project_id)


def failed(run: Run, tx: Transaction, error: dict[str, Any]) -> None:
    set_volume(tx, run.resource_id, status="error_deleting", fault=cause(error))


WORKFLOW = Workflow("delete_volume", (Step("delete", delete, tries=5),), done=done, failed=failed, unwind=False, doc="Remove a volume.")
