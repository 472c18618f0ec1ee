"""unmanage_volume: put the volume's file aside on its host, then forget the volume. A host that is away has to come back first."""

from typing import Any

from monostack.db import Transaction
from monostack.events import record
from monostack.hostcommands import ask
from monostack.operations import Run, Step, StepError, Workflow
from monostack.protocol.volumes import ConvertVolume, UnmanagedVolume
from monostack.services.volume.volumes.table import REMOVE, set_volume
from monostack.services.volume.workflows.outcome import LONG, cause


async def convert(run: Run) -> None:
    """Files that are not managed are qcow2."""
    try:
        await ask(run, run.input["host"], "volume.convert", ConvertVolume(run.resource_id), LONG)
    except StepError as error:
        if error.kind != "volume.not_found":  # put aside already, or never taken
            raise


async def put_aside(run: Run) -> None:
    await ask(run, run.input["host"], "volume.unmanage", UnmanagedVolume(run.resource_id, run.input["name"], run.input["pool"]))


def done(run: Run, tx: Transaction) -> None:
    tx.execute(REMOVE, {"the_id": run.resource_id})
    record(tx, None, "volume.unmanage", run.resource_id, run.project_id)


def failed(run: Run, tx: Transaction, error: dict[str, Any]) -> None:
    set_volume(tx, run.resource_id, status="error_unmanaging", fault=cause(error))


WORKFLOW = Workflow(
    "unmanage_volume",
    (
        Step("convert", convert, timeout=LONG + 60, when=lambda given: given["format"] != "qcow2"),
        Step("put_aside", put_aside, tries=5),
    ),
    done=done,
    failed=failed,
    unwind=False,
    doc="Put a volume's file aside and forget the volume.",
)
