"""A guest that boots from a rescue disk: which disks it has, and in which order."""

from dataclasses import replace

import msgspec

from monostack.agent.errors import CommandError
from monostack.agent.hypervisor.libvirt.domain_xml import DISK_PREFIXES, RESCUE_ROLE, OwnDisk, OwnFiles
from monostack.protocol.guests import GuestSpec, RescueGuest

DEVICES = ("disk", "cdrom")


def arranged(request: RescueGuest, files: OwnFiles, path: str) -> tuple[GuestSpec, OwnFiles]:
    """The guest and its files as they are during the rescue; `path` is the rescue disk. Raises CommandError for what cannot be met."""
    if request.device not in DEVICES:
        raise CommandError("guest.property", f"hw_rescue_device {request.device} is not one of {', '.join(DEVICES)}")
    own_bus = request.spec.properties.get("hw_disk_bus", "virtio")
    bus = request.bus or ("ide" if request.device == "cdrom" else own_bus)
    if bus not in DISK_PREFIXES:
        raise CommandError("guest.property", f"hw_rescue_bus {bus} is not one of {', '.join(DISK_PREFIXES)}")
    if request.stable:
        return _behind(request, files, path, bus)
    return _before(request, files, path, bus)


def _behind(request: RescueGuest, files: OwnFiles, path: str, bus: str) -> tuple[GuestSpec, OwnFiles]:
    """All disks keep their places; the rescue disk comes last, and the guest boots from it."""
    volumes = [msgspec.structs.replace(volume, boot_index=None) for volume in request.spec.volumes]
    own = [replace(disk, boots=False) for disk in files.disks]
    taken = {disk.device for disk in own} | {volume.device for volume in volumes}
    rescue = OwnDisk(path, "qcow2", _free(bus, taken), bus, RESCUE_ROLE, boots=True, kind=request.device)
    return msgspec.structs.replace(request.spec, volumes=volumes), replace(files, disks=[*own, rescue])


def _before(request: RescueGuest, files: OwnFiles, path: str, bus: str) -> tuple[GuestSpec, OwnFiles]:
    """The rescue disk comes first, the root disk second, and there are no others."""
    rescue = OwnDisk(path, "qcow2", _free(bus, set()), bus, RESCUE_ROLE, boots=True)
    roots = [disk for disk in files.disks if disk.role == "root"]
    own = [replace(disk, device=_free(disk.bus, {rescue.device}), boots=False) for disk in roots]
    return msgspec.structs.replace(request.spec, volumes=[]), replace(files, disks=[rescue, *own])


def _free(bus: str, taken: set[str]) -> str:
    prefix = DISK_PREFIXES[bus]
    return next(name for letter in "abcdefghijklmnopqrstuvwxyz" if (name := prefix + letter) not in taken)
