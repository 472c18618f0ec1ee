"""Volumes as files: made, copied, grown and removed, at rest and under a guest that writes."""

import os
import shutil
import subprocess
from pathlib import Path

import msgspec
import pytest
from guest_lab import GuestLab, lab

from monostack.agent.block import qemu_img
from monostack.protocol.guests import AttachVolume

__all__ = ["lab"]
pytestmark = pytest.mark.host
GIB = 1 << 30
WRITTEN = b"written by the guest\n"


def beginning(path: str) -> bytes:
    """The first bytes that a guest would read from a volume."""
    subprocess.run(["qemu-img", "dd", "-f", "qcow2", "-O", "raw", "bs=512", "count=1", f"if={path}", f"of={path}.head"], check=True)
    head = Path(path + ".head")
    try:
        return head.read_bytes()
    finally:
        head.unlink()


def write(path: str, pattern: int) -> None:
    """Fill the first MiB with a byte."""
    subprocess.run(["qemu-io", "-f", "qcow2", "-c", f"write -P {pattern} 0 1M", path], check=True, stdout=subprocess.DEVNULL)


def size_of(lab: GuestLab, path: str) -> int:
    return lab.run(qemu_img.info(Path(path), "qcow2")).virtual_size


def test_a_volume_at_rest(lab: GuestLab) -> None:
    volume = lab.volume()
    path, reference = volume.connection.path, {"volume_id": volume.volume_id}
    assert size_of(lab, path) == GIB
    assert Path(path).stat().st_mode & 0o777 == 0o600
    write(path, 0x41)
    lab.do("volume.create", reference | {"size_gib": 1})  # asked again, it keeps what is in it
    assert beginning(path) == b"A" * 512
    lab.do("volume.extend", reference | {"size_gib": 3})
    lab.do("volume.extend", reference | {"size_gib": 2})  # never shrinks
    assert size_of(lab, path) == 3 * GIB
    snapshot = reference | {"snapshot_id": lab.spec().server_id}
    lab.do("volume.snapshot", snapshot)
    write(path, 0x42)
    lab.do("volume.snapshot", snapshot)  # asked again, it stays as it was
    error = lab.refuse("volume.create", {"volume_id": lab.spec().server_id, "size_gib": 2, "snapshot_id": snapshot["snapshot_id"]})
    assert (error.code, "needs 3 GiB" in error.message) == ("volume.too_small", True)
    old = lab.volume(4, snapshot_id=snapshot["snapshot_id"])
    new = lab.volume(3, source_volume_id=volume.volume_id)
    assert beginning(old.connection.path) == b"A" * 512
    assert beginning(new.connection.path) == b"B" * 512
    assert size_of(lab, old.connection.path) == 4 * GIB
    stored = lab.do("volume.list", {})
    assert set(stored["volumes"]) == {volume.volume_id, old.volume_id, new.volume_id}
    assert stored["snapshots"] == [snapshot["snapshot_id"]]
    room = stored["pools"]["file"]
    assert 0 < room["free_gib"] <= room["capacity_gib"]
    for volume_id in stored["volumes"]:
        lab.do("volume.delete", {"volume_id": volume_id})
        lab.do("volume.delete", {"volume_id": volume_id})
    lab.do("volume.delete_snapshot", {"snapshot_id": snapshot["snapshot_id"]})
    lab.do("volume.delete_snapshot", {"snapshot_id": snapshot["snapshot_id"]})
    stored = lab.do("volume.list", {})
    assert (stored["volumes"], stored["snapshots"]) == ([], [])


def test_a_volume_comes_from_another_host(lab: GuestLab) -> None:
    volume, carrier, arrived = lab.volume(2), lab.spec().server_id, {"volume_id": lab.spec().server_id}
    write(volume.connection.path, 0x41)
    lab.do("volume.export", {"volume_id": volume.volume_id, "image_id": carrier, "disk_format": "qcow2"})
    bits = (lab.state / "outgoing" / carrier).read_bytes()
    half = len(bits) // 2
    assert lab.refuse("volume.create", arrived | {"size_gib": 2, "received": True}).code == "image.unreadable"
    assert lab.refuse("volume.receive", arrived | {"offset": half, "data": bits[half:]}).code == "command.invalid"
    for _ in range(2):  # asked again, it is as it was
        lab.do("volume.receive", arrived | {"offset": 0, "data": bits[:half]})
        lab.do("volume.receive", arrived | {"offset": half, "data": bits[half:]})
    path = lab.do("volume.create", arrived | {"size_gib": 2, "received": True})["connection"]["path"]
    assert (size_of(lab, path), beginning(path), Path(path).stat().st_mode & 0o777) == (2 * GIB, b"A" * 512, 0o600)
    lab.do("volume.receive", arrived | {"offset": 0, "data": bits[:half]})
    lab.do("volume.delete", arrived)
    lab.do("volume.delete", {"volume_id": volume.volume_id})
    lab.do("image.forget", {"image_id": carrier})
    assert list((lab.state / "incoming").iterdir()) == []


