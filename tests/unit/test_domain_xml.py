"""What guests look like to libvirt, from their descriptions."""

from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest
from agent_steps import spec

from monostack.agent.errors import CommandError
from monostack.agent.hypervisor.libvirt import domain_xml
from monostack.agent.hypervisor.libvirt.domain_xml import OwnDisk, OwnFiles, Surroundings
from monostack.agent.hypervisor.libvirt.inventory import numa_cells
from monostack.agent.qemu_user import QemuUser
from monostack.protocol.envelope import NumaCell
from monostack.protocol.guests import GuestDevices, GuestNic, GuestNode, GuestSpec, GuestVolume, VolumeConnection

HOST = Surroundings("tcg", QemuUser("qemu", 7, 8), "127.0.0.1", "/state", "1.0")
FILES = OwnFiles(
    [OwnDisk("/g/root.qcow2", "qcow2", "vda", "virtio", "root", boots=True)], "/g/console.log", "/g/serial.sock", "/g/config.iso"
)
VOLUME = GuestVolume("volume-id", "a", "vdb", VolumeConnection("file", "/v/volume-id.qcow2"))


def made(description: GuestSpec, host: Surroundings = HOST) -> Element:
    return ElementTree.fromstring(domain_xml.domain(description, FILES, host))


def test_a_guest_without_kvm() -> None:
    description = spec(vcpus=2, memory_mib=512, nics=[GuestNic("port-id", "fa:16:3e:00:00:01", "msttap", 1450)], volumes=[VOLUME])
    domain = made(description)
    assert domain.get("type") == "qemu"
    assert domain.findtext("uuid") == description.server_id
    assert (domain.findtext("vcpu"), domain.findtext("memory"), domain.find("memory").get("unit")) == ("2", "512", "MiB")
    assert domain.findtext("cpu/model") == "qemu64"
    assert domain.find("metadata/{https://monostack.org/guest/1}guest").get("home") == "/state"
    # What cloud-init knows the platform by.
    assert domain.findtext("sysinfo/system/entry[@name='product']") == "OpenStack Nova"
    interface = domain.find("devices/interface")
    assert interface.find("target").attrib == {"dev": "msttap", "managed": "no"}
    assert interface.find("mtu").get("size") == "1450"
    disks = {disk.find("target").get("dev"): disk for disk in domain.iterfind("devices/disk")}
    assert set(disks) == {"vda", "vdb", "hdd"}
    assert disks["vda"].find("boot").get("order") == "1"
    assert disks["vdb"].findtext("serial") == "volume-id"
    assert disks["vdb"].find("boot") is None
    assert disks["hdd"].get("device") == "cdrom"
    assert domain.find("devices/serial/source").attrib == {"mode": "bind", "path": "/g/serial.sock"}
    assert domain.find("devices/serial/log").attrib == {"file": "/g/console.log", "append": "on"}
    assert domain.find("devices/graphics").get("listen") == "127.0.0.1"
    # Neither root nor another guest's owner: the agent's files are given to this user, and libvirt leaves them so.
    label = domain.find("seclabel")
    assert (label.get("relabel"), label.findtext("label")) == ("no", "+7:+8")


def test_a_guest_on_kvm() -> None:
    domain = made(spec(), Surroundings("kvm", HOST.user, "127.0.0.1", "/state", "1.0"))
    assert domain.get("type") == "kvm"
    assert domain.find("cpu").get("mode") == "host-model"


def test_numa_nodes() -> None:
    nodes = [GuestNode([0, 2], 128), GuestNode([1], 64)]
    domain = made(spec(vcpus=3, memory_mib=192, numa_nodes=nodes))
    cells = [cell.attrib for cell in domain.iterfind("cpu/numa/cell")]
    assert cells == [
        {"id": "0", "cpus": "0,2", "memory": "128", "unit": "MiB"}, {"id": "1", "cpus": "1", "memory": "64", "unit": "MiB"},
    ]  # fmt: skip
    assert domain.find("numatune") is None
    kept = [GuestNode([0, 2], 128, 1, "4-7"), GuestNode([1], 64, 0, "0-3")]
    domain = made(spec(vcpus=3, memory_mib=192, numa_nodes=kept))
    assert domain.find("numatune/memory").attrib == {"mode": "strict", "nodeset": "1,0"}
    assert [each.get("nodeset") for each in domain.iterfind("numatune/memnode")] == ["1", "0"]
    pins = {each.get("vcpu"): each.get("cpuset") for each in domain.iterfind("cputune/vcpupin")}
    assert pins == {"0": "4-7", "2": "4-7", "1": "0-3"}


def test_numa_cells_of_a_host() -> None:
    cell = "<cell id='{}'><memory unit='KiB'>2097152</memory><cpus num='2'><cpu id='{}'/><cpu id='{}'/></cpus></cell>"
    one, other = cell.format(0, 0, 2), cell.format(1, 1, 3)

    def read(cells: str) -> list[NumaCell]:
        text = f"<capabilities><host><topology><cells>{cells}</cells></topology></host></capabilities>"
        return numa_cells(ElementTree.fromstring(text), 4, 3000)

    assert read(one + other) == [NumaCell(0, "0,2", 2048), NumaCell(1, "1,3", 2048)]
    assert read(one) == read("") == [NumaCell(0, "0-3", 3000)]


