"""Encrypted volumes: nothing of what a guest writes is on the disk in the clear, and only their key opens them."""

import subprocess
import uuid
from pathlib import Path
from typing import Any

import msgspec
import pytest
from guest_lab import GuestLab, lab
from volume_keys import new_key, plain

from monostack.agent.block import luks, qemu_img
from monostack.protocol.guests import AttachVolume, GuestVolume, VolumeKey

__all__ = ["lab"]
pytestmark = pytest.mark.host
WRITTEN = b"written by the guest"


def encrypted(lab: GuestLab, key: VolumeKey, size_gib: int = 1, device: str = "vdd", **source: Any) -> GuestVolume:
    volume = lab.volume(size_gib, device, key=msgspec.to_builtins(key), **source)
    volume.connection.key = key
    return volume


def qemu_io(volume: GuestVolume, command: str) -> bytes:
    assert volume.connection.key is not None
    with luks.given(old=volume.connection.key) as (secrets, files):
        image = luks.opening(Path(volume.connection.path), "qcow2", volume.connection.key, "old")
        return subprocess.run(["qemu-io", *secrets, "-c", command, *image], check=True, pass_fds=files, capture_output=True).stdout


def begins_with(volume: GuestVolume, pattern: int) -> bool:
    return b"Pattern verification failed" not in qemu_io(volume, f"read -P {pattern} 0 64k")


def shows(lab: GuestLab, volume: GuestVolume) -> str:
    """How the volume's file is encrypted, as whoever finds it sees."""
    found = lab.run(qemu_img.info(Path(volume.connection.path), "qcow2")).format_specific or {}
    data = found["data"]
    assert isinstance(data, dict)
    return "{format} {cipher-alg} {cipher-mode} {ivgen-alg}".format(**data["encrypt"])


def remove_all(lab: GuestLab) -> None:
    for volume_id in lab.do("volume.list", {})["volumes"]:
        lab.do("volume.delete", {"volume_id": volume_id})
    for kept in ("snapshot", "backup"):
        for kept_id in lab.do("volume.list", {})[f"{kept}s"]:
            lab.do(f"volume.delete_{kept}", {f"{kept}_id": kept_id})


def test_at_rest(lab: GuestLab) -> None:
    key, other = new_key(), new_key("serpent-cbc-plain64", 128)
    volume = encrypted(lab, key)
    assert shows(lab, volume) == "luks aes-256 xts plain64"
    qemu_io(volume, "write -P 65 0 1M")
    reference = {"volume_id": volume.volume_id, "key": plain(key)}
    lab.do("volume.extend", reference | {"size_gib": 2})
    assert lab.run(qemu_img.info(Path(volume.connection.path), "qcow2")).virtual_size == 2 << 30
    snapshot_id, backup_id, delta_id = (str(uuid.uuid4()) for _ in range(3))
    lab.do("volume.snapshot", reference | {"snapshot_id": snapshot_id})
    of_snapshot = reference | {"snapshot_id": snapshot_id}
    assert lab.do("volume.backup", of_snapshot | {"backup_id": backup_id})["objects"] >= 1
    assert lab.do("volume.backup", of_snapshot | {"backup_id": delta_id, "parent_id": backup_id})["objects"] == 0, "nothing has changed"
    qemu_io(volume, "write -P 66 0 1M")
    old = encrypted(lab, other, 2, snapshot_id=snapshot_id, source_key=plain(key))
    new = encrypted(lab, other, 3, source_volume_id=volume.volume_id, source_key=plain(key))
    assert shows(lab, new) == "luks serpent-128 cbc plain64"
    assert begins_with(old, 65)
    assert begins_with(new, 66)
    lab.do("volume.restore", {"backup_id": delta_id, "volume_id": new.volume_id, "key": plain(other), "backup_key": plain(key)})
    assert begins_with(new, 65)
    assert lab.run(qemu_img.info(Path(new.connection.path), "qcow2")).virtual_size == 3 << 30
    moved = str(uuid.uuid4())
    lab.do(
        "volume.export",
        {"volume_id": old.volume_id, "image_id": moved, "disk_format": "qcow2", "key": plain(other), "image_key": plain(key)},
    )
    lab.do("image.forget", {"image_id": moved})
    anew = {"volume_id": old.volume_id, "key": plain(other), "new_key": plain(key)}
    for _ in range(2):  # asked again, it stays as it is
        lab.do("volume.convert", anew)
    lab.refuse("volume.extend", {"volume_id": old.volume_id, "size_gib": 3, "key": plain(other)})
    old.connection.key = key
    assert begins_with(old, 65)
    assert b"A" * 512 not in b"".join(path.read_bytes() for path in lab.state.rglob("*.qcow2"))
    for _ in range(2):
        lab.do("volume.convert", {"volume_id": old.volume_id, "key": plain(key), "new_key": None})
    assert b"A" * 512 in Path(old.connection.path).read_bytes()
    remove_all(lab)


