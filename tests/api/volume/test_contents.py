"""What is in a volume changed in place: from an image, and back to a snapshot."""

from volume_api import act, at, create, snapshot, wait

IMAGE = {"name": "i", "disk_format": "raw", "container_format": "bare"}


def test_a_volume_gets_the_bits_of_an_image(cloud):
    image = cloud.demo.post("image", "/images", IMAGE).json()["id"]
    bits = {"content-type": "application/octet-stream"}
    assert cloud.demo.put("image", f"/images/{image}/file", content=b"\0" * 4096, headers=bits).status_code == 204
    volume = create(cloud.demo)
    body = {"image_id": image}
    assert act(cloud.demo, volume, "os-reimage", body, "3.67").status_code == 404
    assert act(cloud.other, volume, "os-reimage", body, "3.68").status_code == 404
    assert act(cloud.demo, volume, "os-reimage", body, "3.68").status_code == 202
    imaged = wait(cloud.demo, f"/volumes/{volume['id']}", "volume", "available")
    assert imaged["volume_image_metadata"]["image_id"] == image and imaged["bootable"] == "true"


def test_a_volume_goes_back_to_its_latest_snapshot(cloud):
    volume = create(cloud.demo)
    first, latest = snapshot(cloud.demo, volume), snapshot(cloud.demo, volume)
    refused = act(cloud.demo, volume, "revert", {"snapshot_id": first["id"]}, "3.40")
    assert refused.status_code == 400 and f"{first['id']} is None or not the latest one" in refused.text
    assert act(cloud.demo, volume, "revert", {"snapshot_id": latest["id"]}, "3.40").status_code == 202
    wait(cloud.demo, f"/volumes/{volume['id']}", "volume", "available")
    wait(cloud.demo, f"/snapshots/{latest['id']}", "snapshot", "available", **at("3.40"))
