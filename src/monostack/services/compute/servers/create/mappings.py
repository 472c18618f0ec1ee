"""The disks that `block_device_mapping` asks for, in either of its two forms, with those that the image names and those of the flavor."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from monostack.core.errors import BadRequest, Fault
from monostack.services.compute.flavors import Flavor
from monostack.services.compute.parameters import is_true

ROOT = "/dev/vda"
SWAP = "swap"
SOURCES = ("blank", "image", "snapshot", "volume")


@dataclass(frozen=True, slots=True)
class Disk:
    """One disk of a new server. A local one is the copy of its image, or blank; a volume is there already, or is made from its source."""

    source: str  # volume, image, snapshot, blank
    source_id: str | None
    target: str  # local, volume
    size: int | None = None  # GiB, of swap MiB
    boot_index: int | None = -1
    device: str | None = None
    delete_on_termination: bool = False
    bus: str | None = None
    tag: str | None = None
    volume_type: str | None = None
    guest_format: str | None = None
    none: bool = False  # there shall be no disk of this name, whatever the image says

    @property
    def is_swap(self) -> bool:
        return self.source == "blank" and self.target == "local" and self.guest_format == SWAP

    @property
    def is_ephemeral(self) -> bool:
        return self.source == "blank" and self.target == "local" and self.guest_format != SWAP


def invalid(details: str) -> Fault:
    return BadRequest(f"Block Device Mapping is Invalid: {details}")


def disks_asked(body: Mapping[str, Any], image_properties: Mapping[str, Any], flavor: Flavor) -> list[Disk]:
    """All disks of a server that is made by `body` from an image with these properties. Raises BadRequest."""
    image_id = body.get("imageRef") or None
    old, new = body.get("block_device_mapping") or [], body.get("block_device_mapping_v2") or []
    if old and new:
        raise BadRequest("Using different block_device_mapping syntaxes is not allowed in the same request.")
    named = _of_image(image_properties)
    if new:
        asked = [_disk(entry, image_id) for entry in new]
    else:
        asked = [_legacy(entry) for entry in old]
    if any(disk.boot_index == 0 for disk in named):
        # The image says what to boot from: a copy of itself would be empty.
        asked = [replace(d, boot_index=-1) if old else d for d in asked if not (d.boot_index == 0 and d.source == "image")]
    elif not new:
        asked = _with_root(asked, image_id)
    names = {disk.device for disk in asked if disk.device}
    disks = [disk for disk in [*asked, *(disk for disk in named if disk.device not in names)] if not disk.none]
    return disks + _of_flavor(disks, flavor)


def _boot_index(value: Any) -> int | None:
    return None if value is None else int(value)


def _device(name: str | None) -> str | None:
    return f"/dev/{name.removeprefix('/dev/')}" if name else None


def _disk(given: Mapping[str, Any], image_id: str | None) -> Disk:
    """An entry of the newer form. Raises BadRequest."""
    source, target = given.get("source_type"), given.get("destination_type")
    if source == "blank" and given.get("uuid"):
        raise invalid("Invalid device UUID.")
    if source != "blank" and not given.get("uuid"):
        raise invalid("Missing device UUID.")
    if source is None:
        raise invalid("Some required fields are missing")
    if source == "image" and target == "local" and not (image_id and _boot_index(given.get("boot_index", -1)) == 0):
        raise invalid("Mapping image to local is not supported.")
    if target == "local" and given.get("volume_type"):
        raise invalid("Specifying a volume_type with destination_type=local is not supported.")
    if source == "volume" and given.get("volume_type"):
        raise invalid("Specifying volume type to existing volume is not supported.")
    return _made(given, source, given.get("uuid"), target or ("local" if source in ("blank", "image") else "volume"))


def _made(given: Mapping[str, Any], source: str, source_id: str | None, target: str) -> Disk:
    size = given.get("volume_size")
    return Disk(
        source,
        source_id,
        target,
        size=int(size) if size is not None else None,
        boot_index=_boot_index(given.get("boot_index", -1)),
        device=_device(given.get("device_name")),
        delete_on_termination=is_true(given.get("delete_on_termination", False)),
        bus=given.get("disk_bus") or None,
        tag=given.get("tag"),
        volume_type=given.get("volume_type") or None,
        guest_format=given.get("guest_format") or None,
        none=is_true(given.get("no_device") or False),
    )


def _legacy(given: Mapping[str, Any]) -> Disk:
    """An entry of the older form; where it boots from is decided later. Raises BadRequest."""
    plain = {name: value for name, value in given.items() if name != "boot_index"}
    name = str(given.get("virtual_name") or "")
    if name == SWAP or name.startswith("ephemeral"):
        return replace(_made(plain, "blank", None, "local"), guest_format=SWAP if name == SWAP else None, delete_on_termination=True)
    for kind in ("snapshot", "volume"):
        if given.get(f"{kind}_id"):
            return _made(plain, kind, given[f"{kind}_id"], "volume")
    if given.get("no_device"):
        return _made(plain, "blank", None, "volume")
    raise invalid("Unrecognized legacy format.")


def _with_root(disks: Sequence[Disk], image_id: str | None) -> list[Disk]:
    """The older form: the disk that is named as the root disk is booted from, else the image."""
    rooted = [replace(d, boot_index=0) if d.source != "blank" and d.device == ROOT else d for d in disks]
    if image_id and not any(disk.boot_index == 0 for disk in rooted):
        return [Disk("image", image_id, "local", boot_index=0, delete_on_termination=True), *rooted]
    return rooted


def _of_image(properties: Mapping[str, Any]) -> list[Disk]:
    """The disks that an image names: a snapshot of a volume-backed server is such a one."""
    text = properties.get("block_device_mapping")
    if not text:
        return []
    try:
        entries = msgspec.json.decode(text, type=list[dict[str, Any]])
        if not is_true(properties.get("bdm_v2", False)):
            return _with_root([_legacy(entry) for entry in entries], None)
        return [_named(entry) for entry in entries]
    except (msgspec.DecodeError, KeyError, TypeError, ValueError, AttributeError):  # its owner may have written anything
        raise invalid("Unrecognized legacy format.") from None


def _named(entry: Mapping[str, Any]) -> Disk:
    """An entry of an image, in the newer form. Raises ValueError."""
    source, target = entry.get("source_type"), entry.get("destination_type") or "volume"
    if source not in SOURCES or target not in ("local", "volume"):
        raise ValueError(source)
    source_id = None if source == "blank" else str(entry[f"{source}_id"])
    return _made(entry, source, source_id, target)


def _of_flavor(disks: Sequence[Disk], flavor: Flavor) -> list[Disk]:
    """The flavor's ephemeral disk and swap, where nothing else was asked for."""
    blank: list[Disk] = []
    if flavor.ephemeral_gb and not any(disk.is_ephemeral for disk in disks):
        blank.append(Disk("blank", None, "local", flavor.ephemeral_gb, delete_on_termination=True))
    if flavor.swap and not any(disk.is_swap for disk in disks):
        blank.append(Disk("blank", None, "local", flavor.swap, delete_on_termination=True, guest_format=SWAP))
    return blank