def test_a_q35_guest_has_ports_to_plug_into() -> None:
    domain = made(spec(properties={"hw_machine_type": "q35"}, volumes=[VOLUME]))
    assert domain.find("os/type").get("machine") == "q35"
    assert len(domain.findall("devices/controller[@model='pcie-root-port']")) >= 8
    assert domain.find("devices/disk[@device='cdrom']/target").get("bus") == "sata"


def test_a_raw_volume_is_shared_past_the_hosts_cache() -> None:
    shared = GuestVolume("volume-id", "a", "vdb", VolumeConnection("file", "/v/volume-id.raw", "raw"))
    for volume, cache in ((shared, "none"), (VOLUME, "writeback")):
        disk = ElementTree.fromstring(domain_xml.volume(volume))
        assert (disk.find("driver").get("type"), disk.find("driver").get("cache")) == (volume.connection.format, cache)
        assert (disk.find("shareable") is not None) is (volume is shared)


@pytest.mark.parametrize(("properties", "words"), [({"hw_machine_type": "<evil/>"}, "hw_machine_type")])
def test_what_cannot_be_is_refused(properties: dict[str, str], words: str) -> None:
    with pytest.raises(CommandError, match=words):
        made(spec(properties=properties))


@pytest.mark.parametrize("bus", ["floppy", "usb", "'/><evil"])
def test_a_bus_that_does_not_exist_is_refused(bus: str) -> None:
    with pytest.raises(CommandError, match="disk bus"):
        domain_xml.volume(GuestVolume("v", "a", "vdb", VOLUME.connection, bus=bus))


def test_an_interface_model_that_does_not_exist_is_refused() -> None:
    with pytest.raises(CommandError, match="interface model"):
        domain_xml.nic(GuestNic("p", "fa:16:3e:00:00:01", "t", 1450, model="ethernet'/>"))


def test_nothing_said_breaks_out_of_its_place() -> None:
    evil = "'/><filesystem x='"
    volume = GuestVolume(evil, evil, evil, VolumeConnection("file", evil))
    domain = made(spec(name=evil, nics=[GuestNic(evil, evil, evil, 1450)], volumes=[volume]))
    assert domain.findtext("name") == evil
    assert domain.find("devices/filesystem") is None
    assert domain.findall("devices/disk/serial")[0].text == evil


def test_a_volume_boots_in_its_order() -> None:
    disk = ElementTree.fromstring(domain_xml.volume(GuestVolume("v", "a", "vda", VOLUME.connection, boot_index=0, read_only=True)))
    assert disk.find("boot").get("order") == "1"
    assert disk.find("readonly") is not None


def test_what_flavors_and_images_choose() -> None:
    devices = GuestDevices(
        sockets=1, cores=2, threads=1, serial_ports=2, watchdog="reset", rng_bytes=1024, rng_period=1000, video="vga", video_ram_mib=16,
        scsi="lsilogic", cdrom_bus="scsi", pointer_bus="usb", keyboard_bus="usb", boot_menu=True, hides_hypervisor=True,
        disk_limits={"read_bytes_sec": 1 << 20, "write_iops_sec": 50},
    )  # fmt: skip
    domain = made(spec(vcpus=2, devices=devices, volumes=[VOLUME]))
    assert domain.find("cpu/topology").attrib == {"sockets": "1", "cores": "2", "threads": "1"}
    assert domain.find("features/kvm/hidden").get("state") == "on"
    assert domain.find("os/bootmenu").get("enable") == "yes"
    serials = domain.findall("devices/serial")
    assert [(each.find("target").get("port"), each.find("source").get("path")) for each in serials] == [
        ("0", "/g/serial.sock"), ("1", "/g/serial.sock1"),
    ]  # fmt: skip
    assert domain.find("devices/watchdog").attrib == {"model": "i6300esb", "action": "reset"}
    assert domain.find("devices/rng/rate").attrib == {"bytes": "1024", "period": "1000"}
    assert domain.find("devices/video/model").attrib == {"type": "vga", "vram": "16384"}
    assert domain.find("devices/controller[@type='scsi']").get("model") == "lsilogic"
    assert domain.find("devices/controller[@type='usb']").get("model") == "qemu-xhci"
    assert domain.find("devices/disk[@device='cdrom']/target").get("bus") == "scsi"
    assert [(each.get("type"), each.get("bus")) for each in domain.iterfind("devices/input")] == [("tablet", "usb"), ("keyboard", "usb")]
    tuned = {disk.find("target").get("dev"): disk.find("iotune") for disk in domain.iterfind("devices/disk")}
    assert {each.tag: each.text for each in tuned["vda"]} == {"read_bytes_sec": "1048576", "write_iops_sec": "50"}
    assert tuned["vdb"] is None, "a volume has the limits of its type"


def test_what_they_do_not_choose() -> None:
    domain = made(spec(devices=GuestDevices(rng=False)))
    found = ("cpu/topology", "features/kvm", "os/bootmenu", "devices/rng", "devices/watchdog", "devices/input", "devices/disk/iotune")
    assert [path for path in found if domain.find(path) is not None] == []
    assert made(spec()).find("devices/rng/backend").text == "/dev/urandom"
    assert len(domain.findall("devices/serial")) == 1
