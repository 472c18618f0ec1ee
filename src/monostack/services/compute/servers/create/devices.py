"""The disks of a new server, checked against its flavor and what exists."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from monostack.core.errors import BadRequest, Fault, Forbidden
from monostack.db import Transaction
from monostack.http import Request
from monostack.services.compute.flavors import Flavor
from monostack.services.compute.servers.create.mappings import ROOT, SWAP, Disk, invalid
from monostack.services.compute.servers.volumes import device_name, next_device
from monostack.services.image import facade as image
from monostack.services.volume import facade as volume

BUSES = ("fdc", "ide", "lxc", "sata", "scsi", "uml", "usb", "virtio", "xen")
MAX_LOCAL = 3  # local disks of one server: the copy of its image, an ephemeral disk and swap


@dataclass(frozen=True, slots=True)
class Disks:
    """`root`: the volume the server boots from; None: it boots from a local copy of its image.

    `local`: the sizes and formats of its blank local disks, the swap disk last; None: as its flavor has them.
    """

    volumes: tuple[Disk, ...]
    root: Disk | None
    existing: Mapping[str, volume.Volume]
    snapshots: Mapping[str, volume.Snapshot]
    local: list[tuple[int, str | None]] | None

    def local_names(self, flavor: Flavor) -> list[str]:
        """The names of the blank local disks: behind the root disk."""
        count = len(self.local) if self.local is not None else bool(flavor.ephemeral_gb) + bool(flavor.swap)
        return [device_name(number) for number in range(1, count + 1)]


def check_disks(tx: Transaction, request: Request, disks: Sequence[Disk], flavor: Flavor, has_image: bool, several: bool) -> Disks:
    """The disks of a server, in Nova's order of checks. Raises BadRequest and Forbidden in Nova's words."""
    volumes = [disk for disk in disks if disk.target == "volume"]
    if has_image and any(disk.device == ROOT and disk.boot_index != 0 for disk in volumes):
        raise BadRequest("The volume cannot be assigned the same device name as the root device vda")
    if several and any(disk.source == "volume" for disk in volumes):
        raise BadRequest("Cannot attach one or more volumes to multiple instances")
    existing = _existing(tx, request, volumes, has_image)
    root = next((disk for disk in volumes if disk.boot_index == 0), None)
    _check_boot_order(disks)
    snapshots: dict[str, volume.Snapshot] = {}
    for disk in disks:
        _check(tx, request, disk, existing, snapshots)
    _check_locals(disks, flavor)
    if has_image and root is None and flavor.root_gb == 0 and not request.allows("os_compute_api:servers:create:zero_disk_flavor"):
        raise Forbidden("Only volume-backed servers are allowed for flavors with zero disk.")
    return Disks(tuple(volumes), root, existing, snapshots, _local(disks, flavor))


def _existing(tx: Transaction, request: Request, disks: Sequence[Disk], has_image: bool) -> dict[str, volume.Volume]:
    """The volumes that are named. Beside an image, whose properties the server has, even one that is said not to boot may be the root."""
    found: dict[str, volume.Volume] = {}
    for disk in disks:
        if disk.source == "volume":
            try:
                found[disk.source_id or ""] = volume.get(tx, request, disk.source_id or "")
            except Fault as fault:
                if disk.boot_index == 0 and not has_image:
                    raise invalid(f"failed to get volume {disk.source_id}.") from None
                raise BadRequest(fault.message) from None
            if disk.boot_index == 0 and not has_image and not found[disk.source_id or ""].bootable:
                raise BadRequest(f"Block Device {disk.source_id} is not bootable.")
    return found


def _check_boot_order(disks: Sequence[Disk]) -> None:
    order = sorted(disk.boot_index for disk in disks if disk.boot_index is not None and disk.boot_index >= 0)
    if not order or order != list(range(len(order))):
        raise invalid("Boot sequence for the instance and image/block device mapping combination is not valid.")


def _check(
    tx: Transaction, request: Request, disk: Disk, existing: Mapping[str, volume.Volume], snapshots: dict[str, volume.Snapshot]
) -> None:
    """One disk: is there what it is made from, and is it large enough? Snapshots that are found are entered."""
    if disk.volume_type and not volume.has_type(tx, request, disk.volume_type):
        raise BadRequest(f"Volume type {disk.volume_type} could not be found.")
    if disk.source == "image":
        _check_image(tx, request, disk)
    elif disk.source == "volume":
        _check_volume(request, disk, existing[disk.source_id or ""])
    elif disk.source == "snapshot":
        try:
            snapshots[disk.source_id or ""] = volume.get_snapshot(tx, request, disk.source_id or "")
        except Fault:
            raise invalid(f"failed to get snapshot {disk.source_id}.") from None
    elif disk.target == "volume" and not disk.size:
        raise BadRequest("Blank volumes (source: 'blank', dest: 'volume') need to have non-zero size")
    if disk.bus and disk.bus not in BUSES:
        raise BadRequest("Block Device Mapping is Invalid.")


def _check_image(tx: Transaction, request: Request, disk: Disk) -> None:
    if disk.target == "local":
        return  # the server's own image, which has been looked up
    try:
        image.get(tx, request, disk.source_id or "")
    except Fault:
        raise invalid(f"failed to get image {disk.source_id}.") from None
    if not disk.size:
        raise BadRequest("Images with destination_type 'volume' need to have a non-zero size specified")


def _check_volume(request: Request, disk: Disk, held: volume.Volume) -> None:
    if held.multiattach and not request.at_least(2, 60):
        raise BadRequest("Multiattach volumes are only supported starting with compute API version 2.60.")
    if held.status != "available" and not (held.multiattach and held.status in ("in-use", "reserved")):
        message = f"volume '{held.id}' status must be 'available'. Currently in '{held.status}' status"
        raise BadRequest(f"Invalid volume: Invalid input received: Invalid volume: {message}")


def _check_locals(disks: Sequence[Disk], flavor: Flavor) -> None:
    """A mapping may ask for no more than the flavor has."""
    if sum(disk.size or flavor.ephemeral_gb for disk in disks if disk.is_ephemeral) > flavor.ephemeral_gb:
        raise BadRequest(
            "Ephemeral disks requested are larger than the instance type allows. If no size is given in one block device mapping, flavor "
            "ephemeral size will be used."
        )
    swaps = [disk for disk in disks if disk.is_swap]
    if len(swaps) > 1:
        raise invalid("More than one swap drive requested.")
    if swaps and (swaps[0].size or 0) > flavor.swap:
        raise BadRequest("Swap drive requested is larger than instance type allows.")
    if sum(disk.target == "local" for disk in disks) > MAX_LOCAL:
        raise invalid("You specified more local devices than the limit allows")


def _local(disks: Sequence[Disk], flavor: Flavor) -> list[tuple[int, str | None]] | None:
    sizes: list[tuple[int, str | None]] = [(disk.size or flavor.ephemeral_gb, None) for disk in disks if disk.is_ephemeral]
    sizes += [(disk.size or flavor.swap, SWAP) for disk in disks if disk.is_swap]
    usual = [(flavor.ephemeral_gb, None)] * bool(flavor.ephemeral_gb) + [(flavor.swap, SWAP)] * bool(flavor.swap)
    return None if sizes == usual else sizes


def device_names(disks: Sequence[Disk], taken: Sequence[str]) -> list[str]:
    """The device of each volume: as asked for, the root first, the others behind each other and behind the local disks' names, `taken`."""
    used = list(taken)
    names: list[str] = []
    for disk in disks:
        if disk.boot_index == 0:
            name = ROOT
        elif disk.device and disk.device not in used and disk.device.startswith("/dev/vd"):
            name = disk.device
        else:
            name = next_device([*used, *(other.device for other in disks if other.device)])
        used.append(name)
        names.append(name)
    return names


def volume_body(disk: Disk) -> dict[str, Any]:
    """What the volume service is asked for a disk that is a volume to be made."""
    source = {"image": "imageRef", "snapshot": "snapshot_id"}.get(disk.source)
    body: dict[str, Any] = {"name": "", "size": disk.size, "volume_type": disk.volume_type}
    if source is not None:
        body[source] = disk.source_id
    return {name: value for name, value in body.items() if value is not None}
