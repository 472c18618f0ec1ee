"""The parts of a guest, as libvirt is told of them, that its flavor and its image choose. https://libvirt.org/formatdomain.html"""

from typing import Any
from xml.etree.ElementTree import Element, SubElement

from monostack.protocol.guests import GuestDevices

VIDEO = "cirrus"
SCSI = "virtio-scsi"


def text(parent: Element, tag: str, value: Any, **attributes: str) -> Element:
    element = SubElement(parent, tag, attributes)
    element.text = str(value)
    return element


def topology(cpu: Element, devices: GuestDevices) -> None:
    if devices.sockets:
        SubElement(cpu, "topology", sockets=str(devices.sockets), cores=str(devices.cores), threads=str(devices.threads))


def features(parent: Element, devices: GuestDevices) -> None:
    SubElement(parent, "acpi")
    SubElement(parent, "apic")
    if devices.hides_hypervisor:
        SubElement(SubElement(parent, "kvm"), "hidden", state="on")


def screen(parent: Element, devices: GuestDevices) -> None:
    """The graphics card, and what points and types beside a mouse and keyboard of PS/2."""
    model = SubElement(SubElement(parent, "video"), "model", type=devices.video or VIDEO)
    if devices.video_ram_mib:
        model.set("vram", str(devices.video_ram_mib * 1024))
    for kind, bus in (("tablet", devices.pointer_bus), ("keyboard", devices.keyboard_bus)):
        if bus is not None:
            SubElement(parent, "input", type=kind, bus=bus)


def more_serial_ports(parent: Element, devices: GuestDevices, socket: str) -> None:
    """Those behind the console: each has a socket beside the console's own."""
    for port in range(1, devices.serial_ports):
        serial = SubElement(parent, "serial", type="unix")
        SubElement(serial, "source", mode="bind", path=f"{socket}{port}")
        SubElement(serial, "target", port=str(port))


def rng(parent: Element, devices: GuestDevices) -> None:
    if not devices.rng:
        return
    found = SubElement(parent, "rng", model="virtio")
    if devices.rng_bytes and devices.rng_period:
        SubElement(found, "rate", bytes=str(devices.rng_bytes), period=str(devices.rng_period))
    text(found, "backend", "/dev/urandom", model="random")


def watchdog(parent: Element, devices: GuestDevices) -> None:
    if devices.watchdog is not None:
        SubElement(parent, "watchdog", model="i6300esb", action=devices.watchdog)


def limits(disk: Element, devices: GuestDevices) -> None:
    if devices.disk_limits:
        tune = SubElement(disk, "iotune")
        for name, value in devices.disk_limits.items():
            text(tune, name, value)
