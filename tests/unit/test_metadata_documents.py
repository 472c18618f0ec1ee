"""The metadata trees: paths, versions and text, as Nova's metadata API answered them for the same server."""

import base64
import json
from http import HTTPStatus
from typing import Any

import pytest

from monostack.agent.metadata import NotFound, PasswordPage, Text, config_drive_files, look_up
from monostack.agent.metadata.documents import Place, located
from monostack.agent.metadata.faults import page
from monostack.protocol.guests import InstanceMetadata

KEY = "ssh-ed25519 AAA me"
EC2: dict[str, Any] = {
    "ami-id": "ami-00000001",
    "ami-launch-index": 0,
    "ami-manifest-path": "FIXME",
    "instance-id": "i-00000001",
    "hostname": "my-server.novalocal",
    "local-ipv4": "10.0.0.5",
    "reservation-id": "r-abc",
    "security-groups": ["default", "web"],
    "public-keys": {"0": {"_name": "0=kp", "openssh-key": KEY}},
    "local-hostname": "my-server.novalocal",
    "public-hostname": "my-server.novalocal",
    "public-ipv4": "172.24.4.9",
    "instance-type": "m1.tiny",
    "block-device-mapping": {"ami": "vda", "root": "/dev/vda"},
    "placement": {"availability-zone": "nova"},
    "instance-action": "none",
}
META_DATA: dict[str, Any] = {
    "uuid": "11111111-2222-3333-4444-555555555555",
    "meta": {"a": "b"},
    "public_keys": {"kp": KEY},
    "keys": [{"name": "kp", "type": "ssh", "data": KEY}],
    "hostname": "my-server.novalocal",
    "name": "My Server",
    "launch_index": 0,
    "availability_zone": "nova",
    "project_id": "p" * 32,
    "devices": [
        {"type": "nic", "mac": "52:54:00:00:00:01", "vlan": 5, "vf_trusted": False, "bus": "pci", "address": "0000:00:03.0"},
        {"type": "disk", "serial": "abc", "bus": "scsi", "address": "1:0:2:0", "tags": ["db"]},
        {"type": "share", "share_id": "s1", "tag": "t", "bus": "none", "address": "none"},
    ],
    "dedicated_cpus": [],
}
USER_DATA = b"#!/bin/sh\necho hi\n"


def server(**changes: Any) -> InstanceMetadata:
    known = {"meta_data": META_DATA, "network_data": {"links": [], "networks": [], "services": []}, "ec2": EC2}
    return InstanceMetadata(**{**known, "user_data": base64.b64encode(USER_DATA).decode(), **changes})


def text(path: str, **changes: Any) -> str:
    found = look_up(server(**changes), path)
    assert isinstance(found, Text)
    return found.body.decode()


