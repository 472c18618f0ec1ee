"""What Nova once did for other services: volumes, their snapshots, image metadata; and servers under a name of old."""

import json
from collections.abc import Callable
from typing import Any

from guests import until
from waiting import at, wait_for

from clouds import Client, TestCloud

OLD = at("2.35")
PATH = "/os-assisted-volume-snapshots"


def _get(client: Client, path: str, **options: Any) -> Any:
    answer = client.get("compute", path, headers=OLD, **options)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_volumes_and_snapshots(cloud: TestCloud) -> None:
    body = {"volume": {"size": "1", "display_name": "old", "display_description": "words", "metadata": {"a": "b"}}}
    made = cloud.demo.post("compute", "/os-volumes", body, headers=OLD)
    assert made.status_code == 200, made.text
    volume = made.json()["volume"]
    assert made.headers["location"].endswith(f"/os-volumes/{volume['id']}")
    assert {**volume, "createdAt": "", "id": ""} == {
        "id": "", "status": "creating", "size": 1, "availabilityZone": "nova", "createdAt": "", "attachments": [{}], "displayName": "old",
        "displayDescription": "words", "volumeType": "__DEFAULT__", "snapshotId": None, "metadata": {"a": "b"},
    }  # fmt: skip
    until(lambda: _get(cloud.demo, f"/os-volumes/{volume['id']}")["volume"]["status"] == "available")
    snapped = cloud.demo.post("compute", "/os-snapshots", {"snapshot": {"volume_id": volume["id"], "display_name": "s"}}, headers=OLD)
    snapshot = snapped.json()["snapshot"]
    assert {key: snapshot[key] for key in ("volumeId", "size", "displayName")} == {"volumeId": volume["id"], "size": 1, "displayName": "s"}
    until(lambda: _get(cloud.demo, f"/os-snapshots/{snapshot['id']}")["snapshot"]["status"] == "available")
    assert [each["id"] for each in _get(cloud.demo, "/os-volumes/detail")["volumes"]] == [volume["id"]]
    assert _get(cloud.demo, "/os-volumes", params={"offset": 1})["volumes"] == []
    assert [each["id"] for each in _get(cloud.demo, "/os-snapshots")["snapshots"]] == [snapshot["id"]]
    for path in ("/os-volumes", "/os-snapshots"):
        missing = cloud.demo.get("compute", f"{path}/00000000-0000-4000-8000-000000000000", headers=OLD)
        assert missing.status_code == 404 and "could not be found" in missing.json()["itemNotFound"]["message"]
        assert cloud.demo.get("compute", path, headers=at("2.36")).status_code == 404
    assert cloud.demo.post("compute", "/os-volumes", {"volume": {"size": 0}}, headers=OLD).status_code == 400
    assert cloud.other.get("compute", f"/os-volumes/{volume['id']}", headers=OLD).status_code == 404
    assert cloud.demo.delete("compute", f"/os-snapshots/{snapshot['id']}", headers=OLD).status_code == 202
    until(lambda: _get(cloud.demo, "/os-snapshots")["snapshots"] == [])
    assert cloud.demo.delete("compute", f"/os-volumes/{volume['id']}", headers=OLD).status_code == 202
    until(lambda: _get(cloud.demo, "/os-volumes")["volumes"] == [])


def test_image_metadata(cloud: TestCloud, image: str) -> None:
    path = f"/images/{image}/metadata"
    assert cloud.demo.put("compute", path, {"metadata": {"a": "1"}}, headers=OLD).json() == {"metadata": {"a": "1"}}
    assert cloud.demo.post("compute", path, {"metadata": {"b": "2"}}, headers=OLD).json() == {"metadata": {"a": "1", "b": "2"}}
    assert cloud.demo.put("compute", f"{path}/a", {"meta": {"a": "3"}}, headers=OLD).json() == {"meta": {"a": "3"}}
    mismatch = cloud.demo.put("compute", f"{path}/a", {"meta": {"c": "3"}}, headers=OLD)
    assert mismatch.json()["badRequest"]["message"] == "Request body and URI mismatch"
    assert cloud.demo.delete("compute", f"{path}/b", headers=OLD).status_code == 204
    assert _get(cloud.demo, path) == {"metadata": {"a": "3"}} and _get(cloud.demo, f"{path}/a") == {"meta": {"a": "3"}}
    gone = cloud.demo.delete("compute", f"{path}/b", headers=OLD)
    assert (gone.status_code, gone.json()["itemNotFound"]["message"]) == (404, "Invalid metadata key")
    assert cloud.demo.get("compute", path, headers=at("2.39")).status_code == 404


