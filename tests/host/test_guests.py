"""Real guests on libvirt: their whole life, seen from the host and from inside."""

import io
import json
import os
import re
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import pycdlib
import pytest
from guest_lab import GuestLab, lab, wait_for

from monostack.agent.hypervisor import probe
from monostack.protocol.guests import (
    AttachNic,
    AttachVolume,
    DetachNic,
    DetachVolume,
    GuestVolume,
    ImageSource,
    RebootGuest,
    RootDisk,
    StopGuest,
)

__all__ = ["lab"]
pytestmark = pytest.mark.host
GIB = 1 << 30


def test_the_life_of_a_guest(lab: GuestLab) -> None:
    nic = lab.nic()
    spec = lab.spec(nics=[nic], swap_mib=16, ephemeral_gib=[1])
    spec.metadata.meta_data["devices"] = [{"type": "nic", "mac": nic.mac, "tags": ["front"]}]
    reference = {"server_id": spec.server_id}
    assert lab.refuse("guest.start", spec).code == "guest.disk_missing"
    lab.do("guest.create", spec)
    assert lab.states()[spec.server_id] == ("running", "")
    processes = lab.qemu_processes(spec.server_id)
    assert len(processes) == 1
    lab.do("guest.create", spec)
    assert lab.qemu_processes(spec.server_id) == processes  # asked again, it is left alone
    assert Path(f"/proc/{processes[0]}").stat().st_uid != 0

    output = lab.wait_console(spec.server_id, r"boot finished as lab-guest\b")
    assert "metadata from: config drive" in output
    lab.wait_console(spec.server_id, "login:")
    assert lab.console(spec.server_id, 2).count("\n") <= 2
    # The flavor's disk, a blank one, swap, and the port's address and MTU, all as the guest sees them.
    seen = lab.wait_sees(spec.server_id, "nic")
    assert re.search(rf"disk vda size {GIB // 512} ", seen)
    assert re.search(rf"disk vdb size {GIB // 512} ", seen)
    assert re.search(rf"disk vdc size {16 * 2048} ", seen)
    at = re.search(rf"nic {nic.mac} mtu 1400 on (0000:00:\S+),", seen)
    assert at is not None, seen
    assert _on_config_drive(lab, spec.server_id)["devices"] == [
        {"type": "nic", "mac": nic.mac, "tags": ["front"], "bus": "pci", "address": at[1]}
    ]

    lab.do("guest.stop", StopGuest(spec.server_id, 120))
    assert lab.states()[spec.server_id] == ("stopped", "shutdown")
    assert lab.qemu_processes(spec.server_id) == []
    lab.do("guest.stop", StopGuest(spec.server_id, 120))
    lab.do("guest.start", spec)
    lab.wait_console(spec.server_id, "boot finished as lab-guest", times=2)
    lab.do("guest.reboot", RebootGuest(spec, hard=False, timeout=120))
    assert lab.qemu_processes(spec.server_id) != processes
    lab.wait_console(spec.server_id, "boot finished as lab-guest", times=3)
    lab.do("guest.reboot", RebootGuest(spec, hard=True))
    assert lab.states()[spec.server_id] == ("running", "")
    lab.wait_console(spec.server_id, "boot finished as lab-guest", times=4)

    lab.do("guest.destroy", reference)
    lab.do("guest.destroy", reference)
    assert spec.server_id not in lab.states()
    assert lab.qemu_processes(spec.server_id) == []
    assert not (lab.state / "guests" / spec.server_id).exists()
    assert lab.refuse("guest.console_log", reference).code == "guest.not_found"
    assert lab.reports == []  # nothing happened that nobody asked for


def _on_config_drive(lab: GuestLab, server_id: str) -> dict[str, Any]:
    """The newest meta_data.json on a guest's config drive."""
    drive, content = pycdlib.PyCdlib(), io.BytesIO()
    drive.open(str(lab.state / "guests" / server_id / "config.iso"))
    drive.get_file_from_iso_fp(content, rr_path="/openstack/latest/meta_data.json")
    drive.close()
    return json.loads(content.getvalue())


