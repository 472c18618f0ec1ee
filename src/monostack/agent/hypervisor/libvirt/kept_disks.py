"""Copies of a guest's disks, put aside while the guest is resized, so that it can have them back."""

import asyncio
import os
import shutil
from pathlib import Path

from monostack.agent.block import qemu_img
from monostack.agent.block.qemu_img import GIB
from monostack.agent.errors import CommandError
from monostack.agent.hypervisor.libvirt.own_files import MIB
from monostack.agent.programs import run
from monostack.agent.qemu_user import QemuUser
from monostack.protocol.guests import GuestSpec

KEPT = "kept"
COMPLETE = "complete"  # a file among the copies that says that they are all there
DISKS = ("root.qcow2", "ephemeral*.img", "swap.img")


async def keep(directory: Path, user: QemuUser) -> None:
    """Copy the disks of a guest that is off. Copies that are complete stay as they are."""
    kept = directory / KEPT
    if await asyncio.to_thread((kept / COMPLETE).exists):
        return
    await asyncio.to_thread(kept.mkdir, mode=0o700, exist_ok=True)
    for disk in _disks(directory):
        with qemu_img.unfinished(kept / disk.name) as fresh:
            await run("cp", "--reflink=auto", "--sparse=always", str(disk), str(fresh), within=qemu_img.COPY_WITHIN)
            await asyncio.to_thread(user.give, fresh)
    await asyncio.to_thread((kept / COMPLETE).touch)


async def grow(directory: Path, spec: GuestSpec) -> None:
    """Bring the present disks to the sizes of `spec`; those that are missing are not made. Raises CommandError."""
    if not await asyncio.to_thread((directory / KEPT / COMPLETE).exists):
        raise CommandError("guest.not_kept", f"no disks of server {spec.server_id} are kept on this host")
    if spec.root is not None and spec.root.size_gib:
        await _grow_root(directory / DISKS[0], spec)
    for index, size in enumerate(spec.ephemeral_gib):
        await asyncio.to_thread(_grow_raw, directory / f"ephemeral{index}.img", size * GIB, spec)
    # Swap holds nothing that outlives a shutdown: one of another size is made anew.
    swap = directory / "swap.img"
    if await asyncio.to_thread(lambda: swap.exists() and swap.stat().st_size != spec.swap_mib * MIB):
        await asyncio.to_thread(swap.unlink)


async def restore(directory: Path) -> None:
    """Give the guest the disks back that were kept, if they all were, and remove what is left."""
    kept = directory / KEPT
    if await asyncio.to_thread((kept / COMPLETE).exists):
        await asyncio.to_thread(_put_back, kept, directory)
    await forget(directory)


async def forget(directory: Path) -> None:
    """Nothing there is success."""
    kept = directory / KEPT
    # What tells that they are complete goes first: half of them are none.
    await asyncio.to_thread((kept / COMPLETE).unlink, missing_ok=True)
    await asyncio.to_thread(shutil.rmtree, kept, ignore_errors=True)


def _disks(directory: Path) -> list[Path]:
    return sorted(disk for pattern in DISKS for disk in directory.glob(pattern))


def _put_back(kept: Path, directory: Path) -> None:
    copies = _disks(kept)
    for copy in copies:
        # A link, since the copies must be complete until all of them are back.
        with qemu_img.unfinished(directory / copy.name) as fresh:
            os.link(copy, fresh)
    names = {copy.name for copy in copies}
    for disk in _disks(directory):
        if disk.name not in names:
            disk.unlink()


async def _grow_root(path: Path, spec: GuestSpec) -> None:
    assert spec.root is not None
    size = (await qemu_img.info(path, "qcow2")).virtual_size
    wanted = spec.root.size_gib * GIB
    if wanted < size:
        raise _shrinking(spec, "root", size, wanted)
    if wanted > size:
        await qemu_img.resize(path, wanted)


def _grow_raw(path: Path, wanted: int, spec: GuestSpec) -> None:
    if not path.exists():
        return
    size = path.stat().st_size
    if wanted < size:
        raise _shrinking(spec, path.stem, size, wanted)
    os.truncate(path, wanted)


def _shrinking(spec: GuestSpec, role: str, size: int, wanted: int) -> CommandError:
    return CommandError("guest.disk_shrink", f"the {role} disk of server {spec.server_id} has {size} bytes, {wanted} are too few")
