"""rebuild: what stays, what changes, what is refused; and the files and certificates that creating and rebuilding take."""

import base64
from collections.abc import Callable
from typing import Any

import pytest
from guests import guest, until
from waiting import LATEST, at, wait_for

from clouds import Client, TestCloud

Boot = Callable[..., dict[str, Any]]


def _rebuild(client: Client, server_id: str, image: str, version: str = "2.96", **fields: Any) -> Any:
    return client.post("compute", f"/servers/{server_id}/action", {"rebuild": {"imageRef": image, **fields}}, headers=at(version))


@pytest.fixture(scope="module")
def other_image(cloud: TestCloud) -> str:
    return _new_image(cloud, "other", hw_disk_bus="virtio")


def _new_image(cloud: TestCloud, name: str, content: bytes = b"\0" * 8192, **values: Any) -> str:
    made = cloud.demo.post("image", "/images", {"name": name, "disk_format": "raw", "container_format": "bare", **values}).json()["id"]
    stored = cloud.demo.put("image", f"/images/{made}/file", content=content, headers={"content-type": "application/octet-stream"})
    assert stored.status_code == 204, stored.text
    return made


def test_a_server_is_rebuilt_from_another_image(cloud: TestCloud, boot: Boot, other_image: str) -> None:
    before = boot("before", metadata={"a": "1"})
    first = guest(cloud, before["id"])
    key = cloud.demo.post("compute", "/os-keypairs", {"keypair": {"name": "new-key", "type": "ssh"}}, headers=at("2.2")).json()["keypair"]
    answer = _rebuild(
        cloud.demo, before["id"], other_image, name="after", metadata={"b": "2"}, description="again", accessIPv4="10.0.0.9",
        user_data=base64.b64encode(b"#!/bin/sh").decode(), key_name="new-key", adminPass="secret", hostname="after.test",
    )  # fmt: skip
    assert answer.status_code == 202, answer.text
    shown = answer.json()["server"]
    assert (shown["status"], shown["OS-EXT-STS:task_state"], shown["adminPass"]) == ("REBUILD", "rebuilding", "secret")
    assert shown["user_data"] == "IyEvYmluL3No" and answer.headers["location"] == shown["links"][0]["href"]
    after = wait_for(cloud.demo, before["id"], "ACTIVE")
    assert (after["name"], after["metadata"], after["description"], after["key_name"]) == ("after", {"b": "2"}, "again", key["name"])
    assert after["image"]["id"] == other_image and after["addresses"] == before["addresses"]
    assert (after["accessIPv4"], after["OS-EXT-SRV-ATTR:hostname"]) == ("10.0.0.9", "after.test")
    made = guest(cloud, before["id"])
    assert made is not first and (made.state, made.nics) == ("running", first.nics)
    actions = cloud.demo.get("compute", f"/servers/{before['id']}/os-instance-actions", headers=LATEST).json()["instanceActions"]
    assert actions[0]["action"] == "rebuild" and actions[0]["message"] is None


def test_a_stopped_server_is_stopped_again_and_one_in_error_runs(cloud: TestCloud, boot: Boot, image: str) -> None:
    server_id = boot("asleep")["id"]
    cloud.demo.post("compute", f"/servers/{server_id}/action", {"os-stop": None})
    wait_for(cloud.demo, server_id, "SHUTOFF")
    assert _rebuild(cloud.demo, server_id, image).status_code == 202
    assert wait_for(cloud.demo, server_id, "SHUTOFF")["OS-EXT-STS:power_state"] == 4
    assert guest(cloud, server_id).state == "stopped"
    cloud.admin.post("compute", f"/servers/{server_id}/action", {"os-resetState": {"state": "error"}})
    assert _rebuild(cloud.demo, server_id, image).status_code == 202
    wait_for(cloud.demo, server_id, "ACTIVE")
    refused = _rebuild(cloud.demo, server_id, image, preserve_ephemeral=True)
    assert refused.status_code == 202
    assert "preserving ephemeral" in wait_for(cloud.demo, server_id, "ERROR")["fault"]["message"]


