"""refill_volume: replace what is in a volume by an image or by its latest snapshot. What was in it before is gone with the first step."""

from typing import Any

from monostack.db import Transaction
from monostack.hostcommands import ask
from monostack.operations import Run, Step, Workflow
from monostack.protocol.volumes import VolumeRef
from monostack.services.volume.messages.messages import REIMAGE, UNKNOWN, tell
from monostack.services.volume.snapshots.table import set_snapshot
from monostack.services.volume.volumes.table import BY_ID, set_volume
from monostack.services.volume.workflows.create_volume import make
from monostack.services.volume.workflows.outcome import LONG, cause, overtaken


async def empty(run: Run) -> None:
    await ask(run, run.input["host"], "volume.delete", VolumeRef(run.resource_id))


def done(run: Run, tx: Transaction) -> None:
    row = tx.execute(BY_ID, {"the_id": run.resource_id}).one()
    values: dict[str, Any] = {"status": row.previous_status, "fault": None}
    if run.input.get("image_id"):
        # What was in error is whole again.
        values["status"] = "available" if row.previous_status == "error" else row.previous_status
        values.update(image_meta=run.input["image_meta"], bootable=True)
    set_volume(tx, run.resource_id, **values)
    _free_snapshot(run, tx)


def failed(run: Run, tx: Transaction, error: dict[str, Any]) -> None:
    _free_snapshot(run, tx)
    if overtaken(error):
        return
    set_volume(tx, run.resource_id, status="error", fault=cause(error))
    if run.input.get("image_id"):
        tell(tx, run, REIMAGE, UNKNOWN, run.resource_id, run.project_id)


def _free_snapshot(run: Run, tx: Transaction) -> None:
    if run.input.get("snapshot_id"):
        set_snapshot(tx, run.input["snapshot_id"], status="available", expected="restoring")


WORKFLOW = Workflow(
    "refill_volume",
    (Step("empty", empty), Step("make", make, timeout=LONG + 60)),
    done=done,
    failed=failed,
    unwind=False,
    doc="Replace what is in a volume by an image or by its latest snapshot.",
)
