"""Files that could be volumes or snapshots and are not: put there by an operator, or given up by the volume service.

They are kept apart from those of volumes and snapshots, so that nobody takes them for what a lost command left behind: none is removed.

    unmanaged/volumes/NAME.qcow2                        of the pool that every host has; of another in its own directory, likewise
    unmanaged/snapshots/NAME OF THE VOLUME/NAME.qcow2   of all pools: a snapshot is of the one that its volume's file is in
"""

import asyncio
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from monostack.agent.block import qemu_img
from monostack.agent.block.pools import UNMANAGED, Pools
from monostack.agent.block.qemu_img import GIB
from monostack.agent.errors import CommandError
from monostack.agent.qemu_user import QemuUser
from monostack.protocol.volumes import (
    POOL,
    Managed,
    UnmanagedFile,
    UnmanagedFiles,
    UnmanagedSnapshot,
    UnmanagedVolume,
    volume_name,
)

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

    async def listing(self, pool: str) -> UnmanagedFiles:
        """What there is of a pool, and what of it cannot be managed."""
        ...


def require_name(name: str) -> str:
    """`name` as it may be that of a file. Raises CommandError."""
    if _NAME.fullmatch(name) is None:
        raise CommandError("volume.bad_reference", f"{name!r} is no name of an unmanaged file")
    return name


def no_such_file(name: str) -> CommandError:
    return CommandError("volume.no_such_file", f"there is no unmanaged file {name} on this host")


class FilesUnmanaged:
    """Files below `directory` and in the pools, as above. `snapshot` says where the file of one is."""

    def __init__(self, directory: Path, pools: Pools, user: QemuUser, snapshot: Callable[[str], Path]) -> None:
        self._pools = pools
        self._volumes = {name: directory / "volumes" if name == POOL else kept / UNMANAGED for name, kept in pools.directories.items()}
        self._snapshots = directory / "snapshots"
        self._user = user
        self._snapshot = snapshot
        for kept in (*self._volumes.values(), self._snapshots):
            kept.mkdir(mode=0o700, parents=True, exist_ok=True)

    async def manage(self, request: UnmanagedVolume) -> Managed:
        managed = await self._take(self._file(request), self._pools.path(request.volume_id, "qcow2", request.pool), plain=True)
        await asyncio.to_thread(self._rename_origin, request.name, volume_name(request.volume_id))
        return managed

    async def unmanage(self, request: UnmanagedVolume) -> None:
        await self._give_up(self._pools.path(request.volume_id, "qcow2", request.pool), self._file(request))
        await asyncio.to_thread(self._rename_origin, volume_name(request.volume_id), request.name)

    async def manage_snapshot(self, request: UnmanagedSnapshot) -> Managed:
        return await self._take(self._snapshot_file(request), self._snapshot(request.snapshot_id))

    async def unmanage_snapshot(self, request: UnmanagedSnapshot) -> None:
        await self._give_up(self._snapshot(request.snapshot_id), self._snapshot_file(request))

    async def listing(self, pool: str) -> UnmanagedFiles:
        self._pools.require(pool)
        volumes, snapshots = await asyncio.to_thread(lambda: (_files(self._volumes[pool], "*"), self._snapshots_of(pool)))
        return UnmanagedFiles(
            [await _described(path, "") for path in volumes],
            [await _described(path, path.parent.name) for path in snapshots],
        )

    def _snapshots_of(self, pool: str) -> list[Path]:
        return [path for path in _files(self._snapshots, "*/*") if self._pool_of(path.parent.name) == pool]

    def _pool_of(self, name: str) -> str:
        """The pool with the volume whose file has, or would have, this name while it is not managed."""
        managed = [f"{name.removeprefix(volume_name(''))}.{disk_format}" for disk_format in qemu_img.FORMATS]
        for pool, directory in self._pools.directories.items():
            if any(path.exists() for path in (self._volumes[pool] / (name + SUFFIX), *(directory / each for each in managed))):
                return pool
        return POOL

    def _file(self, request: UnmanagedVolume) -> Path:
        self._pools.require(request.pool)
        return self._volumes[request.pool] / (require_name(request.name) + SUFFIX)

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
        await asyncio.to_thread(os.rename, source, target)


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