def test_what_is_shown_and_taken_by_microversion(cloud: TestCloud, boot: Boot, image: str) -> None:
    server_id = boot("versions")["id"]
    shown = _rebuild(cloud.demo, server_id, image, "2.1").json()["server"]
    assert {"key_name", "user_data", "OS-EXT-STS:task_state", "locked"}.isdisjoint(shown) and "adminPass" in shown
    wait_for(cloud.demo, server_id, "ACTIVE")
    shown = _rebuild(cloud.demo, server_id, image, "2.57", user_data=None, key_name=None).json()["server"]
    assert (shown["key_name"], shown["user_data"]) == (None, None) and "OS-EXT-STS:task_state" not in shown
    wait_for(cloud.demo, server_id, "ACTIVE")
    too_early = (("2.18", "description", "d"), ("2.53", "key_name", "k"), ("2.57", "personality", []), ("2.89", "hostname", "h"))
    for version, name, value in too_early:
        refused = _rebuild(cloud.demo, server_id, image, version, **{name: value})
        assert refused.status_code == 400 and f"'{name}' was unexpected" in refused.json()["badRequest"]["message"], refused.text


def test_refusals(cloud: TestCloud, boot: Boot, image: str) -> None:
    server_id = boot("refused")["id"]
    missing = "00000000-0000-4000-8000-000000000000"

    def message(**fields: Any) -> str:
        answer = _rebuild(cloud.demo, server_id, fields.pop("image", image), **fields)
        assert answer.status_code in (400, 403), answer.text
        (fault,) = answer.json().values()
        return fault["message"]

    assert message(image=missing) == "Cannot find image for rebuild"
    assert message(key_name="none such") == "Invalid key_name provided."
    assert "Flavor's memory is too small" in message(image=_new_image(cloud, "hungry", min_ram=9999))
    assert "Flavor's disk is smaller than the minimum size" in message(image=_new_image(cloud, "wide", min_disk=99))
    assert message(metadata={str(number): "" for number in range(200)}) == "Maximum number of metadata items exceeds 128"
    cloud.demo.post("compute", f"/servers/{server_id}/action", {"lock": None})
    assert _rebuild(cloud.demo, server_id, image).json()["conflictingRequest"]["message"] == f"Instance {server_id} is locked"
    cloud.demo.post("compute", f"/servers/{server_id}/action", {"unlock": None})
    cloud.demo.post("compute", f"/servers/{server_id}/action", {"pause": None})
    wait_for(cloud.demo, server_id, "PAUSED")
    assert _rebuild(cloud.demo, server_id, image).json()["conflictingRequest"]["message"] == (
        f"Cannot 'rebuild' instance {server_id} while it is in vm_state paused"
    )
    assert cloud.reader.post("compute", f"/servers/{server_id}/action", {"rebuild": {"imageRef": image}}).status_code == 403


def test_a_volume_backed_server_keeps_its_volume_and_from_2_93_on_fills_it_anew(
    cloud: TestCloud, boot: Boot, image: str, other_image: str
) -> None:
    root = {"boot_index": 0, "uuid": image, "source_type": "image", "destination_type": "volume", "volume_size": 1}
    server = boot("on-a-volume", imageRef=None, block_device_mapping_v2=[root])
    (held,) = server["os-extended-volumes:volumes_attached"]
    refused = _rebuild(cloud.demo, server["id"], other_image, "2.92")
    assert refused.json()["badRequest"]["message"] == (
        f"Image {other_image} is unacceptable: Unable to rebuild with a different image for a volume-backed server."
    )
    assert _rebuild(cloud.demo, server["id"], image, "2.92").status_code == 202
    wait_for(cloud.demo, server["id"], "ACTIVE")
    assert _rebuild(cloud.demo, server["id"], other_image, "2.93").status_code == 202
    after = wait_for(cloud.demo, server["id"], "ACTIVE")
    assert after["image"] == "" and after["os-extended-volumes:volumes_attached"] == [held]
    filled = cloud.demo.get("volume", f"/volumes/{held['id']}").json()["volume"]
    assert (filled["status"], filled["volume_image_metadata"]["image_id"]) == ("in-use", other_image)
    assert list(guest(cloud, server["id"]).volumes) == [held["id"]]