def test_files_become_volumes_and_snapshots(lab: GuestLab) -> None:
    aside = lab.state / "unmanaged"
    dropped, linked = aside / "volumes" / "disk.qcow2", aside / "volumes" / "link.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", str(dropped), str(GIB + 512)], check=True)
    write(str(dropped), 0x41)
    linked.symlink_to(dropped)
    (aside / "volumes" / "junk.qcow2").write_bytes(b"junk")
    listed = {one["name"]: one for one in lab.do("volume.list_unmanaged", {})["volumes"]}
    assert (listed["disk"]["size_gib"], listed["disk"]["unfit"]) == (2, None)
    assert "is a link" in listed["link"]["unfit"] and "not a readable qcow2 image" in listed["junk"]["unfit"]
    volume_id, snapshot_id = lab.spec().server_id, lab.spec().server_id
    reference = {"volume_id": volume_id, "name": "disk"}
    for name, code in (("link", "volume.no_file"), ("../volumes/disk", "volume.bad_reference"), ("none", "volume.no_such_file")):
        assert lab.refuse("volume.manage", {"volume_id": volume_id, "name": name}).code == code
    for _ in range(2):  # asked again, it is as it was
        assert lab.do("volume.manage", reference) == {"size_gib": 2}
    path = str(lab.state / "volumes" / f"{volume_id}.qcow2")
    assert (size_of(lab, path), beginning(path), Path(path).stat().st_mode & 0o777) == (2 * GIB, b"A" * 512, 0o600)
    lab.do("volume.snapshot", {"volume_id": volume_id, "snapshot_id": snapshot_id})
    snapshot = {"snapshot_id": snapshot_id, "volume_name": f"volume-{volume_id}", "name": "before"}
    for _ in range(2):
        lab.do("volume.unmanage_snapshot", snapshot)
        lab.do("volume.unmanage", reference)
    assert (lab.do("volume.list", {})["volumes"], lab.do("volume.list", {})["snapshots"]) == ([], [])
    assert lab.do("volume.list_unmanaged", {})["snapshots"] == [{"name": "before", "size_gib": 2, "unfit": None, "volume_name": "disk"}]
    lab.do("volume.manage", reference)
    assert lab.do("volume.manage_snapshot", snapshot) == {"size_gib": 2}
    lab.do("volume.delete_snapshot", {"snapshot_id": snapshot_id})
    lab.do("volume.unmanage", reference)
    elsewhere = lab.directory / "slow" / "unmanaged" / "volumes" / "disk.qcow2"
    os.rename(dropped, elsewhere)
    reference["pool"] = "slow"
    assert [one["name"] for one in lab.do("volume.list_unmanaged", {"pool": "slow"})["volumes"]] == ["disk"]
    assert "disk" not in [one["name"] for one in lab.do("volume.list_unmanaged", {})["volumes"]]
    assert lab.do("volume.manage", reference) == {"size_gib": 2}
    assert (lab.directory / "slow" / f"{volume_id}.qcow2").exists()
    lab.do("volume.unmanage", reference)
    elsewhere.unlink()
    assert lab.refuse("volume.list_unmanaged", {"pool": "none"}).code == "volume.no_pool"
    shutil.rmtree(aside)


