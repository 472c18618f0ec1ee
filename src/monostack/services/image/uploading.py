"""Bits that arrive: written by one writer at a time, all of them or nothing."""

import asyncio
import errno
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from monostack.core import clock
from monostack.core.errors import BadRequest, TooLarge, UnsupportedMediaType
from monostack.db import Transaction
from monostack.operations import StepError
from monostack.services.image import writing
from monostack.services.image.dialect import Gone
from monostack.services.image.images.image import Image
from monostack.services.image.store import Content, Store, receive

if TYPE_CHECKING:
    from monostack.cloud import Cloud
    from monostack.http import Request

FETCHED_WITHIN = 600.0  # seconds, of a request that waits for it
Begin = Callable[[Transaction], tuple[Image, str]]  # looks up and takes the image; returns it with the writer's token


def too_large() -> TooLarge:
    return TooLarge("The incoming image is too large: The provided image is too large.")


@dataclass(slots=True)
class Writer:
    """Holds an image while its bits arrive."""

    cloud: "Cloud"
    image: Image
    token: str
    renewed: float

    @property
    def partial(self) -> Path:
        return Store.of(self.cloud).incoming(f"{self.image.id}.{self.token}")

    async def receive(self, chunks: AsyncIterator[bytes], algorithm: str | None = None) -> Content:
        """Write the chunks to the partial file. `algorithm` makes one more digest. Raises TooLarge, and what the chunks raise."""
        values = self.image.values
        try:
            return await receive(
                chunks,
                self.partial,
                limit=self.cloud.config.image.max_size,
                disk_format=values["disk_format"],
                inspect=values["container_format"] == "bare" and values["disk_format"] is not None,
                strict=self.cloud.config.image.require_format_match,
                progress=self._renew,
                algorithm=algorithm,
            )
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise TooLarge("Image storage media is full: There is not enough disk space on the image storage media.") from None
            raise

    async def _renew(self) -> None:
        if clock.monotonic() - self.renewed < writing.RENEWAL:
            return
        await self.check()

    async def check(self) -> None:
        """Raises Gone when the image is no longer held."""
        self.renewed = clock.monotonic()
        if not await self.cloud.db.write(lambda tx: writing.renew(tx, self.image.id, self.token)):
            raise self._gone()

    async def publish(self, target: Path, commit: Callable[[Transaction], bool]) -> None:
        """Give the file its name and commit. Raises Gone, with the file removed, when the image has been deleted meanwhile."""
        store = Store.of(self.cloud)
        await asyncio.to_thread(store.publish, self.partial, target)
        if not await self.cloud.db.write(commit):
            await asyncio.to_thread(store.remove, self.image.id)
            raise self._gone()

    def _gone(self) -> Gone:
        return Gone(
            f"Image {self.image.id} could not be found after upload. The image may have been deleted during the upload, "
            "cleaning up the chunks uploaded."
        )

    async def abandon(self) -> None:
        """Leave nothing behind: the file goes and the image is queued again."""
        await asyncio.to_thread(self.partial.unlink, missing_ok=True)
        await self.cloud.db.write(lambda tx: writing.give_back(tx, self.image.id, self.token))


@asynccontextmanager
async def holding(cloud: "Cloud", begin: Begin) -> AsyncIterator[Writer]:
    """Hold the image for the time of the block; whatever ends the block early, the image is as it was."""
    image, token = await cloud.db.write(begin)
    writer = Writer(cloud, image, token, clock.monotonic())
    try:
        yield writer
    except BaseException:
        await asyncio.shield(writer.abandon())
        raise


async def upload(cloud: "Cloud", begin: Begin, chunks: AsyncIterator[bytes], request: "Request | None" = None) -> None:
    """Make an image active with these bits. Raises UnsupportedMediaType when they are not what the image says they are."""
    async with holding(cloud, begin) as writer:
        image, token = writer.image, writer.token
        content = await writer.receive(chunks)
        if content.refusal is not None:
            raise UnsupportedMediaType(detail=content.refusal)
        path = Store.of(cloud).path(image.id)
        await writer.publish(path, lambda tx: writing.finish(tx, request, image, token, content))


async def stage(cloud: "Cloud", begin: Begin, chunks: AsyncIterator[bytes]) -> None:
    """Keep the bits until the image is imported; what they are is judged then."""
    async with holding(cloud, begin) as writer:
        image_id, token = writer.image.id, writer.token
        content = await writer.receive(chunks)
        await writer.publish(Store.of(cloud).staged(image_id), lambda tx: writing.stage(tx, image_id, token, content))


async def bring(cloud: "Cloud", begin: Begin, chunks: AsyncIterator[bytes], algorithm: str | None = None) -> Content:
    """Stage the bits that an import fetches by itself; the import goes on to judge them. `algorithm` as above."""
    async with holding(cloud, begin) as writer:
        content = await writer.receive(chunks, algorithm)
        await writer.check()
        store = Store.of(cloud)
        await asyncio.to_thread(store.publish, writer.partial, store.staged(writer.image.id))
        return content


async def take_from(cloud: "Cloud", begin: Begin, url: str, commit: Callable[[Transaction, str, Content], bool]) -> None:
    """Make an image active with the bits at the URL; `commit` gets the token. Raises BadRequest when they cannot be had or used."""
    from monostack.services.image.web_download import fetching  # takes long to load

    async with holding(cloud, begin) as writer:
        image, token = writer.image, writer.token
        try:
            async with asyncio.timeout(FETCHED_WITHIN), fetching(cloud, url) as bits:
                content = await writer.receive(bits)
        except StepError as error:
            raise BadRequest(error.message) from None
        except TimeoutError:
            raise BadRequest("Fetching the bits takes too long.") from None
        if content.refusal is not None:
            raise BadRequest(content.refusal)
        await writer.publish(Store.of(cloud).path(image.id), lambda tx: commit(tx, token, content))
