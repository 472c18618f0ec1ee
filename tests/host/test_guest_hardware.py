"""What flavors and images choose of a guest's devices: libvirt takes it, and QEMU runs with it."""

from pathlib import Path

import msgspec
import pytest
from guest_lab import GuestLab, lab

from monostack.protocol.guests import GuestDevices

__all__ = ["lab"]
pytestmark = pytest.mark.host


def test_a_guest_runs_with_the_devices_that_were_chosen(lab: GuestLab) -> None:
    devices = GuestDevices(
        sockets=1, cores=2, threads=1, serial_ports=2, watchdog="reset", rng=False, video="vga", video_ram_mib=16, scsi="lsilogic",
        cdrom_bus="sata", pointer_bus="usb", boot_menu=True, hides_hypervisor=True, disk_limits={"read_bytes_sec": 10 << 20},
    )  # fmt: skip
    spec = lab.spec(vcpus=2, devices=devices, volumes=[msgspec.structs.replace(lab.volume(device="sda"), bus="scsi")])
    lab.do("guest.create", spec)
    (process,) = lab.qemu_processes(spec.server_id)
    asked = (Path("/proc") / str(process) / "cmdline").read_bytes().replace(b"\0", b" ").decode()
    wanted = ("sockets=1", "cores=2", "i6300esb", '"driver":"VGA"', '"vgamem_mb":16', "usb-tablet", '"driver":"lsi"', "menu=on", "kvm=off")
    for words in wanted:
        assert words in asked, words
    assert asked.count("isa-serial") == 2
    assert "rng" not in asked
