"""Bringing a volume from one pool of its host to another."""

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Protocol

from monostack.agent.block import qemu_img
from monostack.agent.block.pools import Pools
from monostack.agent.errors import CommandError
from monostack.agent.qemu_user import QemuUser
from monostack.protocol.guests import VolumeKey
from monostack.protocol.volumes import MoveVolume


class GuestsDisks(Protocol):
    """What the hypervisor does for a volume that a running guest has open. All raise CommandError."""

    async def volume_source(self, server_id: str, volume_id: str) -> str | None:
        """The file that the guest has the volume in; None: it has it not open.

        Raises CommandError `guest.suspended` for a guest whose memory is kept: it goes on with the file that it had.
        """
        ...

    async def move_volume(self, server_id: str, volume_id: str, target: Path, key: VolumeKey | None, in_step: Callable[[], None]) -> None:
        """Copy the volume into the empty file `target`, which `key` opens, and have the guest, and its next start, go on there.

        `in_step` is called, in a thread, when both files are the same, and stay so until the guest uses the new one alone.
        """
        ...

    async def stay(self, server_id: str, volume_id: str) -> None:
        """Give up such a copy, if one is under way: the guest goes on with the file that it has."""
        ...


async def move(pools: Pools, opened: GuestsDisks, user: QemuUser, request: MoveVolume) -> None:
    """Bring the volume to the pool, and leave nothing of it elsewhere. Nothing happens to one that is there."""
    volume_id = request.volume_id
    pools.require(request.pool)
    running, source = await _settled(pools, opened, request)
    target = pools.path(volume_id, source.suffix[1:], request.pool)
    if source != target:
        if running is None and await qemu_img.is_open(source):
            said = f"volume {volume_id} is open in a running server that the command did not name: detach it first"
            raise CommandError("volume.in_use", said, retry=True)
        await asyncio.to_thread(pools.note, volume_id, pools.pool_of(source))
        take_its_place = partial(pools.note, volume_id, request.pool)
        if running is not None:
            await _make_empty(user, source, target, request.key)
            await opened.move_volume(running, volume_id, target, request.key, take_its_place)
        else:
            await _copy(user, source, target, request.key)
            await asyncio.to_thread(take_its_place)
    await asyncio.to_thread(_leave_only, pools, volume_id, target)


async def _settled(pools: Pools, opened: GuestsDisks, request: MoveVolume) -> tuple[str | None, Path]:
    """The running guest that has the volume, and the volume's file, which is the one that guest has, whatever was cut off before."""
    volume_id = request.volume_id
    running = None
    if request.server_id is not None:
        used = await opened.volume_source(request.server_id, volume_id)
        if used is not None:
            running = request.server_id
            # Before it stays there: until then both files may be the same, and the other may be noted as the volume.
            await asyncio.to_thread(pools.note, volume_id, pools.pool_of(Path(used)))
            await opened.stay(running, volume_id)
    source = await asyncio.to_thread(pools.found, volume_id)
    if not await asyncio.to_thread(source.exists):
        raise CommandError("volume.not_found", f"volume {volume_id} is not on this host")
    return running, source


async def _make_empty(user: QemuUser, source: Path, target: Path, key: VolumeKey | None) -> None:
    """An empty file as large as the source. One that is there holds what is left of a copy that was cut off."""
    disk_format = source.suffix[1:]
    with qemu_img.unfinished(target) as fresh:
        await qemu_img.create(fresh, (await qemu_img.info(source, disk_format)).virtual_size, key=key, disk_format=disk_format)
        await asyncio.to_thread(user.give, fresh)


async def _copy(user: QemuUser, source: Path, target: Path, key: VolumeKey | None) -> None:
    disk_format = source.suffix[1:]
    with qemu_img.unfinished(target) as fresh:
        await qemu_img.convert(source, disk_format, fresh, disk_format, source_key=key, key=key)
        await asyncio.to_thread(user.give, fresh)


def _leave_only(pools: Pools, volume_id: str, kept: Path) -> None:
    for path in pools.files(volume_id):
        if pools.pool_of(path) != pools.pool_of(kept):
            path.unlink()
    pools.forget(volume_id)
