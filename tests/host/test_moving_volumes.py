"""Volumes that go from one pool of the host to another, while a guest writes to them."""

import base64
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import libvirt
import msgspec
import pytest
from guest_lab import GuestLab, lab, wait_for
from volume_keys import new_key, plain

from monostack.agent.block import qemu_img
from monostack.protocol.guests import GuestSpec, GuestVolume, VolumeKey

__all__ = ["lab"]
pytestmark = pytest.mark.host
# Counts the blocks that it finds as it wrote them, and goes on writing behind them.
WRITING = """#!/bin/sh
rm -f /var/lib/instance/id  # so that this runs at every boot
sync
(
    n=0
    while [ "$(dd if=/dev/vdb bs=512 skip=$n count=1 2>/dev/null | tr -d '\\0')" = "block $n" ]; do n=$((n + 1)); done
    echo "held: $n." > /dev/console
    while :; do
        printf 'block %s' $n | dd of=/dev/vdb bs=512 seek=$n conv=notrunc,sync,fsync 2>/dev/null
        n=$((n + 1))
        echo "wrote: $n." > /dev/console
        sleep 0.3
    done
) < /dev/null > /dev/null 2>&1 &
"""


def writer(lab: GuestLab, volume: GuestVolume) -> GuestSpec:
    spec = lab.spec(volumes=[volume])
    spec.metadata.user_data = base64.b64encode(WRITING.encode()).decode()
    return spec


def said(lab: GuestLab, server_id: str, word: str) -> list[int]:
    return [int(number) for number in re.findall(rf"{word}: (\d+)\.", lab.console(server_id))]


def goes_on(lab: GuestLab, server_id: str) -> int:
    """How many blocks it has written, once there are more than now."""
    now = len(said(lab, server_id, "wrote"))
    wait_for(lambda: len(said(lab, server_id, "wrote")) > now + 1, 60, lambda: lab.console(server_id)[-500:])
    return said(lab, server_id, "wrote")[-1]


def boots_with(lab: GuestLab, server_id: str, blocks: int) -> None:
    """The guest that boots finds no fewer blocks than it had written."""
    boots = len(said(lab, server_id, "held"))
    wait_for(lambda: len(said(lab, server_id, "held")) > boots, 120, lambda: lab.console(server_id)[-500:])
    assert said(lab, server_id, "held")[-1] >= blocks


def files(lab: GuestLab, volume: GuestVolume) -> list[str]:
    """The pools that have a file of the volume, and whether it is noted as one on its way."""
    pools = {"file": lab.state / "volumes", "slow": lab.directory / "slow"}
    found = [name for name, pool in pools.items() if list(pool.glob(f"*{volume.volume_id}*"))]
    return found + ["noted"] * (lab.state / "moves" / volume.volume_id).exists()


def defined(lab: GuestLab, server_id: str, volume: GuestVolume) -> set[str]:
    """The directories that the running guest and its next start have the volume in."""

    def read(connection: Any) -> set[str]:
        domain = connection.lookupByUUIDString(server_id)
        both = [ElementTree.fromstring(domain.XMLDesc(flags)) for flags in (0, libvirt.VIR_DOMAIN_XML_INACTIVE)]
        sources = [disk.find("source") for one in both for disk in one.iterfind("devices/disk")]
        return {Path(one.attrib["file"]).parent.name for one in sources if one is not None and volume.volume_id in one.attrib["file"]}

    return lab.run(lab.host.agent.drivers.hypervisor._libvirt.call(read))  # type: ignore[attr-defined]


def cut_off(lab: GuestLab, spec: GuestSpec, volume: GuestVolume, key: VolumeKey | None, noted: Callable[[], None]) -> None:
    """Leave a move as an agent does that is killed when both files are the same."""
    pools, hypervisor = lab.host.agent.drivers.block._pools, lab.host.agent.drivers.hypervisor  # type: ignore[attr-defined]
    target = pools.path(volume.volume_id, "qcow2", "slow")

    async def half() -> None:
        await qemu_img.create(target, 1 << 30, key=key)
        lab.host.files._user.give(target)
        await hypervisor.move_volume(spec.server_id, volume.volume_id, target, key, killed)  # type: ignore[attr-defined]

    def killed() -> None:
        noted()
        raise InterruptedError

    pools.note(volume.volume_id, "file")
    with pytest.raises(InterruptedError):
        lab.run(half())
    assert files(lab, volume) == ["file", "slow", "noted"]
    lab.reopen()


