"""Images that this host made: kept until the image service has read them."""

import asyncio
import os
import time
from pathlib import Path
from typing import Protocol

from monostack.agent.block import qemu_img
from monostack.agent.errors import CommandError, require_uuid
from monostack.agent.qemu_user import QemuUser
from monostack.protocol.images import MAX_PART, ImagePart, ReadImage


class Outgoing(Protocol):
    """Hands out the bits of images by id. Both methods raise CommandError."""

    async def read(self, request: ReadImage) -> ImagePart: ...

    async def forget(self, image_id: str) -> None:
        """Nothing there is success."""
        ...


class OutgoingFiles:
    """Keeps a file for each image in `directory`. Whoever makes one writes to `path` through `qemu_img.unfinished`."""

    def __init__(self, directory: Path, user: QemuUser) -> None:
        self._directory = directory
        user.let_in(directory)
        qemu_img.sweep_unfinished(directory)

    def path(self, image_id: str) -> Path:
        return self._directory / require_uuid(image_id, "image")

    async def read(self, request: ReadImage) -> ImagePart:
        check_part(request)
        return await asyncio.to_thread(_read, self.path(request.image_id), request)

    async def forget(self, image_id: str) -> None:
        await asyncio.to_thread(self.path(image_id).unlink, missing_ok=True)

    def drop_old(self, kept_for: float) -> list[Path]:
        """Remove what nobody has asked for in `kept_for` seconds: whoever wanted it is not coming back. Blocks briefly."""
        old = [path for path in self._directory.iterdir() if time.time() - max(path.stat().st_atime, path.stat().st_mtime) > kept_for]
        for path in old:
            path.unlink(missing_ok=True)
        return old


def check_part(request: ReadImage) -> None:
    """Raises CommandError for a part that no image has."""
    if request.offset < 0 or not 0 < request.length <= MAX_PART:
        raise CommandError("command.invalid", f"image {request.image_id}: {request.length} bytes at {request.offset} cannot be read")


def no_such_image(image_id: str) -> CommandError:
    return CommandError("image.not_found", f"this host has made no image {image_id}")


def _read(path: Path, request: ReadImage) -> ImagePart:
    try:
        with path.open("rb") as file:
            data = os.pread(file.fileno(), request.length, request.offset)
            return ImagePart(data, os.fstat(file.fileno()).st_size)
    except FileNotFoundError:
        raise no_such_image(request.image_id) from None
