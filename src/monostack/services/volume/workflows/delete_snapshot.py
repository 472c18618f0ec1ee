"""delete_snapshot: remove the snapshot's file, then the snapshot."""

from typing import Any

from monostack.db import Transaction
from monostack.events import record
from monostack.operations import Run, Step, Workflow
from monostack.protocol.volumes import SnapshotRef
from monostack.services.volume.messages.messages import DELETE_SNAPSHOT, DELETE_SNAPSHOT_FAILED, VOLUME_SNAPSHOT, tell
from monostack.services.volume.snapshots.table import REMOVE, set_snapshot
from monostack.services.volume.workflows.outcome import cause
from monostack.services.volume.workflows.removal import remove


async def delete(run: Run) -> None:
    await remove(run, "volume.delete_snapshot", SnapshotRef(run.input["snapshot_id"]))


def done(run: Run, tx: Transaction) -> None:
    tx.execute(REMOVE, {"the_id": run.input["snapshot_id"]})
    record(tx, None, "snapshot.delete", run.input["snapshot_id"], run.project_id)


def failed(run: Run, tx: Transaction, error: dict[str, Any]) -> None:
    set_snapshot(tx, run.input["snapshot_id"], status="error_deleting", fault=cause(error))
    tell(tx, run, DELETE_SNAPSHOT, DELETE_SNAPSHOT_FAILED, run.input["snapshot_id"], run.project_id, VOLUME_SNAPSHOT)


WORKFLOW = Workflow(
    "delete_snapshot", (Step("delete", delete, tries=5),), done=done, failed=failed, unwind=False, doc="Remove a snapshot."
)
