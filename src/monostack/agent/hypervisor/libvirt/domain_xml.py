"""What a guest looks like to libvirt. https://libvirt.org/formatdomain.html"""

from dataclasses import dataclass
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from monostack.agent.errors import CommandError
from monostack.agent.hypervisor.libvirt import hardware_xml
from monostack.agent.hypervisor.libvirt.hardware_xml import text
from monostack.agent.hypervisor.libvirt.numa_xml import add_nodes
from monostack.agent.qemu_user import QemuUser
from monostack.protocol.guests import GuestDevices, GuestNic, GuestSpec, GuestTpm, GuestVolume, VolumeKey

NAMESPACE = "https://monostack.org/guest/1"
ElementTree.register_namespace("monostack", NAMESPACE)

RESCUE_ROLE = "rescue"
DISK_PREFIXES = {"virtio": "vd", "scsi": "sd", "sata": "sd", "usb": "sd", "ide": "hd"}
NIC_MODELS = ("virtio", "e1000", "e1000e", "rtl8139", "pcnet", "ne2k_pci", "vmxnet3")
MACHINES = ("pc", "q35")
HOT_PLUG_PORTS = 16  # a q35 machine has none unless they are asked for


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all guests of a host have in common."""

    accelerator: str  # kvm or tcg
    user: QemuUser
    vnc_listen: str
    home: str  # the agent's state directory: tells our guests from those of others
    version: str


@dataclass(frozen=True, slots=True)
class OwnDisk:
    """A disk that belongs to the guest and goes with it."""

    path: str
    disk_format: str
    device: str  # "vda"
    bus: str
    role: str  # root, ephemeral0, swap, rescue
    boots: bool = False
    kind: str = "disk"  # disk, cdrom


@dataclass(frozen=True, slots=True)
class OwnFiles:
    """The files of one guest."""

    disks: list[OwnDisk]
    console_log: str
    serial_socket: str
    config_drive: str | None


def domain(spec: GuestSpec, files: OwnFiles, host: Surroundings) -> str:
    """The whole guest. Raises CommandError for properties that cannot be met."""
    root = Element("domain", type="kvm" if host.accelerator == "kvm" else "qemu")
    text(root, "name", spec.name)
    text(root, "uuid", spec.server_id)
    SubElement(SubElement(root, "metadata"), f"{{{NAMESPACE}}}guest", home=host.home)
    text(root, "memory", spec.memory_mib, unit="MiB")
    text(root, "vcpu", spec.vcpus)
    _machine(root, spec, host)
    add_nodes(root, spec.numa_nodes)
    devices = SubElement(root, "devices")
    if _machine_type(spec) == "q35":
        for _ in range(HOT_PLUG_PORTS):
            SubElement(devices, "controller", type="pci", model="pcie-root-port")
    buses = _buses(spec, files)
    # None: what it would offer is mostly not needed, and polling it costs a guest without KVM a fifth of a processor.
    SubElement(devices, "controller", type="usb", model="qemu-xhci" if "usb" in buses else "none")
    if "scsi" in buses:
        SubElement(devices, "controller", type="scsi", model=spec.devices.scsi or hardware_xml.SCSI)
    for disk in files.disks:
        devices.append(_own_disk(disk, spec.devices))
    for volume in spec.volumes:
        devices.append(_volume(volume))
    if files.config_drive is not None:
        devices.append(_config_drive(files.config_drive, spec))
    for nic in spec.nics:
        devices.append(_nic(nic))
    _consoles(devices, spec, files, host)
    if spec.tpm is not None:
        devices.append(_tpm(spec.tpm))
    hardware_xml.rng(devices, spec.devices)
    hardware_xml.watchdog(devices, spec.devices)
    SubElement(devices, "memballoon", model="virtio")
    # Whatever the daemon's own settings say: this user, and owners of files as the agent set them.
    label = SubElement(root, "seclabel", type="static", model="dac", relabel="no")
    text(label, "label", f"+{host.user.uid}:+{host.user.gid}")
    return ElementTree.tostring(root, encoding="unicode")


def volume(attached: GuestVolume) -> str:
    """The disk of a volume that is to be attached. Raises CommandError for a bus that guests have only from their start on."""
    if attached.bus == "usb":
        raise CommandError("guest.property", "disk bus usb: this guest has no USB controller")
    return ElementTree.tostring(_volume(attached), encoding="unicode")


def nic(attached: GuestNic) -> str:
    """The network interface of a port."""
    return ElementTree.tostring(_nic(attached), encoding="unicode")


def copied_disk(path: str, disk_format: str, key: VolumeKey | None) -> str:
    """Another file for a disk that a running guest has, as it is opened while the disk is copied into it."""
    disk = Element("disk", type="file", device="disk")
    SubElement(disk, "driver", name="qemu", type=disk_format)
    source = SubElement(disk, "source", file=path)
    if key is not None:
        source.append(encryption(key.id))
    return ElementTree.tostring(disk, encoding="unicode")


def encryption(key_id: str) -> Element:
    """What says that a disk is encrypted, and which of libvirt's secrets opens it."""
    found = Element("encryption", format="luks")
    SubElement(found, "secret", type="passphrase", uuid=key_id)
    return found


