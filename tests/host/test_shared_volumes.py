"""Volumes that several guests have open at once: raw files, in which each finds what the others write."""

import base64
import subprocess
import uuid
from pathlib import Path

import pytest
from guest_lab import GuestLab, lab, wait_for

from monostack.agent.block import qemu_img
from monostack.protocol.guests import AttachVolume, GuestSpec

__all__ = ["lab"]
pytestmark = pytest.mark.host
GIB = 1 << 30
RAW = {"format": "raw"}
# Tells on the console what the volume begins with, and how large it is, whenever it changes; writes nothing.
READING = """#!/bin/sh
(
    last=
    while :; do
        echo 3 > /proc/sys/vm/drop_caches
        now="$(dd if=/dev/vdb bs=512 count=1 2>/dev/null | tr -d '\\0') size $(cat /sys/block/vdb/size)"
        [ "$now" = "$last" ] || echo "reads: $now." > /dev/console
        last=$now
        sleep 0.5
    done
) < /dev/null > /dev/null 2>&1 &
"""


def write(path: str, disk_format: str, pattern: int) -> None:
    subprocess.run(["qemu-io", "-f", disk_format, "-c", f"write -P {pattern} 0 1M", path], check=True, stdout=subprocess.DEVNULL)


def look(lab: GuestLab, path: str, pattern: int) -> tuple[int, bool]:
    """The size of a volume in GiB, and whether it begins with a byte again and again."""
    disk_format = Path(path).suffix[1:]
    read = ["qemu-io", "-r", "-f", disk_format, "-c", f"read -P {pattern} 0 1M", path]
    begins = b"verification failed" not in subprocess.run(read, check=True, capture_output=True).stdout
    return lab.run(qemu_img.info(Path(path), disk_format)).virtual_size // GIB, begins


def kept(lab: GuestLab, volume_id: str) -> list[str]:
    return sorted(path.suffix for path in (lab.state / "volumes").glob(f"{volume_id}*"))


def test_a_raw_volume_at_rest(lab: GuestLab) -> None:
    volume = lab.volume(**RAW)
    path, reference = volume.connection.path, {"volume_id": volume.volume_id}
    assert (Path(path).suffix, volume.connection.format, Path(path).stat().st_mode & 0o777) == (".raw", "raw", 0o600)
    write(path, "raw", 65)
    for _ in range(2):
        lab.do("volume.extend", reference | {"size_gib": 2})
    snapshot_id, backup_id, image_id = (str(uuid.uuid4()) for _ in range(3))
    lab.do("volume.snapshot", reference | {"snapshot_id": snapshot_id})
    lab.do("volume.backup", reference | {"backup_id": backup_id})
    lab.do("volume.export", reference | {"image_id": image_id, "disk_format": "qcow2"})
    bits = (lab.state / "outgoing" / image_id).read_bytes()
    write(path, "raw", 66)
    arrived = {"volume_id": str(uuid.uuid4())}
    lab.do("volume.receive", arrived | {"offset": 0, "data": bits})
    moved = lab.do("volume.create", arrived | RAW | {"size_gib": 2, "received": True})["connection"]["path"]
    old, plain = lab.volume(3, snapshot_id=snapshot_id, **RAW), lab.volume(2, source_volume_id=volume.volume_id)
    copy = lab.volume(2, source_volume_id=plain.volume_id, **RAW)
    assert [look(lab, each, 65) for each in (moved, old.connection.path)] == [(2, True), (3, True)]
    assert [look(lab, each.connection.path, 66) for each in (plain, copy)] == [(2, True)] * 2
    lab.do("volume.restore", {"volume_id": old.volume_id, "backup_id": backup_id})
    assert look(lab, old.connection.path, 65) == (3, True)
    for disk_format in ("qcow2", "qcow2", "raw", "raw"):  # asked again, it stays as it is
        lab.do("volume.convert", reference | {"format": disk_format})
        assert (kept(lab, volume.volume_id), lab.do("volume.list", {})["volumes"].count(volume.volume_id)) == ([f".{disk_format}"], 1)
    assert look(lab, path, 66) == (2, True)
    # A conversion that was cut off before the end leaves both files.
    (lab.state / "volumes" / f"{volume.volume_id}.qcow2").write_bytes(bits)
    lab.do("volume.convert", reference | {"format": "raw"})
    assert (kept(lab, volume.volume_id), look(lab, path, 66)) == ([".raw"], (2, True))
    assert lab.refuse("volume.create", {"volume_id": str(uuid.uuid4()), "size_gib": 1, "format": "vmdk"}).code == "command.invalid"
    lab.do("image.forget", {"image_id": image_id})
    remove_all(lab)


def reader(lab: GuestLab) -> GuestSpec:
    spec = lab.spec()
    spec.metadata.user_data = base64.b64encode(READING.encode()).decode()
    return spec


def remove_all(lab: GuestLab) -> None:
    for kind in ("volume", "snapshot", "backup"):
        command = "volume.delete" if kind == "volume" else f"volume.delete_{kind}"
        for one in lab.do("volume.list", {})[f"{kind}s"]:
            lab.do(command, {f"{kind}_id": one})
    assert list((lab.state / "volumes").iterdir()) == []


def test_under_two_guests(lab: GuestLab) -> None:
    volume = lab.volume(1, "vdb", **RAW)
    path, reference, writes, reads = volume.connection.path, {"volume_id": volume.volume_id}, lab.spec(), reader(lab)
    volume.connection.path = Path(path).name  # as the controller says it
    reads.volumes = [volume]
    for spec in (reads, writes):
        lab.do("guest.create", spec)
    lab.wait_console(reads.server_id, "reads:  size 2097152")
    lab.wait_sees(writes.server_id, "disk vda")
    lab.do("guest.attach_volume", AttachVolume(writes.server_id, volume))
    lab.wait_console(reads.server_id, "reads: written by the guest")
    both, snapshot = [writes.server_id, reads.server_id], reference | {"snapshot_id": str(uuid.uuid4())}
    # No copy through one guest would be of one moment: the other writes beside it.
    for command in (snapshot, snapshot | {"server_id": writes.server_id}):
        refused = lab.refuse("volume.snapshot", command)
        assert refused.code == "volume.in_use", refused
    assert lab.refuse("volume.extend", reference | {"size_gib": 2}).code == "volume.in_use"
    assert lab.refuse("volume.convert", reference | {"format": "qcow2"}).code == "volume.in_use"
    for _ in range(2):
        lab.do("volume.extend", reference | {"size_gib": 2, "server_ids": both})
    lab.wait_console(reads.server_id, "size 4194304")
    lab.wait_sees(writes.server_id, "disk vdb size 4194304")
    lab.do("guest.detach_volume", {"server_id": reads.server_id, "volume_id": volume.volume_id})
    lab.do("volume.snapshot", snapshot | {"server_id": writes.server_id})
    copy = lab.volume(2, snapshot_id=snapshot["snapshot_id"])
    head = subprocess.run(["qemu-io", "-r", "-f", "qcow2", "-c", "read -v 0 512", copy.connection.path], check=True, capture_output=True)
    assert b"written.by.the.g" in head.stdout
    assert lab.refuse("volume.delete", reference).code == "volume.in_use"
    for server_id in both:
        lab.do("guest.destroy", {"server_id": server_id})
    wait_for(lambda: not lab.run(qemu_img.is_open(Path(path))), 10)
    remove_all(lab)