def test_volumes_and_interfaces_come_and_go(lab: GuestLab) -> None:
    spec = lab.spec()
    lab.do("guest.create", spec)
    lab.wait_sees(spec.server_id, "disk vda")
    volume, nic = lab.volume(), lab.nic()
    attach = AttachVolume(spec.server_id, volume)
    lab.do("guest.attach_volume", attach)
    lab.do("guest.attach_volume", attach)
    seen = lab.wait_sees(spec.server_id, rf"disk vd[b-z] size {GIB // 512} serial {volume.volume_id[:20]} on 0000")
    place = lab.run(lab.host.agent.drivers.hypervisor.places(spec.server_id))[volume.volume_id]
    assert place.bus == "pci" and f"serial {volume.volume_id[:20]} on {place.address}," in seen
    taken = lab.volume()
    assert lab.refuse("guest.attach_volume", AttachVolume(spec.server_id, taken)).code == "guest.device_taken"
    assert lab.refuse("volume.delete", {"volume_id": volume.volume_id}).code == "volume.in_use"
    lab.do("volume.extend", {"volume_id": volume.volume_id, "size_gib": 2, "server_ids": [spec.server_id]})
    lab.wait_sees(spec.server_id, rf"size {2 * GIB // 512} serial {volume.volume_id[:20]}")
    lab.do("guest.attach_nic", AttachNic(spec.server_id, nic))
    lab.wait_sees(spec.server_id, f"nic {nic.mac} mtu 1400")
    lab.do("guest.detach_nic", DetachNic(spec.server_id, nic.port_id))
    lab.do("guest.detach_nic", DetachNic(spec.server_id, nic.port_id))
    detach = DetachVolume(spec.server_id, volume.volume_id)
    lab.do("guest.detach_volume", detach)
    lab.do("guest.detach_volume", detach)
    seen = lab.wait_sees(spec.server_id, r"^(?!.*size 4194304).*$")
    assert nic.mac not in seen
    lab.do("volume.delete", {"volume_id": volume.volume_id})
    # A stopped guest takes a volume too, and has it when it starts.
    lab.do("guest.stop", {"server_id": spec.server_id, "timeout": 0})
    lab.do("guest.attach_volume", AttachVolume(spec.server_id, taken))
    spec.volumes = [taken]
    lab.do("guest.start", spec)
    lab.wait_console(spec.server_id, "boot finished", times=2)
    assert lab.refuse("volume.delete", {"volume_id": taken.volume_id}).code == "volume.in_use"
    lab.do("guest.destroy", {"server_id": spec.server_id})
    lab.do("volume.delete", {"volume_id": taken.volume_id})


def test_a_guest_that_boots_from_a_volume(lab: GuestLab) -> None:
    volume = lab.volume(device="vda", image=msgspec.to_builtins(lab.image))
    volume.boot_index = 0
    spec = lab.spec(root=None, volumes=[volume])
    lab.do("guest.create", spec)
    lab.wait_console(spec.server_id, "boot finished as lab-guest")
    seen = lab.wait_sees(spec.server_id, "disk vda")
    assert f"serial {volume.volume_id[:20]}" in seen
    lab.do("guest.destroy", {"server_id": spec.server_id})
    assert volume.volume_id in lab.do("volume.list", {})["volumes"]  # it is not the guest's own
    lab.do("volume.delete", {"volume_id": volume.volume_id})


def test_what_a_guest_does_by_itself_is_reported(lab: GuestLab) -> None:
    spec = lab.spec()
    lab.do("guest.create", spec)
    lab.reports.clear()
    (process,) = lab.qemu_processes(spec.server_id)
    os.kill(process, signal.SIGKILL)
    (report,) = wait_for(lambda: lab.reports, 60)
    assert report.kind == "guest.lifecycle"
    assert report.data == {"server_id": spec.server_id, "state": "crashed", "reason": "crashed"}
    assert lab.states()[spec.server_id] == ("crashed", "crashed")
    lab.do("guest.start", spec)
    lab.wait_console(spec.server_id, "boot finished")
    lab.reports.clear()
    # Its power button, pressed by nobody of ours, is as good as a shutdown from inside.
    uri = lab.daemon.uri
    wait_for(lambda: _power_button(uri, spec.name) or lab.reports, 120)
    (report,) = wait_for(lambda: lab.reports, 60)
    assert report.data == {"server_id": spec.server_id, "state": "stopped", "reason": "shutdown"}
    lab.do("guest.destroy", {"server_id": spec.server_id})


def _power_button(uri: str, name: str) -> None:
    subprocess.run(["virsh", "-c", uri, "shutdown", name, "--mode", "acpi"], check=False, capture_output=True)