def test_no_hypervisor_snapshots_volumes(cloud: TestCloud, boot: Callable[..., dict[str, Any]]) -> None:
    server = boot("assists")
    volume = cloud.demo.post("volume", "/volumes", {"volume": {"size": 1}}).json()["volume"]["id"]
    until(lambda: cloud.demo.get("volume", f"/volumes/{volume}").json()["volume"]["status"] == "available")
    snapshot = cloud.demo.post("volume", "/snapshots", {"snapshot": {"volume_id": volume}}).json()["snapshot"]["id"]

    def status() -> str:
        return cloud.demo.get("volume", f"/snapshots/{snapshot}").json()["snapshot"]["status"]

    def reset(to: str) -> None:
        assert cloud.admin.post("volume", f"/snapshots/{snapshot}/action", {"os-reset_status": {"status": to}}).status_code == 202

    until(lambda: status() == "available")
    info = {"snapshot_id": snapshot, "id": snapshot, "type": "qcow2", "new_file": "f"}
    body = {"snapshot": {"volume_id": volume, "create_info": info}}
    refused = cloud.admin.post("compute", PATH, body)
    assert (refused.status_code, refused.json()["badRequest"]["message"]) == (400, f"No volume Block Device Mapping with id {volume}.")
    attachment = {"volumeAttachment": {"volumeId": volume}}
    assert cloud.demo.post("compute", f"/servers/{server['id']}/os-volume_attachments", attachment).status_code == 200
    until(lambda: cloud.demo.get("volume", f"/volumes/{volume}").json()["volume"]["status"] == "in-use")
    reset("creating")
    answer = cloud.admin.post("compute", PATH, body)
    assert (answer.status_code, answer.json()) == (200, {"snapshot": {"id": snapshot, "volumeId": volume}})
    assert status() == "error"
    reset("deleting")
    gone = f"{PATH}/{snapshot}?delete_info="
    assert cloud.admin.delete("compute", gone + "nonsense").status_code == 400
    assert cloud.admin.delete("compute", gone + json.dumps({"volume_id": volume})).status_code == 204
    assert status() == "error_deleting"


def test_servers_by_their_old_name(cloud: TestCloud, boot: Callable[..., dict[str, Any]]) -> None:
    server = boot("by-an-old-name")
    assert _get(cloud.demo, f"/os-volumes_boot/{server['id']}")["server"]["name"] == "by-an-old-name"
    assert cloud.demo.get("compute", f"/os-volumes_boot/{server['id']}/ips", headers=OLD).status_code == 404
    body = {"snapshot": {"volume_id": server["id"], "create_info": {"snapshot_id": "x", "type": "qcow2", "new_file": "f"}}}
    assert cloud.demo.post("compute", "/os-assisted-volume-snapshots", body).status_code == 403


def test_servers_by_the_name_of_old(cloud: TestCloud, flavor: str, image: str, network: str) -> None:
    """As they are by their own."""
    body = {"name": "from a volume", "flavorRef": flavor, "imageRef": image, "networks": [{"uuid": network}]}
    made = cloud.demo.post("compute", "/os-volumes_boot", {"server": body}, headers=at("2.96"))
    assert made.status_code == 202, made.text
    server = made.json()["server"]["id"]
    wait_for(cloud.demo, server, "ACTIVE")
    assert cloud.demo.get("compute", f"/os-volumes_boot/{server}").json() == cloud.demo.get("compute", f"/servers/{server}").json()
    for path in ("/os-volumes_boot", "/os-volumes_boot/detail"):
        assert server in [each["id"] for each in cloud.demo.get("compute", path).json()["servers"]]
    renamed = cloud.demo.put("compute", f"/os-volumes_boot/{server}", {"server": {"name": "renamed"}})
    assert renamed.json()["server"]["name"] == "renamed"
    assert cloud.demo.delete("compute", f"/os-volumes_boot/{server}").status_code == 204
    until(lambda: cloud.demo.get("compute", f"/os-volumes_boot/{server}").status_code == 404)
