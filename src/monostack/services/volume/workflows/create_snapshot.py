"""create_snapshot: copy the volume as it is at one moment, also while a server writes to it."""

from typing import Any

from monostack.db import Transaction
from monostack.hostcommands import ask
from monostack.operations import Run, Step, Workflow
from monostack.protocol.volumes import SnapshotRef, SnapshotVolume
from monostack.services.volume.snapshots import set_snapshot
from monostack.services.volume.volumes.table import ATTACHED_TO


async def copy(run: Run) -> None:
    held = await run.cloud.db.read(lambda tx: tx.rows(ATTACHED_TO, {"volumes": [run.input["volume_id"]]}))
    server = next((a.server_id for a in held if a.status in ("attached", "detaching")), None)
    wish = SnapshotVolume(run.input["volume_id"], run.input["snapshot_id"], server)
    await ask(run, run.input["host"], "volume.snapshot", wish, timeout=1800)


async def remove(run: Run) -> None:
    await ask(run, run.input["host"], "volume.delete_snapshot", SnapshotRef(run.input["snapshot_id"]))


def done(run: Run, tx: Transaction) -> None:
    set_snapshot(tx, run.input["snapshot_id"], status="available", progress="100%")


def failed(run: Run, tx: Transaction, error: dict[str, Any]) -> None:
    set_snapshot(tx, run.input["snapshot_id"], status="error")


WORKFLOW = Workflow("create_snapshot", (Step("copy", copy, remove, timeout=1800),), done=done, failed=failed)
