"""manage_volume: make a volume of a file that its host has, if the project has room for it."""

from typing import Any

import msgspec

from monostack.core.errors import TooLarge
from monostack.db import Transaction
from monostack.hostcommands import ask
from monostack.operations import Run, Step, StepError, Workflow
from monostack.protocol.volumes import ConvertVolume, Managed, UnmanagedVolume
from monostack.services.volume.quotas import claims
from monostack.services.volume.volumes.table import BY_ID, set_volume
from monostack.services.volume.workflows.outcome import LONG, cause, overtaken

NO_NAME = "Reference must contain source-name element."


def _file(run: Run) -> UnmanagedVolume:
    return UnmanagedVolume(run.resource_id, run.input["name"], run.input["pool"])


async def take(run: Run) -> dict[str, Any]:
    if run.input["name"] is None:
        raise StepError(NO_NAME, kind="volume.bad_reference")
    return {"size": msgspec.convert(await ask(run, run.input["host"], "volume.manage", _file(run)), Managed).size_gib}


async def give_back(run: Run) -> None:
    if run.input["name"] is not None:
        await ask(run, run.input["host"], "volume.unmanage", _file(run))


async def convert(run: Run) -> None:
    """Give the volume the file that one of its type has: what is found is qcow2."""
    await ask(run, run.input["host"], "volume.convert", ConvertVolume(run.resource_id, format=run.input["format"]), LONG)


async def convert_back(run: Run) -> None:
    await ask(run, run.input["host"], "volume.convert", ConvertVolume(run.resource_id), LONG)


async def claim(run: Run) -> None:
    try:
        await run.cloud.db.write(lambda tx: _grow(run, tx))
    except TooLarge as fault:
        raise StepError(fault.message, kind="volume.quota") from None


def _grow(run: Run, tx: Transaction) -> None:
    row, size = tx.execute(BY_ID, {"the_id": run.resource_id}).one(), run.data["size"]
    if row.size != size:
        claims.extension(tx, run.cloud, row, size, run.input["kind"])
        set_volume(tx, row.id, size=size)


async def unclaim(run: Run) -> None:
    await run.cloud.db.write(lambda tx: set_volume(tx, run.resource_id, size=0))


def done(run: Run, tx: Transaction) -> None:
    set_volume(tx, run.resource_id, status="available", fault=None)


def failed(run: Run, tx: Transaction, error: dict[str, Any]) -> None:
    if not overtaken(error):
        set_volume(tx, run.resource_id, status="error_managing", fault=cause(error))


WORKFLOW = Workflow(
    "manage_volume",
    (
        Step("take", take, give_back),
        Step("claim", claim, unclaim),
        Step("convert", convert, convert_back, timeout=LONG + 60, when=lambda given: given["format"] != "qcow2"),
    ),
    done=done,
    failed=failed,
    doc="Make a volume of a file that its host has.",
)
