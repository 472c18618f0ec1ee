"""The files of images: `<directory>/<id>` once complete, below `.incoming` while they arrive, below `.staged` until they are imported.

Files become visible under their final name in one rename, after they are on disk, and are never changed afterwards: whoever has one open,
or linked, keeps it.
"""

import asyncio
import hashlib
import os
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

import msgspec

from monostack.core.errors import Fault, TooLarge

if TYPE_CHECKING:
    from monostack.cloud import Cloud
    from monostack.services.image.inspection import Inspection

BLOCK = 1 << 20  # bytes written, hashed and read at a time
HASH = "sha512"


class Content(msgspec.Struct):
    """What is known of bits that have arrived. `refusal` says why they may not become an image's."""

    size: int
    checksum: str  # MD5
    sha512: str
    virtual_size: int | None = None
    digest: str | None = None  # by the algorithm that was asked for beside
    refusal: str | None = None


@dataclass(frozen=True, slots=True)
class Store:
    directory: Path

    @classmethod
    def of(cls, cloud: "Cloud") -> "Store":
        return cls(Path(cloud.config.image.directory))

    def make(self) -> None:
        """Make the directories, for the owner alone."""
        for path in (self.directory, self.incoming(), self.staged()):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)

    def path(self, image_id: str) -> Path:
        return self.directory / image_id

    def incoming(self, name: str = "") -> Path:
        return self.directory / ".incoming" / name

    def staged(self, image_id: str = "") -> Path:
        return self.directory / ".staged" / image_id

    def publish(self, source: Path, target: Path) -> None:
        """Rename, durably."""
        os.replace(source, target)
        for directory in {source.parent, target.parent}:
            handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)

    def remove(self, image_id: str) -> None:
        """Remove whatever there is of an image, complete or staged."""
        for path in (self.path(image_id), self.staged(image_id)):
            path.unlink(missing_ok=True)


def _inspection() -> "Inspection":
    from monostack.services.image.inspection import Inspection  # takes long to load

    return Inspection()


class _Sink:
    """A file being written: each block is written and inspected in one thread and hashed in another while the next one arrives."""

    def __init__(self, file: IO[bytes], inspect: bool, algorithm: str | None) -> None:
        self.file = file
        self.size = 0
        self.md5 = hashlib.md5(usedforsecurity=False)
        self.sha512 = hashlib.sha512()
        self.digest = hashlib.new(algorithm, usedforsecurity=False) if algorithm is not None else None
        self.inspection = _inspection() if inspect else None
        self._work: asyncio.Task[None] | None = None

    async def take(self, parts: list[bytes]) -> None:
        """Begin with a block once the one before is done. Raises what went wrong with that one."""
        await self._done(self._work)
        self._work = asyncio.create_task(self._process(b"".join(parts)))

    async def finish(self, disk_format: str | None, strict: bool) -> Content:
        """Wait until all is on disk."""
        await self._done(self._work)
        self._work = asyncio.create_task(asyncio.to_thread(self._sync))
        await self._done(self._work)
        content = Content(self.size, self.md5.hexdigest(), self.sha512.hexdigest())
        content.digest = self.digest.hexdigest() if self.digest is not None else None
        if self.inspection is not None and disk_format is not None:
            try:
                content.virtual_size = self.inspection.conclude(disk_format, strict=strict)
            except Fault as fault:
                content.refusal = fault.detail
        return content

    async def settle(self) -> None:
        """Wait until no thread uses the file any more, whatever comes of it."""
        if self._work is not None:
            await asyncio.gather(self._work, return_exceptions=True)

    @staticmethod
    async def _done(task: asyncio.Task[None] | None) -> None:
        if task is not None:
            await asyncio.shield(task)  # a thread cannot be cancelled: `settle` waits for it

    async def _process(self, block: bytes) -> None:
        await asyncio.gather(asyncio.to_thread(self._write, block), asyncio.to_thread(self.sha512.update, block))

    def _sync(self) -> None:
        self.file.flush()
        os.fsync(self.file.fileno())

    def _write(self, block: bytes) -> None:
        self.file.write(block)
        self.size += len(block)
        self.md5.update(block)
        if self.digest is not None:
            self.digest.update(block)
        if self.inspection is not None:
            self.inspection.take(block)


async def receive(
    chunks: AsyncIterator[bytes],
    path: Path,
    *,
    limit: int,
    disk_format: str | None,
    inspect: bool,
    strict: bool,
    progress: Callable[[], Awaitable[None]],
    algorithm: str | None = None,
) -> Content:
    """Write what arrives to `path` (made with mode 0600) while hashing and inspecting it. `progress` is awaited between blocks.

    `strict`: content that is not of the disk format is refused. `algorithm`, of hashlib, makes a digest beside those always made.

    Raises TooLarge past `limit` bytes, and what the chunks raise. The file is then left for the caller to remove.
    """
    with await asyncio.to_thread(_create, path) as file:
        sink = _Sink(file, inspect, algorithm)
        parts: list[bytes] = []
        waiting, total = 0, 0
        try:
            async for chunk in chunks:
                parts.append(chunk)
                waiting += len(chunk)
                total += len(chunk)
                if total > limit:
                    raise TooLarge("The incoming image is too large: The provided image is too large.")
                if waiting >= BLOCK:
                    await sink.take(parts)
                    parts, waiting = [], 0
                    await progress()
            await sink.take(parts)
            return await sink.finish(disk_format, strict)
        finally:
            await sink.settle()


def _create(path: Path) -> IO[bytes]:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb")


async def read(path: Path, start: int, length: int, stop: Callable[[], bool]) -> AsyncGenerator[bytes, None]:
    """Blocks of a file from `start` on, `length` bytes in all, until `stop()` is true."""
    handle = await asyncio.to_thread(os.open, path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        end = start + length
        while start < end and not stop():
            block = await asyncio.to_thread(os.pread, handle, min(BLOCK, end - start), start)
            if not block:
                raise OSError(f"{path} is shorter than its image")
            start += len(block)
            yield block
    finally:
        os.close(handle)
