"""createImage and createBackup: images of servers, real to the last bit of their header."""

import json
import struct
from collections.abc import Callable
from typing import Any

import pytest
from guests import until
from waiting import LATEST, at, wait_for

from clouds import Client, TestCloud

Boot = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def server(boot: Boot) -> dict[str, Any]:
    return boot("original")


def _act(client: Client, server_id: str, body: dict[str, Any], version: str = "2.96") -> Any:
    return client.post("compute", f"/servers/{server_id}/action", body, headers=at(version))


def _snapshot(client: Client, server_id: str, **body: Any) -> dict[str, Any]:
    made = _act(client, server_id, {"createImage": {"name": "snap", **body}})
    assert made.status_code == 202, made.text
    image = until(lambda: _active(client, made.json()["image_id"]))
    wait_for(client, server_id, "ACTIVE", "SHUTOFF", "PAUSED")
    return image


def _active(client: Client, image_id: str) -> dict[str, Any] | None:
    found = client.get("image", f"/images/{image_id}").json()
    return found if found["status"] == "active" else None


def test_a_snapshot_is_an_image_with_bits_of_its_own(cloud: TestCloud, server: dict[str, Any], image: str) -> None:
    found = _snapshot(cloud.demo, server["id"], metadata={"purpose": "test"})
    assert (found["disk_format"], found["container_format"], found["visibility"], found["min_disk"]) == ("qcow2", "bare", "private", 1)
    assert found["virtual_size"] == 1 << 30
    names = ("image_type", "instance_uuid", "base_image_ref", "purpose", "image_state", "owner_id", "user_id")
    said = {name: found[name] for name in names}
    assert said == {
        "image_type": "snapshot", "instance_uuid": server["id"], "base_image_ref": image, "purpose": "test", "image_state": "available",
        "owner_id": cloud.demo.project_id, "user_id": cloud.demo.user_id,
    }  # fmt: skip
    assert (found["owner_user_name"], found["owner_project_name"], found["boot_roles"]) == ("demo", "demo", "member,reader")
    bits = cloud.demo.get("image", f"/images/{found['id']}/file").content
    assert len(bits) == found["size"] and struct.unpack_from(">4sI16xQ", bits) == (b"QFI\xfb", 3, 1 << 30)
    (action,) = [
        a for a in cloud.demo.get("compute", f"/servers/{server['id']}/os-instance-actions", headers=LATEST).json()["instanceActions"]
        if a["action"] == "createImage"
    ]  # fmt: skip
    path = f"/servers/{server['id']}/os-instance-actions/{action['request_id']}"
    (event,) = cloud.demo.get("compute", path, headers=LATEST).json()["instanceAction"]["events"]
    assert (event["event"], event["result"]) == ("compute_snapshot_instance", "Success")


def test_a_server_boots_from_a_snapshot(cloud: TestCloud, boot: Boot, server: dict[str, Any]) -> None:
    found = _snapshot(cloud.demo, server["id"])
    copy = boot("copy", imageRef=found["id"])
    assert copy["image"]["id"] == found["id"]
    again = _snapshot(cloud.demo, copy["id"])
    assert again["base_image_ref"] == found["id"] and again["instance_uuid"] == copy["id"]


def test_the_answer_by_microversion(cloud: TestCloud, server: dict[str, Any]) -> None:
    made = _act(cloud.demo, server["id"], {"createImage": {"name": "old"}}, "2.44")
    assert (made.status_code, made.content) == (202, b"")
    assert made.headers["location"].startswith(f"{cloud.url}/image/images/")
    wait_for(cloud.demo, server["id"], "ACTIVE")
    limited = cloud.admin.put("compute", f"/os-quota-sets/{cloud.demo.project_id}", {"quota_set": {"metadata_items": 1}})
    assert limited.status_code == 200
    body = {"createImage": {"name": "old", "metadata": {"a": "1", "b": "2"}}}
    refused = _act(cloud.demo, server["id"], body, "2.38")
    assert (refused.status_code, refused.json()["forbidden"]["message"]) == (403, "Image metadata limit exceeded")
    assert _act(cloud.demo, server["id"], body, "2.39").status_code == 202
    wait_for(cloud.demo, server["id"], "ACTIVE")


