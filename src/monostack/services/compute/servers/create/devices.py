"""The disks of a new server: what `block_device_mapping` asks for, in either of its two forms, checked and brought into one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from monostack.core.errors import BadRequest, Fault, Forbidden, NotBuilt
from monostack.db import Transaction
from monostack.http import Request
from monostack.services.compute.flavors import Flavor
from monostack.services.compute.parameters import is_true
from monostack.services.compute.servers.volumes import next_device
from monostack.services.image import facade as image
from monostack.services.volume import facade as volume

BUSES = ("fdc", "ide", "lxc", "sata", "scsi", "uml", "usb", "virtio", "xen")


@dataclass(frozen=True, slots=True)
class Disk:
    """A volume for the server: an existing one, or one to be made from an image, a snapshot or nothing."""

    source: str  # volume, image, snapshot, blank
    source_id: str | None
    size: int | None  # GiB
    boot_index: int | None
    device: str | None
    delete_on_termination: bool
    bus: str
    tag: str | None
    volume_type: str | None


@dataclass(frozen=True, slots=True)
class Disks:
    """`root`: the volume the server boots from; None: it boots from a local copy of its image."""

    volumes: tuple[Disk, ...]
    root: Disk | None
    existing: Mapping[str, volume.Volume]


def _invalid(details: str) -> Fault:
    return BadRequest(f"Block Device Mapping is Invalid: {details}")


def _from_legacy(given: Mapping[str, Any]) -> dict[str, Any] | None:
    """The old form in terms of the new one."""
    if given.get("no_device"):
        return None
    entry = {k: given[k] for k in ("volume_size", "device_name", "delete_on_termination") if k in given}
    name = str(given.get("virtual_name") or "")
    if name == "swap" or name.startswith("ephemeral"):
        return {**entry, "source_type": "blank", "destination_type": "local", "guest_format": "swap" if name == "swap" else None}
    for kind in ("snapshot", "volume"):
        if given.get(f"{kind}_id"):
            return {**entry, "source_type": kind, "uuid": given[f"{kind}_id"], "destination_type": "volume", "boot_index": -1}
    raise _invalid("Unrecognized legacy format.")


def _legacy(given: Sequence[Mapping[str, Any]], has_image: bool) -> list[dict[str, Any]]:
    entries = [entry for each in given if (entry := _from_legacy(each)) is not None]
    if not has_image:
        roots = [e for e in entries if str(e.get("device_name", "")).removeprefix("/dev/") == "vda"] or entries[:1]
        for entry in roots[:1]:
            entry["boot_index"] = 0
    return entries


def _boot_index(value: Any) -> int | None:
    return None if value is None else int(value)


def _check_source(given: Mapping[str, Any], has_image: bool) -> None:
    source, target = given.get("source_type"), given.get("destination_type")
    if source is None:
        raise _invalid("Some required fields are missing")
    if source == "blank" and given.get("uuid"):
        raise _invalid("Invalid device UUID.")
    if source != "blank" and not given.get("uuid"):
        raise _invalid("Missing device UUID.")
    if source == "image" and target == "local" and not (has_image and _boot_index(given.get("boot_index", -1)) == 0):
        raise _invalid("Mapping image to local is not supported.")
    if target == "local" and given.get("volume_type"):
        raise _invalid("Specifying a volume_type with destination_type=local is not supported.")
    if source == "volume" and given.get("volume_type"):
        raise _invalid("Specifying volume type to existing volume is not supported.")
    if given.get("disk_bus") and given["disk_bus"] not in BUSES:
        raise BadRequest("Block Device Mapping is Invalid.")


def entries_of(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The mappings asked for, in the newer form. Raises BadRequest."""
    old, new = body.get("block_device_mapping") or [], body.get("block_device_mapping_v2") or []
    if old and new:
        raise BadRequest("Using different block_device_mapping syntaxes is not allowed in the same request.")
    has_image = bool(body.get("imageRef"))
    if old:
        return _legacy(old, has_image)
    entries = [dict(entry) for entry in new if not entry.get("no_device")]
    for entry in entries:
        _check_source(entry, has_image)
    return entries


def _disk(entry: Mapping[str, Any]) -> Disk:
    size = entry.get("volume_size")
    device = entry.get("device_name")
    return Disk(
        source=entry["source_type"],
        source_id=entry.get("uuid"),
        size=int(size) if size is not None else None,
        boot_index=_boot_index(entry.get("boot_index", -1)),
        device=f"/dev/{device.removeprefix('/dev/')}" if device else None,
        delete_on_termination=is_true(entry.get("delete_on_termination", False)),
        bus=entry.get("disk_bus") or "virtio",
        tag=entry.get("tag"),
        volume_type=entry.get("volume_type") or None,
    )


