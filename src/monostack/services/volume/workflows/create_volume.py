"""create_volume: make the volume's file on its host, from its source if it has one."""

from typing import Any

from monostack.db import Transaction
from monostack.hostcommands import ask
from monostack.operations import Run, Step, Workflow
from monostack.protocol.volumes import CreateVolume, VolumeRef
from monostack.services.image import facade as images
from monostack.services.volume.volumes.table import set_volume

TIMEOUT = 3600.0  # seconds: large images take their time


async def make(run: Run) -> None:
    given = run.input
    source = None
    if given.get("image_id"):
        source = await run.cloud.db.read(lambda tx: images.source(tx, run.cloud, given["image_id"]))
    spec = CreateVolume(run.resource_id, given["size"], source, given.get("snapshot_id"), given.get("source_volid"))
    await ask(run, run.input["host"], "volume.create", spec, timeout=TIMEOUT)


async def unmake(run: Run) -> None:
    await ask(run, run.input["host"], "volume.delete", VolumeRef(run.resource_id))


def done(run: Run, tx: Transaction) -> None:
    set_volume(tx, run.resource_id, status="available", bootable=run.input["bootable"], volume_image_metadata=run.input["image_metadata"])


def failed(run: Run, tx: Transaction, error: dict[str, Any]) -> None:
    if error["kind"] != "cancelled":  # else a delete has taken over
        set_volume(tx, run.resource_id, status="error", fault=error["message"][:1024])


WORKFLOW = Workflow("create_volume", (Step("make", make, unmake, timeout=TIMEOUT),), done=done, failed=failed)
