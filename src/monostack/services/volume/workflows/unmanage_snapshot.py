"""unmanage_snapshot: put the snapshot's file aside on its host, then forget the snapshot. A host that is away has to come back first."""

from monostack.db import Transaction
from monostack.events import record
from monostack.hostcommands import ask
from monostack.operations import Run, Step, Workflow
from monostack.services.volume.snapshots.table import REMOVE
from monostack.services.volume.workflows.delete_snapshot import failed
from monostack.services.volume.workflows.manage_snapshot import file


async def put_aside(run: Run) -> None:
    await ask(run, run.input["host"], "volume.unmanage_snapshot", file(run))


def done(run: Run, tx: Transaction) -> None:
    tx.execute(REMOVE, {"the_id": run.input["snapshot_id"]})
    record(tx, None, "snapshot.unmanage", run.input["snapshot_id"], run.project_id)


WORKFLOW = Workflow(
    "unmanage_snapshot",
    (Step("put_aside", put_aside, tries=5),),
    done=done,
    failed=failed,
    unwind=False,
    doc="Put a snapshot's file aside and forget the snapshot.",
)