def test_the_next_agent_and_the_next_libvirtd_find_the_guests(lab: GuestLab) -> None:
    spec = lab.spec()
    lab.do("guest.create", spec)
    (process,) = lab.qemu_processes(spec.server_id)
    lab.reopen()
    assert lab.states()[spec.server_id] == ("running", "")
    lab.daemon.stop()
    assert lab.daemon.pid() is None
    # The agent notices that its libvirtd is gone, starts another, and that finds the guest.
    wait_for(lambda: lab.ask("guest.list", {}).error is None, 60)
    assert lab.states()[spec.server_id] == ("running", "")
    assert lab.qemu_processes(spec.server_id) == [process]
    lab.do("guest.stop", {"server_id": spec.server_id, "timeout": 0})
    assert lab.states()[spec.server_id][0] == "stopped"
    lab.do("guest.destroy", {"server_id": spec.server_id})


def test_a_guest_of_which_only_files_are_left_is_known_and_can_be_destroyed(lab: GuestLab) -> None:
    spec = lab.spec()
    directory = lab.state / "guests" / spec.server_id
    directory.mkdir()  # as an agent leaves it that was killed at the end of a destruction, or at the beginning of a creation
    (directory / "root.qcow2").touch()
    assert lab.states()[spec.server_id] == ("stopped", "unknown")
    lab.do("guest.destroy", {"server_id": spec.server_id})
    assert spec.server_id not in lab.states()
    assert not directory.exists()


def test_a_guest_destroyed_at_any_moment_of_its_creation_leaves_nothing(lab: GuestLab) -> None:
    for moment in range(8):
        spec = lab.spec(swap_mib=16)
        with ThreadPoolExecutor(1) as thread:
            creating = thread.submit(lab.ask, "guest.create", spec)
            time.sleep(0.05 + moment * 0.08)
            lab.do("guest.destroy", {"server_id": spec.server_id})
            error = creating.result().error
        assert error is None or error.code == "command.overtaken"
        assert spec.server_id not in lab.states()
        assert lab.qemu_processes(spec.server_id) == []
        assert not (lab.state / "guests" / spec.server_id).exists()


def test_a_raw_image(lab: GuestLab) -> None:
    raw = lab.store / "raw"
    subprocess.run(["qemu-img", "convert", "-O", "raw", str(lab.store / "image"), str(raw)], check=True)
    spec = lab.spec(root=RootDisk(lab.describe(raw, "raw"), 0))
    lab.do("guest.create", spec)
    lab.wait_console(spec.server_id, "boot finished as lab-guest")
    # Linked, not copied; and the guest needs neither the store's file nor the cache's any more.
    assert (lab.state / "guests" / spec.server_id / "base.img").stat().st_ino == raw.stat().st_ino
    lab.do("guest.destroy", {"server_id": spec.server_id})


def test_images_that_refer_to_other_files_are_refused(lab: GuestLab) -> None:
    secret = lab.store / "secret"
    secret.write_bytes(b"x" * 65536)
    evil = lab.store / "evil"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", str(secret), "-F", "raw", str(evil)], check=True)
    with_data = lab.store / "with-data"
    data_file = f"data_file={lab.store}/data,data_file_raw=on"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-o", data_file, str(with_data), "1M"], check=True)
    rubbish = lab.store / "rubbish"
    rubbish.write_bytes(b"no image" * 1000)
    truncated = lab.store / "truncated"
    truncated.write_bytes((lab.store / "image").read_bytes()[:100])

    def refusal(image: ImageSource) -> str:
        spec = lab.spec(root=RootDisk(image, 1))
        code = lab.refuse("guest.create", spec).code
        volume = {"volume_id": spec.server_id, "size_gib": 1, "image": msgspec.to_builtins(image)}
        assert lab.refuse("volume.create", volume).code == code
        assert spec.server_id not in lab.do("volume.list", {})["volumes"]
        lab.do("guest.destroy", {"server_id": spec.server_id})
        return code

    assert refusal(lab.describe(evil, "qcow2")) == "image.backing_file"
    assert refusal(lab.describe(with_data, "qcow2")) == "image.data_file"
    assert refusal(lab.describe(rubbish, "qcow2")) == "image.unreadable"
    assert refusal(lab.describe(truncated, "qcow2")) == "image.unreadable"
    assert refusal(msgspec.structs.replace(lab.describe(rubbish, "raw"), disk_format="vmdk")) == "image.format"
    assert refusal(msgspec.structs.replace(lab.image, id=str(lab.spec().server_id), size=1)) == "image.corrupt"
    outside = msgspec.structs.replace(lab.image, id=str(lab.spec().server_id), path="/etc/passwd")
    assert refusal(outside) == "image.missing"
    link = lab.store / "link"
    link.symlink_to("/etc/passwd")
    assert refusal(msgspec.structs.replace(outside, path=str(link))) == "image.missing"
    assert refusal(msgspec.structs.replace(lab.image, id="../../etc")) == "command.invalid"
    # A raw image with a qcow2 header inside is just bytes.
    disguised = lab.describe(evil, "raw")
    volume = lab.volume(image=msgspec.to_builtins(disguised))
    info = subprocess.run(["qemu-img", "info", volume.connection.path], check=True, capture_output=True, text=True).stdout
    assert "backing file" not in info
    lab.do("volume.delete", {"volume_id": volume.volume_id})