def test_files_and_certificates_are_kept(cloud: TestCloud, boot: Boot, image: str) -> None:
    files = [{"path": "/etc/motd", "contents": base64.b64encode(b"hello").decode()}]
    server_id = boot("with-files", version="2.35", personality=files, config_drive=True)["id"]
    too_many = _rebuild(cloud.demo, server_id, image, "2.35", personality=files * 6)
    assert (too_many.status_code, too_many.json()["forbidden"]["message"]) == (403, "Personality file limit exceeded")
    long = [{"path": "/" + "x" * 300, "contents": ""}]
    assert _rebuild(cloud.demo, server_id, image, "2.35", personality=long).json()["forbidden"]["message"] == (
        "Personality file path exceeds maximum 255"
    )
    assert _rebuild(cloud.demo, server_id, image, "2.35", personality=files).status_code == 202
    wait_for(cloud.demo, server_id, "ACTIVE")
    signed = boot("signed", version="2.63", trusted_image_certificates=["one"])
    assert signed["trusted_image_certificates"] == ["one"]
    assert _rebuild(cloud.demo, signed["id"], image, trusted_image_certificates=None).json()["server"]["trusted_image_certificates"] is None
    until(lambda: wait_for(cloud.demo, signed["id"], "ACTIVE"))


@pytest.mark.parametrize(
    ("properties", "specs", "reason"),
    [
        ({"hw_architecture": "aarch64"}, {}, "There are not enough hosts available."),
        ({"trait:CUSTOM_NOT_THERE": "required"}, {}, "Image traits cannot be satisfied by the current resource providers."),
        ({"trait:CUSTOM_GPU": "required"}, {"trait:CUSTOM_GPU": "forbidden"}, "Image traits are part of forbidden traits in flavor"),
    ],
    ids=["architecture", "trait", "forbidden trait"],
)
def test_an_image_that_is_not_for_the_servers_host(
    cloud: TestCloud, boot: Boot, image: str, properties: dict[str, str], specs: dict[str, str], reason: str
) -> None:
    flavor_id = f"specs-{len(specs)}"
    cloud.admin.post("compute", "/flavors", {"flavor": {"name": flavor_id, "id": flavor_id, "ram": 64, "disk": 1, "vcpus": 1}})
    if specs:
        cloud.admin.post("compute", f"/flavors/{flavor_id}/os-extra_specs", {"extra_specs": specs})
    server_id = boot("stays", flavorRef=flavor_id)["id"]
    before = guest(cloud, server_id)
    wanted = _new_image(cloud, "elsewhere", **properties)
    answer = _rebuild(cloud.demo, server_id, wanted, name="renamed")
    shown = answer.json()["server"]
    assert (answer.status_code, shown["status"], shown["image"]["id"]) == (202, "REBUILD", wanted)
    server = wait_for(cloud.demo, server_id, "ERROR")
    assert server["fault"]["message"].startswith(f"No valid host was found. {reason}")
    assert (server["image"]["id"], server["name"], server["OS-EXT-STS:power_state"]) == (image, "renamed", 1)
    action = cloud.demo.get("compute", f"/servers/{server_id}/os-instance-actions", headers=LATEST).json()["instanceActions"][0]
    assert (action["action"], action["message"]) == ("rebuild", "Error")
    assert guest(cloud, server_id) is before
    assert _rebuild(cloud.demo, server_id, image).status_code == 202
    assert wait_for(cloud.demo, server_id, "ACTIVE")["image"]["id"] == image