def test_an_image_of_another_projects_server_is_shared_with_it(cloud: TestCloud, server: dict[str, Any]) -> None:
    found = _snapshot(cloud.admin, server["id"])
    assert (found["visibility"], found["owner"]) == ("shared", cloud.admin.project_id)
    assert cloud.demo.get("image", f"/images/{found['id']}").status_code == 200
    assert "instance_owner" not in found


def test_a_stopped_and_a_locked_server_can_be_copied_but_not_one_in_error(cloud: TestCloud, boot: Boot) -> None:
    server_id = boot("asleep")["id"]
    _act(cloud.demo, server_id, {"os-stop": None})
    wait_for(cloud.demo, server_id, "SHUTOFF")
    _act(cloud.demo, server_id, {"lock": None})
    _snapshot(cloud.demo, server_id)
    _act(cloud.admin, server_id, {"os-resetState": {"state": "error"}})
    refused = _act(cloud.demo, server_id, {"createImage": {"name": "no"}})
    assert (refused.status_code, refused.json()["conflictingRequest"]["message"]) == (
        409, f"Cannot 'createImage' instance {server_id} while it is in vm_state error"
    )  # fmt: skip


def test_what_fails_on_the_host_leaves_no_image(cloud: TestCloud, boot: Boot) -> None:
    server_id = boot("fails", metadata={"monostack:fail": "snapshot"})["id"]
    made = _act(cloud.demo, server_id, {"createImage": {"name": "never"}})
    wait_for(cloud.demo, server_id, "ACTIVE")
    assert cloud.demo.get("image", f"/images/{made.json()['image_id']}").status_code == 404


def test_backups_rotate(cloud: TestCloud, server: dict[str, Any]) -> None:
    made = []
    for number in range(3):
        body = {"createBackup": {"name": f"backup-{number}", "backup_type": "daily", "rotation": 2, "metadata": {"n": str(number)}}}
        answer = _act(cloud.demo, server["id"], body)
        assert answer.status_code == 202, answer.text
        made.append(answer.json()["image_id"])
        wait_for(cloud.demo, server["id"], "ACTIVE")
    found = [cloud.demo.get("image", f"/images/{image_id}") for image_id in made]
    assert sorted(answer.status_code for answer in found) == [200, 200, 404]
    kept = cloud.demo.get("image", "/images", params={"image_type": "backup", "instance_uuid": server["id"]}).json()["images"]
    assert [(each["backup_type"], each["status"]) for each in kept] == [("daily", "active")] * 2
    old = _act(cloud.demo, server["id"], {"createBackup": {"name": "none", "backup_type": "weekly", "rotation": 0}}, "2.1")
    assert old.status_code == 202 and "location" not in old.headers
    wait_for(cloud.demo, server["id"], "ACTIVE")
    assert cloud.demo.get("image", "/images", params={"backup_type": "weekly"}).json()["images"] == []


def test_a_volume_backed_servers_image_names_snapshots_of_its_volumes(cloud: TestCloud, boot: Boot, image: str) -> None:
    root = {"boot_index": 0, "uuid": image, "source_type": "image", "destination_type": "volume", "volume_size": 1}
    server_id = boot("on-a-volume", imageRef=None, block_device_mapping_v2=[root])["id"]
    made = _act(cloud.demo, server_id, {"createImage": {"name": "of-volumes"}}).json()["image_id"]
    found = cloud.demo.get("image", f"/images/{made}").json()
    assert (found["status"], found["size"], found["bdm_v2"], found["root_device_name"]) == ("active", 0, "True", "/dev/vda")
    (disk,) = json.loads(found["block_device_mapping"])
    assert (disk["source_type"], disk["destination_type"], disk["boot_index"], disk["volume_size"]) == ("snapshot", "volume", 0, 1)
    snapshot = until(lambda: _available(cloud.demo, disk["snapshot_id"]))
    assert snapshot["name"] == "snapshot for of-volumes"
    assert cloud.demo.get("image", f"/images/{made}/file").content == b""
    refused = _act(cloud.demo, server_id, {"createBackup": {"name": "b", "backup_type": "daily", "rotation": 1}})
    assert refused.json()["badRequest"]["message"] == "Backup is not supported for volume-backed instances."


def _available(client: Client, snapshot_id: str) -> dict[str, Any] | None:
    found = client.get("volume", f"/snapshots/{snapshot_id}").json()["snapshot"]
    return found if found["status"] == "available" else None
