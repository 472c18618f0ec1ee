"""Fetching images to a host before servers need them there. What one host has fetched is no trouble if another has not."""

from typing import TYPE_CHECKING, Any

from monostack.core.errors import Fault
from monostack.db import Transaction
from monostack.events import record
from monostack.operations import Run, Step, StepError, Workflow
from monostack.protocol.images import CacheImage
from monostack.services.compute.workflows.commands import ask
from monostack.services.image import facade as image

if TYPE_CHECKING:
    from monostack.cloud import Cloud

TIMEOUT = 3600.0  # seconds for one image


async def fetch_images(run: Run) -> None:
    """One after another: together they would only share the host's line."""
    cloud: Cloud = run.cloud
    for image_id in run.input["images"]:
        try:
            source = await cloud.db.read(lambda tx, id=image_id: image.source(tx, cloud, id))
        except Fault as fault:
            raise StepError(fault.message, kind="image") from None
        await ask(run, run.input["host"], "image.cache", CacheImage(source), TIMEOUT)


def _done(run: Run, tx: Transaction) -> None:
    record(tx, None, "aggregate.images_cached", run.resource_id, None, {"host": run.input["host"], "images": run.input["images"]})


def _failed(run: Run, tx: Transaction, error: dict[str, Any]) -> None:
    about = {"host": run.input["host"], "images": run.input["images"], "reason": error["message"]}
    record(tx, None, "aggregate.images_not_cached", run.resource_id, None, about)


WORKFLOW = Workflow(
    "cache_images", (Step("fetch_images", do=fetch_images, timeout=TIMEOUT + 60),), done=_done, failed=_failed, unwind=False,
    doc="Fetch images to a host before servers need them there.",
)  # fmt: skip
