"""Images made from volumes."""

import json

import pytest
from volume_api import UNKNOWN, act, at, create, wait


def image_of(client, volume, version="3.1", **body):
    answer = act(client, volume, "os-volume_upload_image", {"image_name": "copy", "disk_format": "qcow2", **body}, version)
    assert answer.status_code == 202, answer.text
    return answer.json()["os-volume_upload_image"]


def test_a_volume_becomes_an_image_and_the_image_a_volume(cloud):
    volume = create(cloud.demo, name="original")
    act(cloud.demo, volume, "os-set_image_metadata", {"metadata": {"hw_machine_type": "q35", "image_id": UNKNOWN, "os_glance_x": "y"}})
    told = image_of(cloud.demo, volume, protected=True, visibility="shared")
    assert told["status"] == "uploading" and told["volume_type"]["name"] == "__DEFAULT__"
    wait(cloud.demo, f"/volumes/{volume['id']}", "volume", "available")
    image = cloud.demo.get("image", f"/images/{told['image_id']}").json()
    assert (image["status"], image["name"], image["visibility"], image["protected"]) == ("active", "copy", "shared", True)
    assert image["virtual_size"] == 1 << 30 and image["hw_machine_type"] == "q35"
    assert "image_id" not in image and "os_glance_x" not in image
    assert create(cloud.demo, imageRef=image["id"])["volume_image_metadata"]["image_id"] == image["id"]


def test_who_sees_the_image_is_not_asked_before_3_1(cloud):
    volume = create(cloud.demo)
    told = image_of(cloud.demo, volume, "3.0")
    assert (told["visibility"], told["protected"]) == ("shared", False)
    wait(cloud.demo, f"/volumes/{volume['id']}", "volume", "available")


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        ({}, 400, "'image_name' is a required property"),
        ({"image_name": "x", "disk_format": "iso"}, 400, "'iso' is not one of"),
        ({"image_name": "x", "container_format": "box"}, 400, "Unable to set 'container_format' to 'box'."),
        ({"image_name": "x", "container_format": "compressed"}, 400, "Image compression upload disallowed"),
        ({"image_name": "x", "visibility": "public"}, 403, "upload_public"),
    ],
)
def test_what_is_refused_leaves_the_volume_alone(cloud, body, status, text):
    volume = create(cloud.demo)
    answer = act(cloud.demo, volume, "os-volume_upload_image", body, "3.1")
    assert answer.status_code == status and text in answer.json().popitem()[1]["message"]
    assert cloud.demo.get("volume", f"/volumes/{volume['id']}").json()["volume"]["status"] == "available"


def test_a_volume_in_use_is_refused(cloud):
    volume = create(cloud.demo)
    act(cloud.demo, volume, "os-reserve")
    answer = act(cloud.demo, volume, "os-volume_upload_image", {"image_name": "x"})
    assert answer.status_code == 400
    assert answer.json()["badRequest"]["message"] == f"Invalid volume: Volume {volume['id']} status must be available"


def test_what_the_host_cannot_write_leaves_no_image_and_a_message(cloud):
    volume = create(cloud.demo)
    told = image_of(cloud.demo, volume, disk_format="vmdk")
    wait(cloud.demo, f"/volumes/{volume['id']}", "volume", "available")
    assert cloud.demo.get("image", f"/images/{told['image_id']}").status_code == 404
    messages = cloud.demo.get("volume", f"/messages?resource_uuid={volume['id']}", **at("3.5")).json()["messages"]
    assert [message["event_id"] for message in messages] == ["VOLUME_VOLUME_003_004"]


@pytest.mark.parametrize("disk", [{"snapshot_id": {}}, {"snapshot_id": 5}, 7])
def test_a_mapping_that_somebody_made_up_is_none(cloud, disk):
    given = [{"source_type": "snapshot", "boot_index": 0, **disk}] if isinstance(disk, dict) else disk
    values = {"name": "odd", "disk_format": "raw", "container_format": "bare", "block_device_mapping": json.dumps(given)}
    image = cloud.demo.post("image", "/images", values).json()["id"]
    answer = cloud.demo.post("volume", "/volumes", {"volume": {"size": 1, "imageRef": image}}, **at("3.46"))
    assert answer.status_code == 400 and "is not active" in answer.json()["badRequest"]["message"]
