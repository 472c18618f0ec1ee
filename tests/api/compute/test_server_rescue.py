"""Rescue: from the server's own image, from another, with stable devices, and of servers that boot from volumes."""

from collections.abc import Callable
from typing import Any

import pytest
from guests import act, guest, until
from waiting import LATEST, at, wait_for

from clouds import TestCloud

Boot = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def rescue_image(cloud: TestCloud) -> str:
    body = {"name": "rescue", "disk_format": "raw", "container_format": "bare", "hw_rescue_device": "cdrom", "hw_rescue_bus": "ide"}
    image_id = cloud.demo.post("image", "/images", body).json()["id"]
    headers = {"content-type": "application/octet-stream"}
    assert cloud.demo.put("image", f"/images/{image_id}/file", content=b"\1" * 4096, headers=headers).status_code == 204
    return image_id


def _volume(cloud: TestCloud, boot: Boot, server_id: str) -> str:
    volume_id = cloud.demo.post("volume", "/volumes", {"volume": {"size": 1}}).json()["volume"]["id"]
    until(lambda: cloud.demo.get("volume", f"/volumes/{volume_id}").json()["volume"]["status"] == "available")
    body = {"volumeAttachment": {"volumeId": volume_id}}
    assert cloud.demo.post("compute", f"/servers/{server_id}/os-volume_attachments", body).status_code == 200
    until(lambda: cloud.demo.get("volume", f"/volumes/{volume_id}").json()["volume"]["status"] == "in-use")
    return volume_id


def test_rescue_from_its_own_image(cloud: TestCloud, boot: Boot, image: str) -> None:
    server_id = boot("fallen")["id"]
    volume_id = _volume(cloud, boot, server_id)
    answer = act(cloud.demo, server_id, {"rescue": {"adminPass": "sesame"}})
    assert (answer.status_code, answer.json()) == (200, {"adminPass": "sesame"})
    shown = wait_for(cloud.demo, server_id, "RESCUE")
    assert (shown["OS-EXT-STS:vm_state"], shown["OS-EXT-STS:power_state"]) == ("rescued", 1)
    assert (guest(cloud, server_id).rescue, guest(cloud, server_id).volumes) == (image, {})
    for body, name in (({"os-stop": None}, "stop"), ({"reboot": {"type": "HARD"}}, "reboot"), ({"rescue": None}, "rescue")):
        refused = act(cloud.demo, server_id, body)
        message = f"Cannot '{name}' instance {server_id} while it is in vm_state rescued"
        assert (refused.status_code, refused.json()["conflictingRequest"]["message"]) == (409, message)
    assert act(cloud.demo, server_id, {"unrescue": None}).status_code == 202
    wait_for(cloud.demo, server_id, "ACTIVE")
    assert (guest(cloud, server_id).rescue, list(guest(cloud, server_id).volumes)) == (None, [volume_id])
    actions = cloud.demo.get("compute", f"/servers/{server_id}/os-instance-actions", headers=LATEST).json()["instanceActions"]
    assert [action["action"] for action in actions] == ["unrescue", "rescue", "attach_volume", "create"]


def test_stable_devices_stay(cloud: TestCloud, boot: Boot, rescue_image: str) -> None:
    server_id = boot("steady")["id"]
    volume_id = _volume(cloud, boot, server_id)
    act(cloud.demo, server_id, {"os-stop": None})
    wait_for(cloud.demo, server_id, "SHUTOFF")
    answer = act(cloud.demo, server_id, {"rescue": {"rescue_image_ref": rescue_image}})
    assert len(answer.json()["adminPass"]) == 12
    wait_for(cloud.demo, server_id, "RESCUE")
    assert (guest(cloud, server_id).rescue, list(guest(cloud, server_id).volumes)) == (rescue_image, [volume_id])
    cloud.demo.delete("compute", f"/servers/{server_id}")
    until(lambda: cloud.demo.get("compute", f"/servers/{server_id}").status_code == 404)


def test_servers_that_boot_from_volumes(cloud: TestCloud, boot: Boot, image: str, rescue_image: str) -> None:
    root = {"boot_index": 0, "uuid": image, "source_type": "image", "destination_type": "volume", "volume_size": 1,
            "delete_on_termination": True}  # fmt: skip
    server_id = boot("volume-backed", imageRef=None, block_device_mapping_v2=[root])["id"]
    for version, asked in (("2.86", rescue_image), ("2.87", image)):
        refused = act(cloud.demo, server_id, {"rescue": {"rescue_image_ref": asked}}, headers=at(version))
        message = f"Instance {server_id} cannot be rescued: Cannot rescue a volume-backed instance"
        assert (refused.status_code, refused.json()["badRequest"]["message"]) == (400, message)
    assert act(cloud.demo, server_id, {"rescue": {"rescue_image_ref": rescue_image}}, headers=at("2.87")).status_code == 200
    wait_for(cloud.demo, server_id, "RESCUE")
    assert act(cloud.demo, server_id, {"unrescue": None}).status_code == 202
    wait_for(cloud.demo, server_id, "ACTIVE")


def test_what_cannot_be_rescued(cloud: TestCloud, boot: Boot) -> None:
    server_id = boot("whole", metadata={"monostack:fail": "rescue"})["id"]
    nowhere = "11111111-2222-3333-4444-555555555555"
    refused = act(cloud.demo, server_id, {"rescue": {"rescue_image_ref": nowhere}})
    assert (refused.status_code, refused.json()["badRequest"]["message"]) == (400, f"Requested rescue image '{nowhere}' is not supported")
    assert act(cloud.demo, server_id, {"rescue": {"rescue_image_ref": "x"}}).status_code == 400
    assert act(cloud.demo, server_id, {"unrescue": None}).status_code == 409
    assert act(cloud.demo, server_id, {"rescue": None}).status_code == 200
    wait_for(cloud.demo, server_id, "ACTIVE")
    assert (guest(cloud, server_id).state, guest(cloud, server_id).rescue) == ("running", None)
