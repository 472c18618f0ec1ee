"""Images as this host keeps them: linked from the controller's store when it shares its disk, else downloaded once."""

import asyncio
import errno
import logging
import os
import stat
import time
from dataclasses import dataclass
from pathlib import Path

from monostack.agent.block import qemu_img
from monostack.agent.block.download import download
from monostack.agent.errors import CommandError, require_uuid
from monostack.agent.programs import run
from monostack.agent.qemu_user import QemuUser
from monostack.protocol.guests import ImageSource

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CachedImage:
    """The bits of an image on this host: inspected, never changed, readable for guests."""

    path: Path
    disk_format: str
    virtual_size: int  # bytes


class ImageCache:
    """Keeps images in `directory`. Who uses one makes a hard link to it, so it may be dropped here at any time.

    `shared` is the controller's image store, if this host has it on its disk; `ca_file` verifies where else images come from.
    """

    def __init__(self, directory: Path, user: QemuUser, shared: Path | None = None, ca_file: str | None = None) -> None:
        self._directory = directory
        self._user = user
        self._shared = shared
        self._ca_file = ca_file
        self._obtaining: dict[Path, asyncio.Task[CachedImage]] = {}
        self._sizes: dict[Path, int] = {}
        qemu_img.sweep_unfinished(directory)

    async def obtain(self, image: ImageSource) -> CachedImage:
        """The image on this host, fetched if need be. Raises CommandError when it cannot be had or is not what it should be."""
        require_uuid(image.id, "image")
        if image.disk_format not in qemu_img.FORMATS:
            raise CommandError("image.format", f"image {image.id} has the disk format {image.disk_format}: this host takes raw and qcow2")
        # The checksum is part of the name: other bits under the same id are another image.
        path = self._directory / f"{image.id}-{image.sha512[:16]}.{image.disk_format}"
        task = self._obtaining.get(path)
        if task is None:
            task = self._obtaining[path] = asyncio.create_task(self._obtain(image, path))
            task.add_done_callback(lambda done: self._obtained(path, done))
        # Others may wait for it too, or will ask for it next: it goes on when this one is cut off.
        return await asyncio.shield(task)

    def _obtained(self, path: Path, done: "asyncio.Task[CachedImage]") -> None:
        del self._obtaining[path]
        if not done.cancelled() and done.exception() is not None:
            log.info("%s: %s", path.name, done.exception())

    async def _obtain(self, image: ImageSource, path: Path) -> CachedImage:
        if not await asyncio.to_thread(path.exists):
            await self._fetch(image, path)
        if path not in self._sizes:
            self._sizes[path] = (await qemu_img.require_sound(path, image.disk_format, f"image {image.id}")).virtual_size
        return CachedImage(path, image.disk_format, self._sizes[path])

    async def _fetch(self, image: ImageSource, path: Path) -> None:
        if not image.sha512.isalnum():
            raise CommandError("command.invalid", f"image {image.id}: {image.sha512!r} is not a SHA-512")
        with qemu_img.unfinished(path) as fresh:
            if image.path is not None and self._shared is not None:
                await self._take_shared(image, Path(image.path), fresh)
            elif image.url is not None:
                await asyncio.to_thread(download, image, fresh, self._ca_file)
            else:
                raise CommandError("image.unreachable", f"image {image.id}: this host does not share the image store, and there is no URL")
            await qemu_img.require_sound(fresh, image.disk_format, f"image {image.id}")
            await asyncio.to_thread(self._user.show, fresh)

    async def _take_shared(self, image: ImageSource, source: Path, fresh: Path) -> None:
        """Link the store's file, or copy it when that is on another file system."""
        assert self._shared is not None
        size = await asyncio.to_thread(_size_below, self._shared, source)
        if size is None:
            raise CommandError("image.missing", f"image {image.id} is not in the image store: {source}")
        if size != image.size:
            raise CommandError("image.corrupt", f"image {image.id} has {size} bytes in the store instead of {image.size}")
        try:
            await asyncio.to_thread(os.link, source, fresh)
        except OSError as error:
            if error.errno not in (errno.EXDEV, errno.EPERM, errno.EMLINK):
                raise
            await run("cp", "--reflink=auto", "--sparse=always", str(source), str(fresh), within=qemu_img.COPY_WITHIN)

    def drop_unused(self, used: set[int], unused_for: float) -> list[Path]:
        """Remove images whose inode is not in `used` and that nobody has linked for `unused_for` seconds. Blocks briefly."""
        dropped = []
        for path in self._directory.iterdir():
            found = path.stat()
            # Making or removing a link sets the time of the last status change.
            if found.st_ino not in used and time.time() - found.st_ctime > unused_for and not path.name.startswith("."):
                path.unlink(missing_ok=True)
                self._sizes.pop(path, None)
                dropped.append(path)
        return dropped


def _size_below(directory: Path, source: Path) -> int | None:
    """The size of a regular file inside `directory`; None for anything else, also for what only seems to be inside."""
    real = source.resolve()
    if not real.is_relative_to(directory.resolve()) or not real.is_file():
        return None
    found = source.lstat()
    return found.st_size if stat.S_ISREG(found.st_mode) else None
