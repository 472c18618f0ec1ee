"""What libvirt knows of a running guest's use of the host. Not for the event loop."""

from typing import Any
from xml.etree import ElementTree

from monostack.agent.hypervisor.libvirt.suspension import active
from monostack.protocol.guests import CpuUse, Diagnostics, DiskUse, NicUse


def read(connection: Any, server_id: str) -> Diagnostics:
    """Raises CommandError when the guest is off."""
    import libvirt

    domain = active(connection, server_id)
    state, maximum, used, _, _ = domain.info()
    xml = ElementTree.fromstring(domain.XMLDesc())
    return Diagnostics(
        state="paused" if state == libvirt.VIR_DOMAIN_PAUSED else "running",
        hypervisor=xml.get("type", "qemu"),
        cpus=[CpuUse(cpu[0], cpu[2]) for cpu in domain.vcpus()[0]],
        disks=[_disk(domain, target) for disk in xml.iterfind("devices/disk") if (target := _target(disk)) is not None],
        nics=[nic for interface in xml.iterfind("devices/interface") if (nic := _nic(domain, interface)) is not None],
        memory_maximum=maximum,
        memory_used=used,
        memory=dict(domain.memoryStats()),
    )


def inject_nmi(connection: Any, server_id: str) -> None:
    """Raises CommandError when the guest is off."""
    active(connection, server_id).injectNMI()


def _target(device: ElementTree.Element) -> str | None:
    target = device.find("target")
    return target.get("dev") if target is not None else None


def _disk(domain: Any, target: str) -> DiskUse:
    return DiskUse(target, *domain.blockStats(target))


def _nic(domain: Any, interface: ElementTree.Element) -> NicUse | None:
    target, mac = _target(interface), interface.find("mac")
    if target is None or mac is None:
        return None
    rx_bytes, rx_packets, rx_errors, rx_drop, tx_bytes, tx_packets, tx_errors, tx_drop = domain.interfaceStats(target)
    return NicUse(target, mac.get("address", ""), rx_bytes, rx_packets, rx_errors, rx_drop, tx_bytes, tx_packets, tx_errors, tx_drop)