@pytest.mark.parametrize("encrypted", [False, True])
def test_under_a_guest(lab: GuestLab, encrypted: bool) -> None:
    key = new_key() if encrypted else None
    given = {"key": plain(key)} if key is not None else {}
    volume = lab.volume(1, "vdb", **given)
    volume.connection.key, volume.connection.path = key, Path(volume.connection.path).name  # as the controller says it
    spec = writer(lab, volume)
    server_id = spec.server_id
    here: dict[str, Any] = {"volume_id": volume.volume_id, **given}
    lab.do("guest.create", spec)
    wait_for(lambda: said(lab, server_id, "wrote"), 120, lambda: lab.console(server_id)[-500:])
    assert lab.refuse("volume.move", here | {"pool": "slow"}).code == "volume.in_use"
    assert lab.refuse("volume.move", here | {"pool": "none", "server_id": server_id}).code == "volume.no_pool"
    assert (files(lab, volume), defined(lab, server_id, volume)) == (["file"], {"volumes"})
    for _ in range(2):  # asked again, it stays
        lab.do("volume.move", here | {"pool": "slow", "server_id": server_id})
        assert (files(lab, volume), defined(lab, server_id, volume)) == (["slow"], {"slow"})
    blocks = goes_on(lab, server_id)
    lab.do("guest.reboot", {"spec": msgspec.to_builtins(spec), "hard": True})
    boots_with(lab, server_id, blocks)
    if not encrypted:
        in_every_state(lab, spec, volume, here)
    lab.do("guest.destroy", {"server_id": server_id})
    lab.do("volume.delete", {"volume_id": volume.volume_id})
    assert files(lab, volume) == []


def in_every_state(lab: GuestLab, spec: GuestSpec, volume: GuestVolume, here: dict[str, Any]) -> None:
    """While the guest is paused, after its agent was killed, and while it is off."""
    server_id = spec.server_id
    lab.do("guest.pause", {"server_id": server_id})
    lab.do("volume.move", here | {"pool": "file", "server_id": server_id})
    lab.do("guest.unpause", {"server_id": server_id})
    cut_off_moves(lab, spec, volume, here)
    blocks = goes_on(lab, server_id)
    lab.do("guest.stop", {"server_id": server_id, "timeout": 0})
    lab.do("volume.move", here | {"pool": "slow", "server_id": server_id})
    assert files(lab, volume) == ["slow"]
    lab.do("guest.start", spec)
    boots_with(lab, server_id, blocks)


def cut_off_moves(lab: GuestLab, spec: GuestSpec, volume: GuestVolume, here: dict[str, Any]) -> None:
    """A move that was cut off, before or after the new file was noted as the volume, is gone back on or made again."""
    pools = lab.host.agent.drivers.block._pools  # type: ignore[attr-defined]
    for noted in (lambda: None, lambda: pools.note(volume.volume_id, "slow")):
        for pool, directory in (("file", "volumes"), ("slow", "slow")):
            cut_off(lab, spec, volume, None, noted)
            lab.do("volume.move", here | {"pool": pool, "server_id": spec.server_id})
            assert (files(lab, volume), defined(lab, spec.server_id, volume)) == ([pool], {directory})
            goes_on(lab, spec.server_id)
        lab.do("volume.move", here | {"pool": "file", "server_id": spec.server_id})
    lab.do("guest.suspend", {"server_id": spec.server_id})
    assert lab.refuse("volume.move", here | {"pool": "slow", "server_id": spec.server_id}).code == "guest.suspended"
    lab.do("guest.resume", spec)