def _check_locals(entries: Sequence[Mapping[str, Any]], flavor: Flavor) -> None:
    """Ephemeral disks and swap come with the flavor; a mapping may ask for no more."""
    blank = [e for e in entries if e["source_type"] == "blank" and e.get("destination_type") != "volume"]
    swaps = [e for e in blank if e.get("guest_format") == "swap"]
    if len(swaps) > 1:
        raise _invalid("More than one swap drive requested.")
    if any(int(e.get("volume_size") or 0) > flavor.swap for e in swaps):
        raise BadRequest("Swap drive requested is larger than instance type allows.")
    disks = [e for e in blank if e.get("guest_format") != "swap"]
    if sum(int(e.get("volume_size") or flavor.ephemeral_gb) for e in disks) > flavor.ephemeral_gb:
        raise BadRequest(
            "Ephemeral disks requested are larger than the instance type allows. If no size is given in one block device mapping, flavor "
            "ephemeral size will be used."
        )
    if len(disks) > 1:
        raise NotBuilt("More than one ephemeral disk is not implemented: leave out the mapping to get the flavor's.")


def _check_boot_order(disks: Sequence[Disk], local_root: bool) -> None:
    order = sorted(([0] if local_root else []) + [d.boot_index for d in disks if d.boot_index is not None and d.boot_index >= 0])
    if not order or order != list(range(len(order))):
        raise _invalid("Boot sequence for the instance and image/block device mapping combination is not valid.")


def _check_size(tx: Transaction, request: Request, disk: Disk) -> None:
    if disk.source == "image":
        try:
            image.get(tx, request, disk.source_id or "")
        except Fault:
            raise _invalid(f"failed to get image {disk.source_id}.") from None
        if not disk.size:
            raise BadRequest("Images with destination_type 'volume' need to have a non-zero size specified")
    if disk.source == "blank" and not disk.size:
        raise BadRequest("Blank volumes (source: 'blank', dest: 'volume') need to have non-zero size")


def _existing(tx: Transaction, request: Request, disks: Sequence[Disk]) -> dict[str, volume.Volume]:
    found: dict[str, volume.Volume] = {}
    for disk in disks:
        if disk.source != "volume":
            continue
        assert disk.source_id is not None
        try:
            held = found[disk.source_id] = volume.get(tx, request, disk.source_id)
        except Fault:
            raise _invalid(f"failed to get volume {disk.source_id}.") from None
        if held.multiattach and not request.at_least(2, 60):
            raise BadRequest("Multiattach volumes are only supported starting with compute API version 2.60.")
        if disk.boot_index == 0 and not held.bootable:
            raise BadRequest(f"Block Device {held.id} is not bootable.")
        if held.status != "available" and not (held.multiattach and held.status in ("in-use", "reserved")):
            message = f"volume '{held.id}' status must be 'available'. Currently in '{held.status}' status"
            raise BadRequest(f"Invalid volume: Invalid input received: Invalid volume: {message}")
    return found


def _is_volume(entry: Mapping[str, Any]) -> bool:
    """Not a local disk: those are the flavor's, and the copy of the image that the server boots from."""
    target = entry.get("destination_type") or ("local" if entry["source_type"] in ("blank", "image") else "volume")
    return target == "volume"


def disks_of(
    tx: Transaction, request: Request, entries: Sequence[Mapping[str, Any]], flavor: Flavor, has_image: bool, several: bool
) -> Disks:
    """The volumes of a new server, checked against the flavor and what exists. Raises BadRequest and Forbidden in Nova's words."""
    disks = [_disk(entry) for entry in entries if _is_volume(entry)]
    if has_image and any(d.device == "/dev/vda" for d in disks):
        raise BadRequest("The volume cannot be assigned the same device name as the root device vda")
    if several and any(d.source == "volume" for d in disks):
        raise BadRequest("Cannot attach one or more volumes to multiple instances")
    root = next((d for d in disks if d.boot_index == 0), None)
    local_root = has_image and root is None
    _check_boot_order(disks, local_root)
    _check_locals(entries, flavor)
    for disk in disks:
        _check_size(tx, request, disk)
    if local_root and flavor.root_gb == 0 and not request.allows("os_compute_api:servers:create:zero_disk_flavor"):
        raise Forbidden("Only volume-backed servers are allowed for flavors with zero disk.")
    return Disks(tuple(disks), root, _existing(tx, request, disks))


def device_names(disks: Sequence[Disk], local_root: bool) -> list[str]:
    """The device of each disk: as asked for, the root first, the others behind each other."""
    used = ["/dev/vda"] if local_root else []
    names: list[str] = []
    for disk in disks:
        if disk.boot_index == 0:
            name = "/dev/vda"
        elif disk.device and disk.device not in used and disk.device.startswith("/dev/vd"):
            name = disk.device
        else:
            name = next_device([*used, *(d.device for d in disks if d.device)])
        used.append(name)
        names.append(name)
    return names
