"""Where a guest has its devices, by the addresses that libvirt gave them when the domain was defined."""

from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from monostack.agent.hypervisor.libvirt.connection import find
from monostack.agent.metadata.documents import NOWHERE, Place

_TOLD = ("scsi", "ide", "usb")  # buses that guests are told of beside PCI


def read(connection: Any, server_id: str) -> dict[str, Place]:
    """Of a server's disks by their serial numbers, and of its network interfaces by their MAC addresses."""
    domain = find(connection, server_id)
    return places(domain.XMLDesc()) if domain is not None else {}


def places(xml: str) -> dict[str, Place]:
    found: dict[str, Place] = {}
    for device in ElementTree.fromstring(xml).iterfind("devices/*"):
        mac = device.find("mac")
        name = device.findtext("serial") if device.tag == "disk" else mac.get("address") if mac is not None else None
        if name:
            found[name] = _place(device)
    return found


def _place(device: Element) -> Place:
    address, target = device.find("address"), device.find("target")
    if address is None:
        return NOWHERE
    if address.get("type") == "pci":
        domain, bus, slot, function = (int(address.get(name, "0"), 16) for name in ("domain", "bus", "slot", "function"))
        return Place("pci", f"{domain:04x}:{bus:02x}:{slot:02x}.{function:x}")
    bus = target.get("bus") if target is not None else None
    if device.tag != "disk" or bus not in _TOLD:
        return NOWHERE
    parts = [address.get(name, "0") for name in ("controller", "bus", "target", "unit")]
    return Place(bus, ":".join(parts) if address.get("type") == "drive" else f"{address.get('bus')}:{address.get('port')}")
