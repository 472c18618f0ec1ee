"""delete_snapshot: remove the snapshot's file, then the snapshot."""

from typing import Any

from monostack.db import Transaction
from monostack.events import record
from monostack.hostcommands import ask
from monostack.operations import Run, Step, Workflow
from monostack.protocol.volumes import SnapshotRef
from monostack.services.volume.snapshots import REMOVE, set_snapshot


async def remove(run: Run) -> None:
    if run.input["host"]:
        await ask(run, run.input["host"], "volume.delete_snapshot", SnapshotRef(run.input["snapshot_id"]))


def done(run: Run, tx: Transaction) -> None:
    tx.execute(REMOVE, {"the_id": run.input["snapshot_id"]})
    record(tx, None, "snapshot.delete", run.input["snapshot_id"], run.project_id)


def failed(run: Run, tx: Transaction, error: dict[str, Any]) -> None:
    set_snapshot(tx, run.input["snapshot_id"], status="error_deleting")


WORKFLOW = Workflow("delete_snapshot", (Step("remove", remove, tries=5),), done=done, failed=failed, unwind=False)