def volume_alias(volume_id: str) -> str:
    """How the disk of a volume is called within its domain."""
    return f"ua-volume-{volume_id}"


def own_alias(role: str) -> str:
    """How a disk that belongs to the guest is called within its domain."""
    return f"ua-{role}"


def nic_alias(port_id: str) -> str:
    return f"ua-port-{port_id}"


def _machine(root: Element, spec: GuestSpec, host: Surroundings) -> None:
    system = SubElement(root, "os")
    text(system, "type", "hvm", arch="x86_64", machine=_machine_type(spec))
    SubElement(system, "smbios", mode="sysinfo")
    if spec.devices.boot_menu:
        SubElement(system, "bootmenu", enable="yes")
    # Guests recognise the platform, and where to look for metadata, by these names.
    board = SubElement(SubElement(root, "sysinfo", type="smbios"), "system")
    for name, value in {
        "manufacturer": "OpenStack Foundation",
        "product": "OpenStack Nova",
        "version": host.version,
        "serial": spec.server_id,
        "uuid": spec.server_id,
        "family": "Virtual Machine",
    }.items():
        text(board, "entry", value, name=name)
    hardware_xml.features(SubElement(root, "features"), spec.devices)
    if host.accelerator == "kvm":
        cpu = SubElement(root, "cpu", mode="host-model")
    else:
        cpu = SubElement(root, "cpu", mode="custom", match="exact", check="none")
        text(cpu, "model", "qemu64")
    hardware_xml.topology(cpu, spec.devices)
    clock = SubElement(root, "clock", offset="utc")
    SubElement(clock, "timer", name="pit", tickpolicy="delay")
    SubElement(clock, "timer", name="rtc", tickpolicy="catchup")
    SubElement(clock, "timer", name="hpet", present="no")
    for event, action in {"on_poweroff": "destroy", "on_reboot": "restart", "on_crash": "destroy"}.items():
        text(root, event, action)


def _machine_type(spec: GuestSpec) -> str:
    machine = spec.properties.get("hw_machine_type", "pc")
    if machine not in MACHINES:
        raise CommandError("guest.property", f"hw_machine_type {machine} is not one of {', '.join(MACHINES)}")
    return machine


def _disk(path: str, disk_format: str, device: str, bus: str, kind: str = "disk") -> Element:
    if bus not in DISK_PREFIXES:
        raise CommandError("guest.property", f"disk bus {bus} is not one of {', '.join(DISK_PREFIXES)}")
    disk = Element("disk", type="file", device=kind)
    # writeback keeps the host's page cache, which guests of one image share; a guest's flush reaches the disk all the same.
    SubElement(disk, "driver", name="qemu", type=disk_format, cache="writeback", discard="unmap", detect_zeroes="unmap")
    SubElement(disk, "source", file=path)
    SubElement(disk, "target", dev=device, bus=bus)
    return disk