EC2_VERSIONS = "1.0\n2007-01-19\n2007-03-01\n2007-08-29\n2007-10-10\n2007-12-15\n2008-02-01\n2008-09-01\n2009-04-04\nlatest"
OPENSTACK_VERSIONS = (
    "2012-08-10\n2013-04-04\n2013-10-17\n2015-10-15\n2016-06-30\n2016-10-06\n2017-02-22\n2018-08-27\n2020-10-14\n2025-04-04\nlatest"
)
LATEST_META_DATA = (
    "ami-id\nami-launch-index\nami-manifest-path\nblock-device-mapping/\nhostname\ninstance-action\ninstance-id\ninstance-type\n"
    "local-hostname\nlocal-ipv4\nplacement/\npublic-hostname\npublic-ipv4\npublic-keys/\nreservation-id\nsecurity-groups"
)


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/", EC2_VERSIONS),
        ("", EC2_VERSIONS),
        ("//latest", EC2_VERSIONS),
        ("/latest", "meta-data/\nuser-data"),
        ("/2009-04-04/", "meta-data/\nuser-data"),
        ("/latest/meta-data", LATEST_META_DATA),
        ("/latest//meta-data/", LATEST_META_DATA),
        ("/ec2/latest/meta-data", LATEST_META_DATA),
        (
            "/1.0/meta-data/",
            "ami-id\nami-launch-index\nami-manifest-path\nhostname\ninstance-id\nlocal-ipv4\npublic-keys/\nreservation-id\nsecurity-groups",
        ),
        (
            "/2007-12-15/meta-data/",
            "ami-id\nami-launch-index\nami-manifest-path\nblock-device-mapping/\nhostname\ninstance-id\ninstance-type\nlocal-hostname\n"
            "local-ipv4\npublic-hostname\npublic-ipv4\npublic-keys/\nreservation-id\nsecurity-groups",
        ),
        ("/latest/meta-data/public-keys/", "0=kp"),
        ("/latest/meta-data/public-keys/0", "openssh-key"),
        ("/latest/meta-data/public-keys/0/openssh-key", KEY),
        ("/latest/meta-data/placement/", "availability-zone"),
        ("/latest/meta-data/placement/availability-zone", "nova"),
        ("/latest/meta-data/security-groups", "default\nweb"),
        ("/latest/meta-data/block-device-mapping/", "ami\nroot"),
        ("/latest/meta-data/block-device-mapping/ami", "vda"),
        ("/latest/meta-data/ami-launch-index", "0"),
        ("/latest/user-data", USER_DATA.decode()),
        ("/openstack", OPENSTACK_VERSIONS),
        ("/openstack/", OPENSTACK_VERSIONS),
        ("/latest/../openstack", OPENSTACK_VERSIONS),
        ("/openstack/latest/", "meta_data.json\nuser_data\npassword\nvendor_data.json\nnetwork_data.json\nvendor_data2.json"),
        ("/openstack/latest/version", "meta_data.json\nuser_data\npassword\nvendor_data.json\nnetwork_data.json\nvendor_data2.json"),
        ("/openstack/2012-08-10", "meta_data.json\nuser_data"),
        ("/openstack/2013-10-17", "meta_data.json\nuser_data\npassword\nvendor_data.json"),
        ("/openstack/latest/user_data", USER_DATA.decode()),
        ("/openstack/latest/network_data.json", '{"links": [], "networks": [], "services": []}'),
        ("/openstack/2012-08-10/network_data.json", '{"links": [], "networks": [], "services": []}'),
        ("/openstack/latest/vendor_data.json", "{}"),
        ("/openstack/latest/vendor_data2.json", '{"static": {}}'),
    ],
)
def test_paths(path: str, answer: str) -> None:
    assert text(path) == answer


@pytest.mark.parametrize(
    "path",
    [
        "/nope",
        "/3000-01-01",
        "/latest/nope",
        "/latest/meta-data/hostname/x",
        "/latest/meta-data/security-groups/default",
        "/latest/meta-data/ami-launch-index/x",
        "/1.0/meta-data/placement",
        "/openstack/nope",
        "/openstack/content",
        "/openstack/content/0000",
        "/openstack/latest/nope",
        "/openstack/latest/content/0000",
        "/openstack/2012-08-10/password",
        "/openstack/2013-04-04/vendor_data.json",
        "/openstack/2015-10-15/vendor_data2.json",
    ],
)
def test_what_is_not_there(path: str) -> None:
    with pytest.raises(NotFound):
        look_up(server(), path)


def test_a_server_without_user_data_and_key() -> None:
    without = {"user_data": None, "ec2": {key: value for key, value in EC2.items() if key != "public-keys"}}
    assert text("/latest", **without) == "meta-data/"
    assert "public-keys" not in text("/latest/meta-data", **without)
    assert text("/openstack/latest", **without).splitlines() == [
        "meta_data.json",
        "password",
        "vendor_data.json",
        "network_data.json",
        "vendor_data2.json",
    ]
    for path in ("/latest/user-data", "/openstack/latest/user_data", "/latest/meta-data/public-keys"):
        with pytest.raises(NotFound):
            look_up(server(**without), path)


def test_meta_data_grows_with_the_version() -> None:
    oldest = json.loads(text("/openstack/2012-08-10/meta_data.json"))
    assert list(oldest) == ["uuid", "meta", "public_keys", "keys", "hostname", "name", "launch_index", "availability_zone"]
    grizzly = json.loads(text("/openstack/2013-04-04/meta_data.json"))
    assert len(base64.b64decode(grizzly["random_seed"])) == 512
    assert grizzly["random_seed"] != json.loads(text("/openstack/2013-04-04/meta_data.json"))["random_seed"]
    assert json.loads(text("/openstack/2015-10-15/meta_data.json"))["project_id"] == "p" * 32
    assert "dedicated_cpus" not in json.loads(text("/openstack/2018-08-27/meta_data.json"))
    assert json.loads(text("/openstack/latest/meta_data.json"))["dedicated_cpus"] == []