def test_backups_of_a_volume_at_rest(lab: GuestLab) -> None:
    volume = lab.volume()
    path, reference = volume.connection.path, {"volume_id": volume.volume_id}
    full, delta, of_snapshot, snapshot_id = (lab.spec().server_id for _ in range(4))
    write(path, 0x41)
    assert lab.do("volume.backup", reference | {"backup_id": full}) == {"objects": 1}
    subprocess.run(["qemu-io", "-f", "qcow2", "-c", "write -P 67 512M 1M", path], check=True, stdout=subprocess.DEVNULL)
    assert lab.do("volume.backup", reference | {"backup_id": delta, "parent_id": full}) == {"objects": 1}, "only what has changed"
    lab.do("volume.snapshot", reference | {"snapshot_id": snapshot_id})
    write(path, 0x42)
    lab.do("volume.backup", reference | {"backup_id": delta, "parent_id": full})  # asked again, it stays as it was
    assert lab.do("volume.backup", reference | {"backup_id": of_snapshot, "snapshot_id": snapshot_id}) == {"objects": 2}
    larger = lab.volume(2)
    for backup_id in (delta, of_snapshot):
        lab.do("volume.restore", {"backup_id": backup_id, "volume_id": larger.volume_id})
        assert beginning(larger.connection.path) == b"A" * 512
        pattern = ["qemu-io", "-f", "qcow2", "-c", "read -P 67 512M 1M", larger.connection.path]
        assert b"Pattern verification failed" not in subprocess.run(pattern, check=True, capture_output=True).stdout
        assert size_of(lab, larger.connection.path) == 2 * GIB
    grown = lab.do("volume.backup", {"volume_id": larger.volume_id, "backup_id": lab.spec().server_id})
    assert grown["objects"] == 2
    error = lab.refuse("volume.restore", {"backup_id": lab.do("volume.list", {})["backups"][0], "volume_id": lab.spec().server_id})
    assert error.code == "volume.not_found"
    lab.do("volume.delete_backup", {"backup_id": full})
    assert lab.refuse("volume.restore", {"backup_id": delta, "volume_id": volume.volume_id}).code == "backup.damaged"
    assert beginning(path) == b"B" * 512, "what could not be restored stays as it was"
    for backup_id in lab.do("volume.list", {})["backups"]:
        lab.do("volume.delete_backup", {"backup_id": backup_id})
        lab.do("volume.delete_backup", {"backup_id": backup_id})
    for volume_id in lab.do("volume.list", {})["volumes"]:
        lab.do("volume.delete", {"volume_id": volume_id})
    lab.do("volume.delete_snapshot", {"snapshot_id": snapshot_id})
    assert [*(lab.state / "backups").iterdir(), *(lab.state / "snapshots").iterdir()] == []


@pytest.mark.parametrize("disk_format", ["raw", "qcow2", "vmdk", "vhd"])
def test_a_volume_becomes_an_image(lab: GuestLab, disk_format: str) -> None:
    volume, image_id = lab.volume(), lab.spec().server_id
    write(volume.connection.path, 0x41)
    lab.do("volume.export", {"volume_id": volume.volume_id, "image_id": image_id, "disk_format": disk_format})
    image = lab.state / "outgoing" / image_id
    same = ["qemu-img", "compare", "-F", {"vhd": "vpc"}.get(disk_format, disk_format), "-f", "qcow2", volume.connection.path, str(image)]
    assert subprocess.run(same, check=False, capture_output=True).returncode == 0
    part = lab.do("image.read", {"image_id": image_id, "offset": 0, "length": 512})
    assert part["total"] == image.stat().st_size
    lab.do("image.forget", {"image_id": image_id})
    assert not image.exists()
    refused = lab.refuse("volume.export", {"volume_id": volume.volume_id, "image_id": image_id, "disk_format": "iso"})
    assert refused.code == "image.format"
    lab.do("volume.delete", {"volume_id": volume.volume_id})


def test_a_volume_under_a_guest(lab: GuestLab) -> None:
    spec, volume = lab.spec(), lab.volume()
    lab.do("guest.create", spec)
    lab.wait_sees(spec.server_id, "disk vda")
    lab.do("guest.attach_volume", AttachVolume(spec.server_id, volume))
    lab.wait_console(spec.server_id, "volume written")
    snapshot_id, clone_id = lab.spec().server_id, lab.spec().server_id
    snapshot = {"volume_id": volume.volume_id, "snapshot_id": snapshot_id}
    # Who does not say that a guest has it open gets no torn copy, but an error and nothing.
    assert lab.refuse("volume.snapshot", snapshot).code == "volume.in_use"
    clone = {"volume_id": clone_id, "size_gib": 2, "source_volume_id": volume.volume_id}
    assert lab.refuse("volume.create", clone).code == "volume.in_use"
    assert lab.refuse("volume.extend", {"volume_id": volume.volume_id, "size_gib": 2}).code == "volume.in_use"
    backup_id = lab.spec().server_id
    backup = {"volume_id": volume.volume_id, "backup_id": backup_id}
    assert lab.refuse("volume.backup", backup).code == "volume.in_use"
    assert (lab.do("volume.list", {})["snapshots"], lab.do("volume.list", {})["backups"]) == ([], [])
    assert lab.do("volume.backup", backup | {"server_id": spec.server_id})["objects"] >= 1
    assert lab.refuse("volume.restore", backup).code == "volume.in_use"
    lab.do("volume.delete_backup", {"backup_id": backup_id})
    lab.do("volume.snapshot", snapshot | {"server_id": spec.server_id})
    lab.do("volume.create", clone | {"source_server_id": spec.server_id})
    copy = lab.volume(snapshot_id=snapshot_id)
    assert beginning(copy.connection.path).startswith(WRITTEN)
    cloned = lab.do("volume.create", clone)["connection"]["path"]
    assert beginning(cloned).startswith(WRITTEN)
    assert size_of(lab, cloned) == 2 * GIB
    # The guest stops: the same commands go to the file itself.
    lab.do("guest.stop", {"server_id": spec.server_id, "timeout": 0})
    lab.do("volume.extend", {"volume_id": volume.volume_id, "size_gib": 2, "server_ids": [spec.server_id]})
    assert size_of(lab, volume.connection.path) == 2 * GIB
    lab.do("guest.destroy", {"server_id": spec.server_id})
    for volume_id in lab.do("volume.list", {})["volumes"]:
        lab.do("volume.delete", {"volume_id": volume_id})
    lab.do("volume.delete_snapshot", {"snapshot_id": snapshot_id})
    assert list((lab.state / "snapshots").iterdir()) == []


