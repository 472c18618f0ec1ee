"""Shelving: an image for a host, and back."""

from collections.abc import Callable
from typing import Any

from guests import act, until
from waiting import LATEST, at, wait_for

from clouds import TestCloud

Boot = Callable[..., dict[str, Any]]


def _hosts_with(cloud: TestCloud, server_id: str) -> list[str]:
    links = cloud.app.cloud.hosts._local.items()
    return [name for name, link in links if server_id in link.agent.drivers.hypervisor.known]


def _images(cloud: TestCloud, name: str) -> list[dict[str, Any]]:
    return cloud.demo.get("image", f"/images?name={name}").json()["images"]


def _message(answer: Any) -> tuple[int, str]:
    return answer.status_code, next(iter(answer.json().values()))["message"]


def test_shelve_and_unshelve(cloud: TestCloud, boot: Boot, image: str) -> None:
    server_id = boot("leaves")["id"]
    volume_id = cloud.demo.post("volume", "/volumes", {"volume": {"size": 1}}).json()["volume"]["id"]
    until(lambda: cloud.demo.get("volume", f"/volumes/{volume_id}").json()["volume"]["status"] == "available")
    path = f"/servers/{server_id}/os-volume_attachments"
    cloud.demo.post("compute", path, {"volumeAttachment": {"volumeId": volume_id}})
    until(lambda: cloud.demo.get("volume", f"/volumes/{volume_id}").json()["volume"]["status"] == "in-use")
    port = cloud.demo.get("network", f"/ports?device_id={server_id}").json()["ports"][0]
    shelved = act(cloud.demo, server_id, {"shelve": None})
    assert shelved.status_code == 202
    shown = wait_for(cloud.demo, server_id, "SHELVED_OFFLOADED")
    assert (shown["OS-EXT-STS:vm_state"], shown["OS-EXT-STS:power_state"], shown["hostId"]) == ("shelved_offloaded", 4, "")
    assert shown["addresses"] != {} and shown["image"]["id"] == image
    (snapshot,) = _images(cloud, "leaves-shelved")
    assert (snapshot["status"], snapshot["base_image_ref"]) == ("active", image)
    assert _hosts_with(cloud, server_id) == []
    assert cloud.admin.get("placement", f"/allocations/{server_id}").json()["allocations"] == {}
    assert cloud.demo.get("volume", f"/volumes/{volume_id}").json()["volume"]["status"] == "reserved"
    assert cloud.admin.get("network", f"/ports/{port['id']}").json()["port"]["binding:host_id"] == ""
    refused = act(cloud.demo, server_id, {"shelve": None})
    assert _message(refused) == (409, f"Cannot 'shelve' instance {server_id} while it is in vm_state shelved_offloaded")

    unshelved = act(cloud.demo, server_id, {"unshelve": None})
    assert unshelved.status_code == 202
    shown = wait_for(cloud.demo, server_id, "ACTIVE")
    (host,) = _hosts_with(cloud, server_id)
    assert list(cloud.app.cloud.hosts._local[host].agent.drivers.hypervisor.known[server_id].volumes) == [volume_id]
    assert cloud.demo.get("volume", f"/volumes/{volume_id}").json()["volume"]["status"] == "in-use"
    assert _images(cloud, "leaves-shelved") == []
    request_id = unshelved.headers["x-compute-request-id"]
    action = cloud.demo.get("compute", f"/servers/{server_id}/os-instance-actions/{request_id}", headers=LATEST).json()["instanceAction"]
    assert [event["event"] for event in action["events"]] == ["compute_unshelve_instance", "schedule_instances", "get_image_info"]


def test_to_a_zone_and_to_a_host(cloud: TestCloud, boot: Boot) -> None:
    server_id = boot("chooses")["id"]
    act(cloud.demo, server_id, {"shelve": None})
    wait_for(cloud.demo, server_id, "SHELVED_OFFLOADED")
    assert act(cloud.demo, server_id, {"unshelve": {}}, headers=at("2.77")).status_code == 400
    somewhere = {"unshelve": {"availability_zone": "nowhere"}}
    assert _message(act(cloud.demo, server_id, somewhere, headers=at("2.77"))) == (400, "The requested availability zone is not available")
    host = sorted(cloud.app.cloud.hosts.connected())[0]
    assert act(cloud.demo, server_id, {"unshelve": {"host": host}}, headers=at("2.91")).status_code == 403
    unknown = act(cloud.admin, server_id, {"unshelve": {"host": "nowhere"}}, headers=at("2.91"))
    assert _message(unknown) == (400, "Compute host nowhere could not be found.")
    both = {"unshelve": {"host": host, "availability_zone": "nova"}}
    assert act(cloud.admin, server_id, both, headers=at("2.91")).status_code == 202
    shown = wait_for(cloud.demo, server_id, "ACTIVE")
    assert (_hosts_with(cloud, server_id), shown["pinned_availability_zone"]) == ([host], "nova")


def test_a_shelved_server_takes_volumes_and_leaves_nothing_behind(cloud: TestCloud, boot: Boot) -> None:
    server_id = boot("on-the-shelf")["id"]
    act(cloud.demo, server_id, {"shelve": None})
    wait_for(cloud.demo, server_id, "SHELVED_OFFLOADED")
    volume_id = cloud.demo.post("volume", "/volumes", {"volume": {"size": 1}}).json()["volume"]["id"]
    until(lambda: cloud.demo.get("volume", f"/volumes/{volume_id}").json()["volume"]["status"] == "available")
    path = f"/servers/{server_id}/os-volume_attachments"
    assert cloud.demo.post("compute", path, {"volumeAttachment": {"volumeId": volume_id}}).status_code == 200
    assert cloud.demo.get("volume", f"/volumes/{volume_id}").json()["volume"]["status"] == "in-use"
    assert cloud.demo.delete("compute", f"{path}/{volume_id}").status_code == 202
    assert cloud.demo.get("volume", f"/volumes/{volume_id}").json()["volume"]["status"] == "available"
    with_it = {"volumeAttachment": {"volumeId": volume_id, "delete_on_termination": True}}
    assert cloud.demo.post("compute", path, with_it, headers=at("2.79")).status_code == 200
    assert cloud.demo.delete("compute", f"{path}/{volume_id}").status_code == 202
    until(lambda: cloud.demo.get("volume", f"/volumes/{volume_id}").status_code == 404)
    assert act(cloud.demo, server_id, {"os-start": None}).status_code == 409
    assert cloud.demo.delete("compute", f"/servers/{server_id}").status_code == 204
    until(lambda: cloud.demo.get("compute", f"/servers/{server_id}").status_code == 404)
    assert _images(cloud, "on-the-shelf-shelved") == []


def test_offloading_a_server_that_boots_from_a_volume(cloud: TestCloud, boot: Boot, image: str) -> None:
    root = {"boot_index": 0, "uuid": image, "source_type": "image", "destination_type": "volume", "volume_size": 1,
            "delete_on_termination": True}  # fmt: skip
    server_id = boot("without-disk", imageRef=None, block_device_mapping_v2=[root])["id"]
    act(cloud.demo, server_id, {"shelve": None})
    wait_for(cloud.demo, server_id, "SHELVED_OFFLOADED")
    assert _images(cloud, "without-disk-shelved") == []
    act(cloud.demo, server_id, {"unshelve": None})
    wait_for(cloud.demo, server_id, "ACTIVE")
