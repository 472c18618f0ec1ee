"""What a guest finds on its config drive, read back from the disk's bits."""

import base64
import io
import json
import subprocess
from pathlib import Path

import pycdlib
import pytest

from monostack.agent.errors import CommandError
from monostack.agent.hypervisor.libvirt import config_drive
from monostack.protocol.guests import InjectedFile, InstanceMetadata

METADATA = InstanceMetadata(
    meta_data={"uuid": "u", "hostname": "h", "name": "ünïcode", "public_keys": {"k": "ssh-ed25519 AAAA"}},
    network_data={"links": []},
    ec2={"instance-id": "i-1"},
    user_data=base64.b64encode(b"#!/bin/sh\necho \xff\n").decode(),
    vendor_data={"v": 1},
)


def read(bits: bytes) -> dict[str, bytes]:
    """Every file by the path that Linux shows (Rock Ridge)."""
    disk = pycdlib.PyCdlib()
    disk.open_fp(io.BytesIO(bits))
    found = {}
    for directory, _, files in disk.walk(rr_path="/"):
        for name in files:
            content = io.BytesIO()
            path = f"{directory.rstrip('/')}/{name}"
            disk.get_file_from_iso_fp(content, rr_path=path)
            found[path] = content.getvalue()
    disk.close()
    return found


def test_both_trees_and_the_label(tmp_path: Path) -> None:
    bits = config_drive.build(METADATA)
    files = read(bits)
    versions = {path.split("/")[2] for path in files if path.startswith("/openstack/")}
    assert {"2012-08-10", "2013-04-04", "2018-08-27", "2025-04-04", "latest"} <= versions
    assert {path for path in files if "/latest/" in path} == {
        "/openstack/latest/meta_data.json",
        "/openstack/latest/network_data.json",
        "/openstack/latest/vendor_data.json",
        "/openstack/latest/vendor_data2.json",
        "/openstack/latest/user_data",
        "/ec2/latest/meta-data.json",
        "/ec2/latest/user-data",
    }
    assert "/openstack/2012-08-10/network_data.json" not in files and "/ec2/2009-04-04/meta-data.json" in files
    said = json.loads(files["/openstack/latest/meta_data.json"])
    assert len(base64.b64decode(said.pop("random_seed"))) == 512 and said == METADATA.meta_data
    assert json.loads(files["/ec2/latest/meta-data.json"]) == METADATA.ec2
    assert files["/openstack/latest/user_data"] == files["/ec2/latest/user-data"] == b"#!/bin/sh\necho \xff\n"
    drive = tmp_path / "drive.iso"
    drive.write_bytes(bits)
    seen = subprocess.run(["/sbin/blkid", "-o", "export", str(drive)], check=True, capture_output=True, text=True).stdout
    assert "LABEL=config-2\n" in seen
    assert "TYPE=iso9660\n" in seen


def test_no_user_data_is_no_file() -> None:
    files = config_drive.files_of(InstanceMetadata(meta_data={}, network_data={}, ec2={}))
    assert not [path for path in files if "user" in path]


def test_a_large_file_survives() -> None:
    large = bytes(range(256)) * 256
    metadata = InstanceMetadata(meta_data={}, network_data={}, ec2={}, user_data=base64.b64encode(large).decode())
    assert read(config_drive.build(metadata))["/openstack/latest/user_data"] == large


def test_files_for_the_guest_are_named_in_its_metadata() -> None:
    file = InjectedFile("/etc/motd", base64.b64encode(b"hello").decode())
    metadata = InstanceMetadata(meta_data={}, network_data={}, ec2={}, files=[file])
    files = read(config_drive.build(metadata))
    assert json.loads(files["/openstack/latest/meta_data.json"])["files"] == [{"content_path": "/content/0000", "path": "/etc/motd"}]
    assert files["/openstack/content/0000"] == b"hello"


def test_user_data_that_is_not_base64_is_refused() -> None:
    with pytest.raises(CommandError, match="not base64"):
        config_drive.build(InstanceMetadata(meta_data={}, network_data={}, ec2={}, user_data="abcde"))