def test_a_volume_from_an_image(lab: GuestLab) -> None:
    volume = lab.volume(image=msgspec.to_builtins(lab.image))
    assert size_of(lab, volume.connection.path) == GIB
    compare = subprocess.run(["qemu-img", "compare", volume.connection.path, str(lab.store / "image")], check=False, capture_output=True)
    assert compare.returncode == 0, compare.stdout
    lab.do("volume.delete", {"volume_id": volume.volume_id})


@pytest.mark.parametrize(
    ("name", "args", "code"),
    [
        ("volume.create", {"volume_id": "../../etc/passwd", "size_gib": 1}, "command.invalid"),
        ("volume.create", {"volume_id": "A" * 36, "size_gib": 1}, "command.invalid"),
        ("volume.create", {"volume_id": "00000000-0000-4000-8000-000000000000", "size_gib": 0}, "command.invalid"),
        ("volume.create", {"volume_id": "00000000-0000-4000-8000-00000000000A", "size_gib": 1}, "command.invalid"),
        ("volume.delete", {"volume_id": "x"}, "command.invalid"),
        ("volume.delete_snapshot", {"snapshot_id": "../volumes"}, "command.invalid"),
        ("volume.extend", {"volume_id": "00000000-0000-4000-8000-000000000000", "size_gib": 2}, "volume.not_found"),
        (
            "volume.create",
            {
                "volume_id": "00000000-0000-4000-8000-000000000000",
                "size_gib": 1,
                "snapshot_id": "00000000-0000-4000-8000-000000000001",
            },
            "snapshot.not_found",
        ),
    ],
)
def test_bad_requests(lab: GuestLab, name: str, args: dict[str, object], code: str) -> None:
    before = sorted(lab.state.rglob("*.qcow2"))
    assert lab.refuse(name, args).code == code
    assert sorted(lab.state.rglob("*.qcow2")) == before


def test_what_a_killed_agent_left_is_swept(lab: GuestLab) -> None:
    left = [lab.state / kept / f".{'0' * 8}.qcow2.abc{qemu_img.UNFINISHED}" for kept in ("volumes", "snapshots", "images", "guests")]
    for path in left:
        path.write_bytes(b"half of something")
    assert lab.do("volume.list", {})["volumes"] == []
    lab.reopen()
    assert [path for path in left if path.exists()] == []


def test_unused_images_leave_the_cache(lab: GuestLab) -> None:
    used, unused = lab.store / "used", lab.store / "unused"
    for copy in (used, unused):
        shutil.copyfile(lab.store / "image", copy)
    spec = lab.spec()
    assert spec.root is not None
    spec.root.image = lab.describe(used, "qcow2")
    lab.do("guest.create", spec)
    volume = lab.volume(image=msgspec.to_builtins(lab.describe(unused, "qcow2")))
    host = lab.host
    assert host.images.drop_unused(host.files.used_images(), 3600) == []
    dropped = host.images.drop_unused(host.files.used_images(), -1)
    assert unused.stat().st_nlink == 1
    assert used.stat().st_nlink == 3  # the store's, the cache's, the guest's
    assert all(path.name.endswith(".qcow2") for path in dropped)
    # It comes back when it is needed.
    other = lab.volume(image=msgspec.to_builtins(lab.describe(unused, "qcow2")))
    for made in (volume, other):
        lab.do("volume.delete", {"volume_id": made.volume_id})
    lab.do("guest.destroy", {"server_id": spec.server_id})


def test_the_checksum_is_part_of_an_image(lab: GuestLab) -> None:
    other = lab.store / "other"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", str(other), "8M"], check=True)
    described = msgspec.structs.replace(lab.describe(other, "qcow2"), id=lab.image.id)
    first, second = lab.volume(image=msgspec.to_builtins(lab.image)), lab.volume(image=msgspec.to_builtins(described))
    assert beginning(first.connection.path) != bytes(512)
    assert beginning(second.connection.path) == bytes(512)
    for made in (first, second):
        lab.do("volume.delete", {"volume_id": made.volume_id})
