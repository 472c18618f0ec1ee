"""upload_volume: have the host write a volume as the bits of a new image, and collect them. If that fails the image goes again."""

from typing import Any

from monostack.db import Transaction
from monostack.hostcommands import ask
from monostack.operations import Run, Step, Workflow
from monostack.protocol.volumes import ExportVolume
from monostack.services.image import facade as images
from monostack.services.volume import image_keys
from monostack.services.volume.messages.messages import COPY_TO_IMAGE, UPLOAD_FAILED, tell
from monostack.services.volume.volumes.table import set_volume
from monostack.services.volume.workflows.key import key_for
from monostack.services.volume.workflows.outcome import LONG, overtaken


async def export(run: Run) -> None:
    given = run.input
    key = await key_for(run, run.resource_id)
    image_key = await run.cloud.db.read(lambda tx: image_keys.opened(tx, run.cloud, given["image_id"]))
    wanted = ExportVolume(run.resource_id, given["image_id"], given["disk_format"], key, image_key)
    await ask(run, given["host"], "volume.export", wanted, LONG)


async def collect(run: Run) -> None:
    await images.collect(run, run.input["host"], run.input["image_id"], run.input["disk_format"])


async def forget(run: Run) -> None:
    await images.forget(run, run.input["host"], run.input["image_id"])


def done(run: Run, tx: Transaction) -> None:
    set_volume(tx, run.resource_id, expected="uploading", status="available")


def failed(run: Run, tx: Transaction, error: dict[str, Any]) -> None:
    images.drop(tx, run.cloud, run.input["image_id"])
    set_volume(tx, run.resource_id, expected="uploading", status="available")
    if not overtaken(error):
        tell(tx, run, COPY_TO_IMAGE, UPLOAD_FAILED, run.resource_id, run.project_id)


WORKFLOW = Workflow(
    "upload_volume",
    (Step("export", export, forget, timeout=LONG + 60), Step("collect", collect, timeout=LONG)),
    done=done,
    failed=failed,
    doc="Make an image from a volume.",
)
