"""manage_snapshot: make a snapshot of a file that the volume's host has, if the project has room for it."""

from typing import Any

import msgspec

from monostack.core.errors import TooLarge
from monostack.db import Transaction
from monostack.hostcommands import ask
from monostack.operations import Run, Step, StepError, Workflow
from monostack.protocol.volumes import Managed, UnmanagedSnapshot, volume_name
from monostack.services.volume.quotas import claims
from monostack.services.volume.snapshots.table import ONE, set_snapshot
from monostack.services.volume.types import table as types
from monostack.services.volume.workflows.manage_volume import NO_NAME
from monostack.services.volume.workflows.outcome import cause


def file(run: Run) -> UnmanagedSnapshot:
    """The snapshot's file while it is not managed."""
    return UnmanagedSnapshot(run.input["snapshot_id"], volume_name(run.resource_id), run.input["name"])


async def take(run: Run) -> dict[str, Any]:
    if run.input["name"] is None:
        raise StepError(NO_NAME, kind="volume.bad_reference")
    return {"size": msgspec.convert(await ask(run, run.input["host"], "volume.manage_snapshot", file(run)), Managed).size_gib}


async def give_back(run: Run) -> None:
    if run.input["name"] is not None:
        await ask(run, run.input["host"], "volume.unmanage_snapshot", file(run))


async def claim(run: Run) -> None:
    try:
        await run.cloud.db.write(lambda tx: _resize(run, tx))
    except TooLarge as fault:
        raise StepError(fault.message, kind="volume.quota") from None


def _resize(run: Run, tx: Transaction) -> None:
    row, size = tx.execute(ONE, {"the_id": run.input["snapshot_id"]}).one(), run.data["size"]
    if row.size != size:
        claims.snapshot_growth(tx, run.cloud, row, size, tx.execute(types.BY_ID, {"the_id": row.volume_type_id}).one().name)
        set_snapshot(tx, row.id, size=size)


def done(run: Run, tx: Transaction) -> None:
    set_snapshot(tx, run.input["snapshot_id"], expected="creating", status="available")


def failed(run: Run, tx: Transaction, error: dict[str, Any]) -> None:
    set_snapshot(tx, run.input["snapshot_id"], expected="creating", status="error", fault=cause(error))


WORKFLOW = Workflow(
    "manage_snapshot",
    (Step("take", take, give_back), Step("claim", claim)),
    done=done,
    failed=failed,
    doc="Make a snapshot of a file that its host has.",
)
