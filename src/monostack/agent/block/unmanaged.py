"""Files that could be volumes or snapshots and are not: put there by an operator, or given up by the volume service.

They are kept apart from those of volumes and snapshots, so that nobody takes them for what a lost command left behind: none is removed.

    unmanaged/volumes/NAME.qcow2
    unmanaged/snapshots/NAME OF THE VOLUME/NAME.qcow2
"""

import asyncio
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from monostack.agent.block import qemu_img
from monostack.agent.block.qemu_img import GIB
from monostack.agent.errors import CommandError
from monostack.agent.qemu_user import QemuUser
from monostack.protocol.volumes import Managed, UnmanagedFile, UnmanagedFiles, UnmanagedSnapshot, UnmanagedVolume, volume_name

SUFFIX = ".qcow2"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,199}")


class Unmanaged(Protocol):
    """What is kept beside volumes and snapshots. Every method is idempotent. All raise CommandError.

    Snapshots are kept under the name that their volume's file has, or would have while it is not managed.
    """

    async def manage(self, request: UnmanagedVolume) -> Managed:
        """Have a file become the volume."""
        ...

    async def unmanage(self, request: UnmanagedVolume) -> None:
        """Put the file of a volume that no guest has open aside. Nothing there is success."""
        ...

    async def manage_snapshot(self, request: UnmanagedSnapshot) -> Managed:
        """Have a file become the snapshot."""
        ...

    async def unmanage_snapshot(self, request: UnmanagedSnapshot) -> None:
        """Put the file of a snapshot aside. Nothing there is success."""
        ...

    async def listing(self) -> UnmanagedFiles:
        """What there is, and what of it cannot be managed."""
        ...


def require_name(name: str) -> str:
    """`name` as it may be that of a file. Raises CommandError."""
    if _NAME.fullmatch(name) is None:
        raise CommandError("volume.bad_reference", f"{name!r} is no name of an unmanaged file")
    return name


def no_such_file(name: str) -> CommandError:
    return CommandError("volume.no_such_file", f"there is no unmanaged file {name} on this host")


class FilesUnmanaged:
    """Files below `directory`, as above. `volume` and `snapshot` say where the files of those are."""

    def __init__(self, directory: Path, user: QemuUser, volume: Callable[[str], Path], snapshot: Callable[[str], Path]) -> None:
        self._volumes, self._snapshots = directory / "volumes", directory / "snapshots"
        self._user = user
        self._volume, self._snapshot = volume, snapshot
        for kept in (self._volumes, self._snapshots):
            kept.mkdir(mode=0o700, parents=True, exist_ok=True)

    async def manage(self, request: UnmanagedVolume) -> Managed:
        managed = await self._take(self._file(request.name), self._volume(request.volume_id), plain=True)
        await asyncio.to_thread(self._rename_origin, request.name, volume_name(request.volume_id))
        return managed

    async def unmanage(self, request: UnmanagedVolume) -> None:
        await self._give_up(self._volume(request.volume_id), self._file(request.name))
        await asyncio.to_thread(self._rename_origin, volume_name(request.volume_id), request.name)

    async def manage_snapshot(self, request: UnmanagedSnapshot) -> Managed:
        return await self._take(self._snapshot_file(request), self._snapshot(request.snapshot_id))

    async def unmanage_snapshot(self, request: UnmanagedSnapshot) -> None:
        await self._give_up(self._snapshot(request.snapshot_id), self._snapshot_file(request))

    async def listing(self) -> UnmanagedFiles:
        volumes, snapshots = await asyncio.to_thread(lambda: (_files(self._volumes, "*"), _files(self._snapshots, "*/*")))
        return UnmanagedFiles(
            [await _described(path, "") for path in volumes],
            [await _described(path, path.parent.name) for path in snapshots],
        )

    def _file(self, name: str) -> Path:
        return self._volumes / (require_name(name) + SUFFIX)

    def _snapshot_file(self, request: UnmanagedSnapshot) -> Path:
        return self._snapshots / require_name(request.volume_name) / (require_name(request.name) + SUFFIX)

    def _rename_origin(self, old: str, new: str) -> None:
        source, target = self._snapshots / require_name(old), self._snapshots / require_name(new)
        if source.is_dir() and not target.exists():
            source.rename(target)

    async def _take(self, source: Path, target: Path, *, plain: bool = False) -> Managed:
        if not await asyncio.to_thread(target.exists):
            size = await _fit(source, plain=plain)
            if size % GIB:
                await qemu_img.resize(source, -(-size // GIB) * GIB)
            await asyncio.to_thread(self._user.give, source)
            await asyncio.to_thread(os.rename, source, target)
        return Managed(-(-(await qemu_img.info(target, "qcow2")).virtual_size // GIB))

    async def _give_up(self, source: Path, target: Path) -> None:
        if not await asyncio.to_thread(source.exists):
            return
        if await asyncio.to_thread(target.exists):
            raise CommandError("volume.name_taken", f"there is an unmanaged file {target.stem} on this host already: rename it")
        if await qemu_img.is_open(source):
            raise CommandError("volume.in_use", f"{source.stem} is open in a running server: detach it first", retry=True)
        await asyncio.to_thread(target.parent.mkdir, mode=0o700, exist_ok=True)
        await asyncio.to_thread(_bring, source, target)


def _bring(source: Path, target: Path) -> None:
    """Rename a file. From a pool on another disk it is copied."""
    if source.stat().st_dev == target.parent.stat().st_dev:
        source.rename(target)
        return
    with qemu_img.unfinished(target) as fresh:
        shutil.copyfile(source, fresh)
    source.unlink()


def _files(directory: Path, pattern: str) -> list[Path]:
    return [path for path in sorted(directory.glob(pattern + SUFFIX)) if _NAME.fullmatch(path.stem) and _NAME.fullmatch(path.parent.name)]


async def _described(path: Path, volume: str) -> UnmanagedFile:
    try:
        return UnmanagedFile(path.stem, -(-await _fit(path, plain=not volume) // GIB), None, volume)
    except CommandError as error:
        return UnmanagedFile(path.stem, 0, error.message, volume)


async def _fit(path: Path, *, plain: bool) -> int:
    """The size in bytes of a file that may become a volume or a snapshot. Raises CommandError, with `plain` for an encrypted one."""
    if not await asyncio.to_thread(path.exists):
        raise no_such_file(path.stem)
    if await asyncio.to_thread(path.is_symlink):
        raise CommandError("volume.no_file", f"the unmanaged file {path.stem} is a link")
    found = await qemu_img.require_sound(path, "qcow2", f"file {path.stem}")
    if plain and found.encrypted:
        raise CommandError("volume.no_file", f"the unmanaged file {path.stem} is encrypted")
    size = found.virtual_size
    if await qemu_img.is_open(path):
        raise CommandError("volume.in_use", f"the unmanaged file {path.stem} is open in another process", retry=True)
    if size < 1:
        raise CommandError("volume.no_file", f"the unmanaged file {path.stem} is empty")
    return size
