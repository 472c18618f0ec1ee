"""delete_volume: remove the volume's file, then the volume."""

from typing import Any

from monostack.db import Transaction
from monostack.events import record
from monostack.hostcommands import ask
from monostack.operations import Run, Step, Workflow
from monostack.protocol.volumes import VolumeRef
from monostack.services.volume.volumes.table import REMOVE, set_volume


async def remove(run: Run) -> None:
    if run.input["host"]:
        await ask(run, run.input["host"], "volume.delete", VolumeRef(run.resource_id))


def done(run: Run, tx: Transaction) -> None:
    tx.execute(REMOVE, {"the_id": run.resource_id})
    record(tx, None, "volume.delete", run.resource_id, run.project_id)


def failed(run: Run, tx: Transaction, error: dict[str, Any]) -> None:
    set_volume(tx, run.resource_id, status="error_deleting", fault=error["message"][:1024])


WORKFLOW = Workflow("delete_volume", (Step("remove", remove, tries=5),), done=done, failed=failed, unwind=False)