def test_devices_tell_what_their_version_knows() -> None:
    def devices(version: str) -> list[dict[str, Any]]:
        return json.loads(text(f"/openstack/{version}/meta_data.json"))["devices"]

    assert [device["type"] for device in devices("2016-06-30")] == ["disk"], "a NIC with nothing to tell is not shown"
    assert [device["type"] for device in devices("2017-02-22")] == ["nic", "disk"]
    assert "vf_trusted" not in devices("2017-02-22")[0]
    assert devices("2018-08-27")[0]["vf_trusted"] is False
    assert [device["type"] for device in devices("latest")] == ["nic", "disk", "share"]


def test_devices_are_where_their_host_says() -> None:
    metadata = server(meta_data={"devices": [{"type": "nic", "mac": "fa:16:3e:00:00:01", "tags": ["a"]}, {"type": "disk", "serial": "s"}]})
    nic, disk = located(metadata, {"fa:16:3e:00:00:01": Place("pci", "0000:00:03.0")}).meta_data["devices"]
    assert nic == {"type": "nic", "mac": "fa:16:3e:00:00:01", "tags": ["a"], "bus": "pci", "address": "0000:00:03.0"}
    assert disk == {"type": "disk", "serial": "s", "bus": "none", "address": "none"}


def test_types() -> None:
    kinds = {
        path: look_up(server(), path)
        for path in ("/latest/meta-data", "/openstack/latest/meta_data.json", "/openstack/latest/network_data.json")
    }
    assert [found.content_type for found in kinds.values() if isinstance(found, Text)] == [
        "text/plain; charset=UTF-8",
        "application/json",
        "text/plain; charset=UTF-8",
    ]
    assert look_up(server(password="x"), "/openstack/latest/password") == PasswordPage("x")


def test_the_configuration_drive_holds_the_same() -> None:
    files = dict(config_drive_files(server(vendor_data={"v": 1})))
    assert files["openstack/latest/user_data"] == USER_DATA
    assert files["openstack/2012-08-10/meta_data.json"] == text("/openstack/2012-08-10/meta_data.json").encode()
    assert "openstack/2013-04-04/vendor_data.json" not in files
    assert "openstack/2013-10-17/network_data.json" not in files
    assert json.loads(files["openstack/latest/vendor_data2.json"]) == {"static": {"v": 1}}
    assert json.loads(files["ec2/latest/meta-data.json"])["hostname"] == "my-server.novalocal"
    assert "placement" not in json.loads(files["ec2/1.0/meta-data.json"])
    assert files["ec2/2009-04-04/user-data"] == USER_DATA
    assert not any(path.endswith("password") for path in files)


@pytest.mark.parametrize(
    ("accept", "kind", "body"),
    [
        ("", "text/plain; charset=UTF-8", b"404 Not Found\n\nThe resource could not be found.\n\n   "),
        ("text/plain", "text/plain; charset=UTF-8", b"404 Not Found\n\nThe resource could not be found.\n\n   "),
        ("image/*", "text/plain; charset=UTF-8", b"404 Not Found\n\nThe resource could not be found.\n\n   "),
        (
            "*/*",
            "text/html; charset=UTF-8",
            b"<html>\n <head>\n  <title>404 Not Found</title>\n </head>\n <body>\n  <h1>404 Not Found</h1>\n"
            b"  The resource could not be found.<br /><br />\n\n\n\n </body>\n</html>",
        ),
        (
            "application/json, text/html;q=0.5",
            "application/json",
            b'{"message": "The resource could not be found.<br /><br />\\n\\n\\n", "code": "404 Not Found", "title": "Not Found"}',
        ),
    ],
)
def test_refusals_are_worded_as_the_client_accepts(accept: str, kind: str, body: bytes) -> None:
    assert page(HTTPStatus.NOT_FOUND, accept) == (kind, body)
