"""Bits that a host made for an image, such as a snapshot of a server's disk: collected by the operation that had them made."""

from collections.abc import AsyncIterator, Mapping

import msgspec

from monostack.core import clock
from monostack.core.errors import Fault
from monostack.db import Transaction
from monostack.hostcommands import ask
from monostack.operations import Run, StepError
from monostack.protocol.images import MAX_PART, ImagePart, ImageRef, ReadImage
from monostack.services.image import writing
from monostack.services.image.images import table
from monostack.services.image.images.image import WITH_BITS, Image, complete, missing
from monostack.services.image.images.patch import write_properties
from monostack.services.image.uploading import upload

READ_WITHIN = 120.0  # seconds for one part


async def collect(run: Run, host: str, image_id: str, disk_format: str, properties: Mapping[str, str] | None = None) -> None:
    """Give a queued image the bits that `host` keeps for it, which are of `disk_format`; the host then forgets them.

    `properties` are added to the image's. For a step of a workflow: it may be repeated, also by another controller, which takes over from
    the one before. Raises StepError, of the kind "image" when the image has been deleted or the bits are refused.
    """
    if not await run.cloud.db.read(lambda tx: _has_bits(tx, image_id)):
        try:
            await upload(run.cloud, lambda tx: _begin(tx, run, image_id, disk_format, properties or {}), _parts(run, host, image_id))
        except Fault as fault:
            raise StepError(fault.message or fault.detail, kind="image") from None
    await forget(run, host, image_id)


async def forget(run: Run, host: str, image_id: str) -> None:
    """Have `host` forget bits that nobody wants any more. One that is away forgets them by itself, in time."""
    try:
        await ask(run, host, "image.forget", ImageRef(image_id), 60.0, patience=1.0)
    except StepError as error:
        if error.kind != "unreachable":
            raise


def _has_bits(tx: Transaction, image_id: str) -> bool:
    row = tx.row(table.GET[True], {"the_id": image_id})
    return row is not None and row.status in WITH_BITS


def _begin(tx: Transaction, run: Run, image_id: str, disk_format: str, properties: Mapping[str, str]) -> tuple[Image, str]:
    """Hold the image, letting go of what an earlier attempt of the same operation held. Raises a Fault."""
    row = tx.row(table.GET[True], {"the_id": image_id})
    if row is None:
        raise missing(image_id)
    if row.writer is not None and row.writer.startswith(run.id):
        writing.give_back(tx, image_id, row.writer)
    (image,) = complete(tx, tx.rows(table.GET[True], {"the_id": image_id}))
    image.values.update(disk_format=disk_format, container_format=image.values["container_format"] or "bare")
    tx.execute(table.SAVE, {"the_id": image_id, "the_time": clock.now(), **{f"v_{name}": image.values[name] for name in table.SAVED}})
    write_properties(tx, image_id, image.properties, {**image.properties, **properties})
    return image, writing.take(tx, image, "saving", f"{run.id}-{run.attempt}")


async def _parts(run: Run, host: str, image_id: str) -> AsyncIterator[bytes]:
    offset, total = 0, 1
    while offset < total:
        answer = await ask(run, host, "image.read", ReadImage(image_id, offset, MAX_PART), READ_WITHIN, part=f":{offset}")
        part = msgspec.convert(answer, ImagePart)
        total = part.total
        offset += len(part.data)
        if not part.data and offset < total:
            raise StepError(f"Host {host} has no more than {offset} of {total} bytes of image {image_id}.", kind="image")
        yield part.data
