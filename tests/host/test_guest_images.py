"""A snapshot of a running guest's disk, read from its host as the image service reads it: another guest boots from it."""

import base64
from pathlib import Path

import msgspec
import pytest
from guest_lab import GuestLab, lab

from monostack.agent.block import qemu_img
from monostack.protocol.guests import GuestSpec, RootDisk, SnapshotGuest
from monostack.protocol.images import MAX_PART, ImagePart, ReadImage

__all__ = ["lab"]
pytestmark = pytest.mark.host
GIB = 1 << 30
WRITES = "#!/bin/sh\necho remembered > /root/kept; sync; echo 'it is' written > /dev/console\n"
READS = "#!/bin/sh\necho found $(cat /root/kept) > /dev/console\n"


def _with_script(spec: GuestSpec, script: str) -> GuestSpec:
    spec.metadata.user_data = base64.b64encode(script.encode()).decode()
    return spec


def _read(lab: GuestLab, image_id: str, target: Path) -> None:
    """All parts of an outgoing image, one after the other."""
    with target.open("wb") as file:
        while True:
            part = msgspec.convert(lab.do("image.read", ReadImage(image_id, file.tell(), MAX_PART)), ImagePart)
            file.write(part.data)
            if file.tell() == part.total:
                return


def test_a_snapshot_carries_what_the_guest_had_written(lab: GuestLab) -> None:
    spec = _with_script(lab.spec(), WRITES)
    lab.do("guest.create", spec)
    lab.wait_console(spec.server_id, "it is written")
    running, stopped = (lab.spec().server_id for _ in range(2))
    lab.do("guest.snapshot", SnapshotGuest(spec.server_id, running))
    lab.do("guest.snapshot", SnapshotGuest(spec.server_id, running))  # asked again, it stays as it was
    assert lab.states()[spec.server_id] == ("running", "")
    lab.do("guest.stop", {"server_id": spec.server_id, "timeout": 0})
    lab.do("guest.snapshot", SnapshotGuest(spec.server_id, stopped))
    lab.do("guest.destroy", {"server_id": spec.server_id})  # an image needs its guest no longer
    bits = lab.store / running
    _read(lab, running, bits)
    found = lab.run(qemu_img.require_sound(bits, "qcow2", "the snapshot"))
    assert (found.virtual_size, found.backing_filename) == (GIB, None)
    assert bits.stat().st_size < GIB // 4  # what was never written takes no room
    for image_id in (running, stopped):
        lab.do("image.forget", {"image_id": image_id})
        assert lab.refuse("image.read", ReadImage(image_id, 0, 1)).code == "image.not_found"
    assert list((lab.state / "outgoing").iterdir()) == []
    image = lab.describe(bits, "qcow2")
    copy = _with_script(lab.spec(root=RootDisk(image, 1)), READS)
    lab.do("guest.create", copy)
    lab.wait_console(copy.server_id, "found remembered")
    lab.do("guest.destroy", {"server_id": copy.server_id})


def test_what_is_not_there_cannot_be_read(lab: GuestLab) -> None:
    unknown = lab.spec().server_id
    assert lab.refuse("guest.snapshot", SnapshotGuest(unknown, unknown)).code == "guest.disk_missing"
    assert lab.refuse("image.read", ReadImage("../../etc/passwd", 0, 10)).code == "command.invalid"
    assert lab.refuse("image.read", ReadImage(unknown, 0, MAX_PART + 1)).code == "command.invalid"