def test_an_image_is_a_luks_device(lab: GuestLab) -> None:
    key, image_key = new_key("serpent-cbc-plain64", 128), new_key()
    volume = encrypted(lab, key)
    qemu_io(volume, "write -P 65 0 1M")
    bits = lab.host.outgoing.path(str(uuid.uuid4()))
    wanted = {"volume_id": volume.volume_id, "image_id": bits.name, "disk_format": "raw", "key": plain(key), "image_key": plain(image_key)}
    lab.do("volume.export", wanted)
    found = lab.run(qemu_img.info(bits, "luks"))
    assert found.virtual_size == 1 << 30 < bits.stat().st_size
    with bits.open("rb") as file:
        assert b"A" * 512 not in file.read(8 << 20)
    stored = bits.rename(lab.store / bits.name)
    source = {"image": msgspec.to_builtins(lab.describe(stored, "raw")), "source_key": plain(image_key)}
    # What it holds fits into a volume of the same size, though the image has its header besides.
    made = encrypted(lab, key, **source)
    assert begins_with(made, 65)
    assert shows(lab, made) == "luks serpent-128 cbc plain64"
    lab.refuse("volume.create", {"volume_id": str(uuid.uuid4()), "size_gib": 1, **source, "source_key": plain(key)})
    stored.unlink()
    remove_all(lab)


def test_only_its_key_opens_it(lab: GuestLab) -> None:
    key, before = new_key(), sorted(lab.state.rglob("*.qcow2"))
    volume = encrypted(lab, key)
    for wrong in (None, plain(new_key())):
        reference = {"volume_id": volume.volume_id, "key": wrong}
        assert "key" in lab.refuse("volume.extend", reference | {"size_gib": 2}).message or wrong
        lab.refuse("volume.snapshot", reference | {"snapshot_id": str(uuid.uuid4())})
        lab.refuse(
            "volume.create", {"volume_id": str(uuid.uuid4()), "size_gib": 1, "source_volume_id": volume.volume_id, "source_key": wrong}
        )
    no_cipher = {"volume_id": str(uuid.uuid4()), "size_gib": 1, "key": plain(new_key("rot-13-plain64"))}
    assert lab.refuse("volume.create", no_cipher).code == "volume.cipher"
    remove_all(lab)
    assert sorted(lab.state.rglob("*.qcow2")) == before


def test_under_a_guest(lab: GuestLab) -> None:
    spec, key, other = lab.spec(), new_key(), new_key()
    volume = encrypted(lab, key)
    lab.do("guest.create", spec)
    lab.wait_sees(spec.server_id, "disk vda")
    lab.do("guest.attach_volume", AttachVolume(spec.server_id, volume))
    lab.wait_console(spec.server_id, "volume written")
    assert WRITTEN not in Path(volume.connection.path).read_bytes()
    held = {"volume_id": volume.volume_id, "key": plain(key), "server_id": spec.server_id}
    snapshot_id = str(uuid.uuid4())
    lab.do("volume.snapshot", held | {"snapshot_id": snapshot_id})
    lab.do("volume.extend", held | {"size_gib": 2, "server_ids": [spec.server_id]})
    lab.wait_sees(spec.server_id, "disk vd. size 4194304")
    clone = encrypted(lab, other, 2, source_volume_id=volume.volume_id, source_server_id=spec.server_id, source_key=plain(key))
    assert WRITTEN in first_sector(clone)
    assert lab.do("guest.list", {})["guests"][0]["state"] == "running"
    # No daemon keeps the key once the disk is open.
    uri = lab.daemon.uri
    listed = subprocess.run(["virsh", "-c", uri, "secret-list"], check=True, capture_output=True, text=True).stdout
    assert key.id not in listed
    lab.do("guest.detach_volume", {"server_id": spec.server_id, "volume_id": volume.volume_id})
    lab.do("guest.attach_volume", AttachVolume(spec.server_id, volume))
    lab.do("guest.stop", {"server_id": spec.server_id, "timeout": 0})
    lab.reopen()
    boot = encrypted(lab, other, device="vda", image=msgspec.to_builtins(lab.image))
    boot.boot_index = 0
    lab.do("guest.start", msgspec.structs.replace(spec, root=None, volumes=[boot, volume]))
    lab.wait_console(spec.server_id, "boot finished", times=2)
    lab.do("guest.destroy", {"server_id": spec.server_id})
    assert WRITTEN in first_sector(volume)
    remove_all(lab)


def first_sector(volume: GuestVolume) -> bytes:
    """The first sector, of a volume that no guest has open."""
    dump = qemu_io(volume, "read -v 0 512").decode()
    rows = [line.partition(":")[2][2:49].split() for line in dump.splitlines() if line[8:9] == ":"]
    return bytes(int(byte, 16) for row in rows for byte in row)
