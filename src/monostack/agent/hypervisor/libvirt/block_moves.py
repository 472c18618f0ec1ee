"""Having a running guest go on with a disk in another file: both are written until they are the same, then the guest uses the new one."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from monostack.agent.errors import CommandError
from monostack.agent.hypervisor.libvirt import devices, domain_xml, keys
from monostack.agent.hypervisor.libvirt.connection import Connection, find, get
from monostack.agent.threads import in_thread
from monostack.protocol.guests import VolumeKey

LOOK_EVERY = 0.2  # seconds


async def move(libvirt: Connection, server_id: str, alias: str, target: Path, key: VolumeKey | None, in_step: Callable[[], None]) -> None:
    """See block.moving.GuestsDisks.move_volume."""
    xml = domain_xml.copied_disk(str(target), target.suffix[1:], key)
    try:
        await libvirt.call(keys.using, [key] if key is not None else [], _begin, server_id, alias, xml)
        while not await libvirt.call(_is_in_step, server_id, alias):  # noqa: ASYNC110 - libvirt is asked, it tells nobody
            await asyncio.sleep(LOOK_EVERY)
        await in_thread(in_step)
        await libvirt.call(_switch, server_id, alias)
    except asyncio.CancelledError:
        await libvirt.call(stay, server_id, alias)
        raise


def source(connection: Any, server_id: str, alias: str) -> str | None:
    """See block.moving.GuestsDisks.volume_source."""
    domain = find(connection, server_id)
    if domain is None:
        return None
    if not domain.isActive():
        if domain.hasManagedSaveImage() and devices.is_attached(connection, server_id, alias):
            raise CommandError(
                "guest.suspended", f"server {server_id} is suspended and will look for its disk where it was: resume it first"
            )
        return None
    disk = devices.live(domain, alias)
    return _file(disk) if disk is not None else None


def stay(connection: Any, server_id: str, alias: str) -> None:
    """Give up a copy that has not taken the disk's place. None under way is success."""
    domain = find(connection, server_id)
    if domain is None or not domain.isActive():
        return
    disk = devices.live(domain, alias)
    if disk is not None and disk.find("mirror") is not None:
        domain.blockJobAbort(devices.target_of(disk))


def _begin(connection: Any, server_id: str, alias: str, xml: str) -> None:
    import libvirt

    domain = get(connection, server_id)
    # The guest's writes go to both files at once, so that they are the same from the moment when the copy is ready.
    how = libvirt.VIR_DOMAIN_BLOCK_COPY_REUSE_EXT | libvirt.VIR_DOMAIN_BLOCK_COPY_TRANSIENT_JOB
    domain.blockCopy(devices.target_of(_disk(domain, alias)), xml, flags=how | libvirt.VIR_DOMAIN_BLOCK_COPY_SYNCHRONOUS_WRITES)


def _is_in_step(connection: Any, server_id: str, alias: str) -> bool:
    """Whether both files are the same. Raises CommandError when the copy failed."""
    mirror = _disk(get(connection, server_id), alias).find("mirror")
    if mirror is None:
        raise CommandError("volume.copy_failed", f"copying a disk of the running server {server_id} failed", retry=True)
    return mirror.get("ready") == "yes"


def _switch(connection: Any, server_id: str, alias: str) -> None:
    """Have the guest, and its next start, use the new file alone."""
    import libvirt

    domain = get(connection, server_id)
    domain.blockJobAbort(devices.target_of(_disk(domain, alias)), libvirt.VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT)


def _disk(domain: Any, alias: str) -> Any:
    disk = devices.live(domain, alias) if domain.isActive() else None
    if disk is None:
        raise CommandError("volume.copy_failed", f"server {domain.UUIDString()} stopped while its disk was copied", retry=True)
    return disk


def _file(disk: Any) -> str | None:
    found = disk.find("source")
    return found.get("file") if found is not None else None
