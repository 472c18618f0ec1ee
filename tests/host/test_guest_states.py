"""Real guests on libvirt that stand still, and go on."""

from collections.abc import Iterator

import msgspec
import pytest
from guest_lab import GuestLab, guest_lab

pytestmark = pytest.mark.host


@pytest.fixture(scope="module")
def lab() -> Iterator[GuestLab]:
    with guest_lab() as made:
        yield made


def test_a_guest_is_paused_and_suspended(lab: GuestLab) -> None:
    spec = lab.spec(nics=[lab.nic()])
    reference = {"server_id": spec.server_id}
    lab.do("guest.create", spec)
    lab.wait_console(spec.server_id, "boot finished")
    for _ in range(2):
        lab.do("guest.pause", reference)
        assert lab.states()[spec.server_id][0] == "paused"
    lab.do("guest.unpause", reference)
    lab.do("guest.unpause", reference)
    assert lab.states()[spec.server_id] == ("running", "")
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
