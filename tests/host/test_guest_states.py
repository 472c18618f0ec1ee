"""Real guests on libvirt that stand still, boot from other disks, and go on."""

import subprocess
from xml.etree import ElementTree

import msgspec
import pytest
from guest_lab import GuestLab, lab

from monostack.protocol.guests import RescueGuest, RootDisk, UnrescueGuest

__all__ = ["lab"]
pytestmark = pytest.mark.host
GIB = 1 << 30


def test_a_guest_is_paused_and_suspended(lab: GuestLab) -> None:
    spec = lab.spec(nics=[lab.nic()])
    reference = {"server_id": spec.server_id}
    lab.do("guest.create", spec)
    lab.wait_console(spec.server_id, "boot finished")
    for _ in range(2):
        lab.do("guest.pause", reference)
        assert lab.states()[spec.server_id][0] == "paused"
    assert lab.do("guest.diagnostics", reference)["state"] == "paused"
    lab.do("guest.unpause", reference)
    lab.do("guest.unpause", reference)
    assert lab.states()[spec.server_id] == ("running", "")
    used = lab.do("guest.diagnostics", reference)
    assert (used["state"], used["memory_maximum"], used["disks"][0]["device"]) == ("running", 128 << 10, "vda")
    assert used["cpus"][0]["time"] > 0 and used["disks"][0]["read_bytes"] > 0 and used["nics"][0]["mac"] == spec.nics[0].mac
    lab.do("guest.inject_nmi", reference)
    lab.wait_console(spec.server_id, "NMI received for unknown reason")
    for _ in range(2):
        lab.do("guest.suspend", reference)
        assert lab.states()[spec.server_id] == ("stopped", "saved")
    assert lab.qemu_processes(spec.server_id) == []
    assert lab.refuse("guest.pause", reference).code == "guest.not_running"
    lab.reopen()  # neither agent nor libvirtd has to live as long as a suspended guest
    lab.daemon.stop()
    for _ in range(2):
        lab.do("guest.resume", spec)
        assert lab.states()[spec.server_id] == ("running", "")
    volume = lab.volume()
    lab.do("guest.attach_volume", {"server_id": spec.server_id, "volume": msgspec.to_builtins(volume)})
    lab.wait_console(spec.server_id, "volume written")  # it is alive
    assert lab.console(spec.server_id).count("boot finished") == 1  # and never booted again
    lab.do("guest.detach_volume", {"server_id": spec.server_id, "volume_id": volume.volume_id})
    # Whoever starts a suspended guest anew gives up what it had in memory.
    lab.do("guest.suspend", reference)
    lab.do("guest.start", spec)
    lab.wait_console(spec.server_id, "boot finished", times=2)
    lab.do("guest.suspend", reference)
    lab.do("guest.destroy", reference)
    assert spec.server_id not in lab.states()
    assert lab.reports == []
    lab.do("volume.delete", {"volume_id": volume.volume_id})


def test_a_guest_is_rescued(lab: GuestLab) -> None:
    volume = lab.volume(device="vdb")
    spec = lab.spec(volumes=[volume])
    image = msgspec.structs.replace(lab.image, id="6f6a3f64-7d1e-4c2b-9e0c-2f0b6f4f3c11")
    lab.do("guest.create", spec)
    lab.wait_console(spec.server_id, "boot finished")
    legacy = RescueGuest(spec, image, timeout=0)
    for _ in range(2):
        lab.do("guest.rescue", legacy)
    lab.wait_console(spec.server_id, "boot finished", times=2)
    # The rescue disk is as large as its image, the root disk is the second, and there is no volume.
    seen = lab.wait_sees(spec.server_id, r"^(?!.*serial [0-9a-f]).*disk vdb")
    assert f"disk vda size {GIB // 512} " not in seen and f"disk vdb size {GIB // 512} " in seen
    for _ in range(2):
        lab.do("guest.unrescue", UnrescueGuest(spec, start=False))
        assert lab.states()[spec.server_id][0] == "stopped"
    for bus, device in (("usb", "sda"), ("scsi", "sda"), ("virtio", "vdc")):
        lab.do("guest.rescue", RescueGuest(spec, image, stable=True, bus=bus, timeout=0))
        assert lab.states()[spec.server_id] == ("running", "")
        assert _disks(lab, spec.name) == {"vda": None, "vdb": None, device: "1"}
        lab.do("guest.unrescue", UnrescueGuest(spec, start=False))
    assert lab.refuse("guest.rescue", RescueGuest(lab.spec(), image)).code == "guest.not_found"
    assert lab.refuse("guest.rescue", RescueGuest(spec, image, stable=True, device="tape")).code == "guest.property"
    lab.do("guest.unrescue", UnrescueGuest(spec, start=True))
    lab.wait_console(spec.server_id, "boot finished", times=3)
    assert not list((lab.state / "guests" / spec.server_id).glob("rescue*"))
    lab.do("guest.destroy", {"server_id": spec.server_id})
    lab.do("volume.delete", {"volume_id": volume.volume_id})
    assert lab.reports == []


def _disks(lab: GuestLab, name: str) -> dict[str, str | None]:
    """The place in the order of boot of each disk that the guest has at the moment."""
    xml = subprocess.run(["virsh", "-c", lab.daemon.uri, "dumpxml", name], check=True, capture_output=True, text=True).stdout
    found = {}
    for disk in ElementTree.fromstring(xml).iterfind("devices/disk[@device='disk']"):
        order = disk.find("boot")
        found[disk.find("target").get("dev")] = order.get("order") if order is not None else None
    return found


def test_a_guest_is_resized_and_gets_its_old_disks_back(lab: GuestLab) -> None:
    spec = lab.spec(swap_mib=16)
    reference = {"server_id": spec.server_id}
    larger = msgspec.structs.replace(spec, root=RootDisk(lab.image, 2), memory_mib=160, ephemeral_gib=[1], swap_mib=32)
    lab.do("guest.create", spec)
    lab.wait_console(spec.server_id, "boot finished")
    assert lab.refuse("guest.keep", reference).code == "guest.running"
    lab.do("guest.stop", {"server_id": spec.server_id, "timeout": 0})
    assert lab.refuse("guest.resize", larger).code == "guest.not_kept"
    for _ in range(2):
        lab.do("guest.keep", reference)
    for _ in range(2):
        lab.do("guest.resize", larger)
    assert lab.refuse("guest.resize", msgspec.structs.replace(larger, root=RootDisk(lab.image, 1))).code == "guest.disk_shrink"
    lab.do("guest.start", larger)
    lab.wait_console(spec.server_id, "boot finished", times=2)
    directory = lab.state / "guests" / spec.server_id
    xml = subprocess.run(["virsh", "-c", lab.daemon.uri, "domblkinfo", spec.name, "--all"], check=True, capture_output=True, text=True)
    assert [line.split()[1] for line in xml.stdout.splitlines()[2:5]] == [str(2 * GIB), str(GIB), str(32 << 20)]
    for _ in range(2):
        lab.do("guest.restore", spec)
    assert lab.states()[spec.server_id][0] == "stopped"
    assert sorted(path.name for path in directory.iterdir()) == ["base.img", "config.iso", "console.log", "root.qcow2", "swap.img"]
    lab.do("guest.start", spec)
    lab.wait_console(spec.server_id, "boot finished", times=3)
    lab.do("guest.destroy", reference)
    assert lab.reports == []
