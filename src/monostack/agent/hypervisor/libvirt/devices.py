"""Plugging disks and interfaces in and out of domains, and what is done to a disk in use. None is for the event loop."""

from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from monostack.agent.errors import CommandError
from monostack.agent.hypervisor.libvirt.connection import find, get
from monostack.agent.hypervisor.libvirt.domain_xml import encryption

SHARED = 'Failed to get shared "write" lock'  # what QEMU says when others may write to a disk that nobody else shall write to


def attach(connection: Any, server_id: str, alias: str, xml: str) -> None:
    """Plug a device into a guest, running or not. One with the alias there already is success."""
    domain = get(connection, server_id)
    for where in _places(domain):
        if _device(domain, alias, where) is not None:
            continue
        _require_free(domain, server_id, xml, where)
        domain.attachDeviceFlags(xml, where)


def _require_free(domain: Any, server_id: str, xml: str, where: int) -> None:
    """Raises CommandError when another device of the guest has the name (vdb, a tap) that the new one is to have."""
    wanted = target_of(ElementTree.fromstring(xml))
    if any(target_of(device) == wanted for device in _devices(domain, where)):
        raise CommandError("guest.device_taken", f"server {server_id} has a device {wanted} already")


def request_detach(connection: Any, server_id: str, alias: str) -> bool:
    """Ask the guest to let a device go, and forget it for the next start. True: it is gone (or never was there)."""
    import libvirt

    domain = find(connection, server_id)
    if domain is None:
        return True
    for where in _places(domain):
        device = _device(domain, alias, where)
        if device is None:
            continue
        try:
            domain.detachDeviceFlags(ElementTree.tostring(device, encoding="unicode"), where)
        except libvirt.libvirtError as error:
            on_its_way = (libvirt.VIR_ERR_DEVICE_MISSING, libvirt.VIR_ERR_OPERATION_FAILED, libvirt.VIR_ERR_OPERATION_INVALID)
            # Asked before and still on its way out, or gone in this moment: the next look tells.
            if error.get_error_code() not in on_its_way:
                raise
    return not is_attached(connection, server_id, alias)


def is_attached(connection: Any, server_id: str, alias: str) -> bool:
    """Whether the guest has the device, now or at its next start."""
    domain = find(connection, server_id)
    return domain is not None and any(_device(domain, alias, where) is not None for where in _places(domain))


def resize(connection: Any, server_id: str, alias: str, size: int) -> bool:
    """Grow a disk to `size` bytes while a guest runs on it. False: no running guest has it."""
    import libvirt

    found = _open_disk(connection, server_id, alias)
    if found is None:
        return False
    domain, target = found
    domain.blockResize(target, size, libvirt.VIR_DOMAIN_BLOCK_RESIZE_BYTES)
    return True


def begin_copy(connection: Any, server_id: str, alias: str, path: str, key_id: str | None = None) -> bool:
    """Start copying a disk, as it is now, into the existing qcow2 file `path`. False: no running guest has it.

    `key_id` is of the secret that opens the file, if it is encrypted. Raises CommandError `volume.in_use` when another guest has it open.
    """
    import libvirt

    found = _open_disk(connection, server_id, alias)
    if found is None:
        return False
    domain, target = found
    abort_copy(connection, server_id)
    backup = Element("domainbackup", mode="push")
    disks = ElementTree.SubElement(backup, "disks")
    for disk in ElementTree.fromstring(domain.XMLDesc()).iterfind("devices/disk"):
        name = target_of(disk)
        if name is None or disk.get("device") != "disk":
            continue
        wanted = ElementTree.SubElement(disks, "disk", name=name, type="file", backup="yes" if name == target else "no")
        if name == target:
            into = ElementTree.SubElement(wanted, "target", file=path)
            if key_id is not None:
                into.append(encryption(key_id))
            ElementTree.SubElement(wanted, "driver", type="qcow2")
        else:
            del wanted.attrib["type"]
    try:
        domain.backupBegin(ElementTree.tostring(backup, encoding="unicode"), None, libvirt.VIR_DOMAIN_BACKUP_BEGIN_REUSE_EXTERNAL)
    except libvirt.libvirtError as error:
        if SHARED not in str(error):
            raise
        told = f"a disk of the running server {server_id} is open in another one, too: stop that or detach the disk from it"
        raise CommandError("volume.in_use", told, retry=True) from None
    return True


def copy_is_done(connection: Any, server_id: str) -> bool:
    """Whether the copy that was begun is complete. Raises CommandError when it failed or was cut off."""
    import libvirt

    domain = get(connection, server_id)
    if domain.isActive() and domain.jobInfo()[0] != libvirt.VIR_DOMAIN_JOB_NONE:
        return False
    try:
        ended = domain.jobStats(libvirt.VIR_DOMAIN_JOB_STATS_COMPLETED)
    except libvirt.libvirtError:
        ended = {}
    if ended.get("type") != libvirt.VIR_DOMAIN_JOB_COMPLETED or ended.get("operation") != libvirt.VIR_DOMAIN_JOB_OPERATION_BACKUP:
        cause = ended.get("errmsg", "the guest stopped")
        raise CommandError("volume.copy_failed", f"copying a disk of the running server {server_id} failed: {cause}", retry=True)
    return True


def abort_copy(connection: Any, server_id: str) -> None:
    """End a copy that somebody began and did not wait for."""
    import libvirt

    domain = find(connection, server_id)
    if domain is not None and domain.isActive() and domain.jobInfo()[0] != libvirt.VIR_DOMAIN_JOB_NONE:
        domain.abortJob()


def _places(domain: Any) -> tuple[int, ...]:
    """Where a change belongs: in the running guest, and in what its next start is made from."""
    import libvirt

    return (libvirt.VIR_DOMAIN_AFFECT_LIVE, libvirt.VIR_DOMAIN_AFFECT_CONFIG) if domain.isActive() else (libvirt.VIR_DOMAIN_AFFECT_CONFIG,)


def _devices(domain: Any, where: int) -> list[Element]:
    import libvirt

    inactive = libvirt.VIR_DOMAIN_XML_INACTIVE if where == libvirt.VIR_DOMAIN_AFFECT_CONFIG else 0
    return ElementTree.fromstring(domain.XMLDesc(inactive)).findall("devices/*")


def _device(domain: Any, alias: str, where: int) -> Element | None:
    for device in _devices(domain, where):
        name = device.find("alias")
        if name is not None and name.get("name") == alias:
            return device
    return None


def target_of(device: Element) -> str | None:
    """What a device is called within the guest: vdb, or the tap of an interface."""
    target = device.find("target")
    return target.get("dev") if target is not None else None


def live(domain: Any, alias: str) -> Element | None:
    """A device that a running guest has."""
    import libvirt

    return _device(domain, alias, libvirt.VIR_DOMAIN_AFFECT_LIVE)


def _open_disk(connection: Any, server_id: str, alias: str) -> tuple[Any, str] | None:
    """The domain and the target name of a disk that a running guest has."""
    domain = find(connection, server_id)
    if domain is None or not domain.isActive():
        return None
    device = live(domain, alias)
    target = target_of(device) if device is not None else None
    return (domain, target) if target is not None else None
