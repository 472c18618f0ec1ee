"""extend_volume: make the volume's file larger, under the guest's feet if a server has it."""

from typing import Any

from monostack.db import Transaction
from monostack.hostcommands import ask
from monostack.operations import Run, Step, Workflow
from monostack.protocol.volumes import ExtendVolume
from monostack.services.compute import facade as compute
from monostack.services.volume.messages.messages import EXTEND, EXTEND_FAILED, tell
from monostack.services.volume.volumes.table import BY_ID, set_volume
from monostack.services.volume.workflows.key import key_for
from monostack.services.volume.workflows.outcome import cause, overtaken


async def extend(run: Run) -> None:
    key = await key_for(run, run.resource_id)
    await ask(run, run.input["host"], "volume.extend", ExtendVolume(run.resource_id, run.input["size"], run.input["server_ids"], key))


def done(run: Run, tx: Transaction) -> None:
    row = tx.execute(BY_ID, {"the_id": run.resource_id}).one()
    set_volume(tx, run.resource_id, status=row.previous_status, size=run.input["size"])
    _tell_server(run, tx)


def _tell_server(run: Run, tx: Transaction, error: str | None = None) -> None:
    for server_id in run.input["server_ids"]:
        compute.volume_extended(tx, run, server_id, run.input["started"], error)


def failed(run: Run, tx: Transaction, error: dict[str, Any]) -> None:
    if not overtaken(error):
        set_volume(tx, run.resource_id, status="error_extending", fault=cause(error))
        _tell_server(run, tx, cause(error))
        tell(tx, run, EXTEND, EXTEND_FAILED, run.resource_id, run.project_id)


WORKFLOW = Workflow("extend_volume", (Step("extend", extend),), done=done, failed=failed, unwind=False, doc="Make a volume larger.")