def test_what_cannot_be_started_says_why(lab: GuestLab) -> None:
    nic = lab.nic()
    nic.tap = "mstnothere"
    spec = lab.spec(nics=[nic])
    error = lab.refuse("guest.create", spec)
    assert (error.code, error.retry) == ("guest.tap_missing", True)
    lab.do("guest.destroy", {"server_id": spec.server_id})
    volume = lab.volume()
    wrong = GuestVolume(volume.volume_id, "a", "vdb", msgspec.structs.replace(volume.connection, path="/etc/passwd"))
    assert lab.refuse("guest.create", lab.spec(volumes=[wrong])).code == "command.invalid"
    lab.do("volume.delete", {"volume_id": volume.volume_id})
    assert lab.refuse("guest.create", lab.spec(volumes=[volume])).code == "volume.not_found"
    assert lab.refuse("guest.create", lab.spec(server_id="../../escape")).code == "command.invalid"
    small = msgspec.structs.replace(lab.image)
    big = lab.store / "big"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", str(big), "2G"], check=True)
    error = lab.refuse("guest.create", lab.spec(root=RootDisk(lab.describe(big, "qcow2"), 1)))
    assert (error.code, "needs 2 GiB" in error.message) == ("guest.disk_too_small", True)
    first = lab.spec(root=RootDisk(small, 1))
    lab.do("guest.create", first)
    assert lab.refuse("guest.create", lab.spec(name=first.name)).code == "guest.name_taken"
    for server_id in lab.host.files.kept():
        lab.do("guest.destroy", {"server_id": server_id})
    assert list((lab.state / "guests").iterdir()) == []


def test_qemu_is_asked_for_its_abilities_once(lab: GuestLab) -> None:
    def asked() -> dict[str, int]:
        return {path.name: path.stat().st_mtime_ns for path in (lab.state / "libvirt" / "cache" / "qemu" / "capabilities").iterdir()}

    lab.run(lab.host.agent.hello())
    before = asked()
    assert before
    spec = lab.spec()
    lab.do("guest.create", spec)
    lab.do("guest.destroy", {"server_id": spec.server_id})
    assert asked() == before


def test_a_console_is_bounded(lab: GuestLab) -> None:
    spec = lab.spec()
    lab.do("guest.create", spec)
    log = lab.host.files.console_log(spec.server_id)
    with log.open("ab") as file:
        for index in range(40):
            file.write(b"%02d" % index * (1 << 17) + b"\n")
    # The guest writes on meanwhile; the file is trimmed on the disk, and what is read has a bound.
    wait_for(lambda: log.stat().st_blocks * 512 <= 3 << 20, 120)
    lab.wait_console(spec.server_id, "boot finished")
    output = lab.console(spec.server_id)
    assert len(output.encode()) <= 1 << 20
    assert "00000000" not in output
    lab.do("guest.destroy", {"server_id": spec.server_id})


def test_the_inventory_is_this_machine(lab: GuestLab) -> None:
    inventory = lab.run(lab.host.agent.hello()).inventory
    assert inventory.vcpus == os.cpu_count()
    total = int(re.search(r"MemTotal: +(\d+) kB", Path("/proc/meminfo").read_text())[1]) >> 10
    assert inventory.memory_mib == total - lab.config.reserved_memory_mib
    assert inventory.accelerator == lab.run(probe.remembered(lab.state / "accelerator.json")).accelerator
    assert inventory.hypervisor_type == "QEMU"
    assert inventory.hypervisor_version > 4_000_000
    assert "COMPUTE_VOLUME_ATTACH" in inventory.traits