def _own_disk(own: OwnDisk, devices: GuestDevices) -> Element:
    disk = _disk(own.path, own.disk_format, own.device, own.bus, own.kind)
    if own.boots:
        SubElement(disk, "boot", order="1")
    hardware_xml.limits(disk, devices)
    SubElement(disk, "alias", name=own_alias(own.role))
    return disk


def _volume(attached: GuestVolume) -> Element:
    disk = _disk(attached.connection.path, attached.connection.format, attached.device, attached.bus)
    if attached.connection.key is not None:
        source = disk.find("source")
        assert source is not None
        source.append(encryption(attached.connection.key.id))
    if attached.connection.format == "raw":
        # Several guests have it open. What one writes the others have to find, so it may stay in nobody's cache.
        driver = disk.find("driver")
        assert driver is not None
        driver.set("cache", "none")
        SubElement(disk, "shareable")
    if attached.read_only:
        SubElement(disk, "readonly")
    text(disk, "serial", attached.volume_id)
    if attached.boot_index is not None and attached.boot_index >= 0:
        SubElement(disk, "boot", order=str(attached.boot_index + 1))
    SubElement(disk, "alias", name=volume_alias(attached.volume_id))
    return disk


def _config_drive(path: str, spec: GuestSpec) -> Element:
    bus = _cdrom_bus(spec)
    disk = Element("disk", type="file", device="cdrom")
    SubElement(disk, "driver", name="qemu", type="raw")
    SubElement(disk, "source", file=path)
    SubElement(disk, "target", dev="hdd" if bus == "ide" else "sdz", bus=bus)
    SubElement(disk, "readonly")
    SubElement(disk, "alias", name="ua-config-drive")
    return disk


def _buses(spec: GuestSpec, files: OwnFiles) -> set[str | None]:
    """Those that something of the guest is on from its start."""
    of_disks = {disk.bus for disk in files.disks} | {volume.bus for volume in spec.volumes}
    of_cdrom = {_cdrom_bus(spec)} if files.config_drive is not None else set()
    return of_disks | of_cdrom | {spec.devices.pointer_bus, spec.devices.keyboard_bus}


def _cdrom_bus(spec: GuestSpec) -> str:
    return spec.devices.cdrom_bus or ("sata" if _machine_type(spec) == "q35" else "ide")


def _nic(attached: GuestNic) -> Element:
    if attached.model not in NIC_MODELS:
        raise CommandError("guest.property", f"network interface model {attached.model} is not one of {', '.join(NIC_MODELS)}")
    interface = Element("interface", type="ethernet")
    SubElement(interface, "mac", address=attached.mac)
    SubElement(interface, "target", dev=attached.tap, managed="no")
    SubElement(interface, "model", type=attached.model)
    SubElement(interface, "mtu", size=str(attached.mtu))
    SubElement(interface, "rom", enabled="no")
    SubElement(interface, "alias", name=nic_alias(attached.port_id))
    return interface


def _tpm(tpm: GuestTpm) -> Element:
    found = Element("tpm", model=tpm.model)
    backend = SubElement(found, "backend", type="emulator", version=tpm.version)
    SubElement(backend, "encryption", secret=tpm.id)
    return found


def _consoles(devices: Element, spec: GuestSpec, files: OwnFiles, host: Surroundings) -> None:
    serial = SubElement(devices, "serial", type="unix")
    SubElement(serial, "source", mode="bind", path=files.serial_socket)
    SubElement(serial, "log", file=files.console_log, append="on")
    SubElement(serial, "target", port="0")
    hardware_xml.more_serial_ports(devices, spec.devices, files.serial_socket)
    SubElement(devices, "graphics", type="vnc", autoport="yes", listen=host.vnc_listen)
    hardware_xml.screen(devices, spec.devices)
