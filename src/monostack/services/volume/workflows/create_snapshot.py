"""create_snapshot: copy the volume as it is at one moment, also while a server writes to it."""

from typing import Any

from monostack.db import Transaction
from monostack.hostcommands import ask
from monostack.operations import Run, Step, Workflow
from monostack.protocol.volumes import SnapshotRef, SnapshotVolume
from monostack.services.volume.attachments.table import holder
from monostack.services.volume.messages.messages import SNAPSHOT, SNAPSHOT_FAILED, VOLUME_SNAPSHOT, tell
from monostack.services.volume.snapshots.table import set_snapshot
from monostack.services.volume.workflows.key import key_for
from monostack.services.volume.workflows.outcome import LONG, cause


async def copy(run: Run) -> None:
    server_id = await run.cloud.db.read(lambda tx: holder(tx, run.resource_id))
    request = SnapshotVolume(run.resource_id, run.input["snapshot_id"], server_id, await key_for(run, run.resource_id))
    await ask(run, run.input["host"], "volume.snapshot", request, LONG)


async def remove(run: Run) -> None:
    await ask(run, run.input["host"], "volume.delete_snapshot", SnapshotRef(run.input["snapshot_id"]))


# A snapshot that is to be deleted already stays so: the deletion waits its turn.


def done(run: Run, tx: Transaction) -> None:
    set_snapshot(tx, run.input["snapshot_id"], status="available", progress="100%", expected="creating")


def failed(run: Run, tx: Transaction, error: dict[str, Any]) -> None:
    set_snapshot(tx, run.input["snapshot_id"], status="error", fault=cause(error), expected="creating")
    tell(tx, run, SNAPSHOT, SNAPSHOT_FAILED, run.input["snapshot_id"], run.project_id, VOLUME_SNAPSHOT)


WORKFLOW = Workflow(
    "create_snapshot",
    (Step("copy", copy, remove, timeout=LONG + 60),),
    done=done,
    failed=failed,
    doc="Copy a volume as it is at one moment.",
)
