"""libvirtd in a directory of its own: several side by side, and one that goes takes nothing of the others along."""

from pathlib import Path

import pytest
from guest_lab import new_directory

from monostack.agent.hypervisor.libvirt.daemon import Daemon
from monostack.agent.hypervisor.libvirt.places import PLACES
from monostack.agent.qemu_user import QemuUser

pytestmark = pytest.mark.host


def own_places(daemon: Daemon) -> set[Path]:
    """The places of libvirt that are a daemon's own."""
    mounts = Path(f"/proc/{daemon.pid()}/mountinfo").read_text().splitlines()
    return {Path(line.split()[4]) for line in mounts} & set(PLACES.values())


def test_removing_one_leaves_the_others_whole() -> None:
    user = QemuUser.find("libvirt-qemu")
    with new_directory() as directory:
        going, staying = (Daemon(directory / name, user, "tcg") for name in ("going", "staying"))
        try:
            going.start()
            staying.start()
            assert own_places(staying) == set(PLACES.values())
            going.remove()
            assert own_places(staying) == set(PLACES.values())
        finally:
            going.remove()
            staying.remove()
