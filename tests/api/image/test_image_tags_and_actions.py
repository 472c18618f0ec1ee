"""Tags one at a time; deactivation."""

from clouds import TestCloud


def test_tags_come_and_go(cloud: TestCloud, make_image) -> None:
    image = make_image(cloud.demo, name="tagged", tags=["old"])
    url = f"/images/{image['id']}"
    for tag in ("new", "new", "with%20space", "100%25"):
        assert cloud.demo.put("image", f"{url}/tags/{tag}").status_code == 204
    assert sorted(cloud.demo.get("image", url).json()["tags"]) == ["100%", "new", "old", "with space"]
    assert cloud.demo.delete("image", f"{url}/tags/old").status_code == 204
    assert cloud.demo.delete("image", f"{url}/tags/old").status_code == 404
    assert sorted(cloud.demo.get("image", url).json()["tags"]) == ["100%", "new", "with space"]


def test_bad_tags(cloud: TestCloud, make_image) -> None:
    image = make_image(cloud.demo, name="badly tagged", tags=[f"t{n}" for n in range(128)])
    url = f"/images/{image['id']}/tags"
    long = cloud.demo.put("image", f"{url}/{'x' * 256}")
    assert long.status_code == 400
    assert "is too long" in long.text
    many = cloud.demo.put("image", f"{url}/one-more")
    assert many.status_code == 413
    assert f"Image tag limit exceeded for image {image['id']}: " in many.text
    assert cloud.reader.put("image", f"{url}/t0").status_code == 403
    assert cloud.other.put("image", f"{url}/t0").status_code == 404
    assert cloud.demo.put("image", "/images/unknown/tags/t").status_code == 404


def test_only_images_with_bits_are_deactivated(cloud: TestCloud, make_image) -> None:
    queued = make_image(cloud.demo, name="queued one")
    for action in ("deactivate", "reactivate"):
        answer = cloud.demo.post("image", f"/images/{queued['id']}/actions/{action}")
        assert answer.status_code == 403
        assert f"Not allowed to {action} image in status &#x27;queued&#x27;" in answer.text
    active = make_image(cloud.demo, b"bits", name="active one")
    url = f"/images/{active['id']}/actions"
    for action in ("deactivate", "deactivate", "reactivate", "reactivate"):
        assert cloud.demo.post("image", f"{url}/{action}").status_code == 204
    assert cloud.reader.post("image", f"{url}/deactivate").status_code == 403
    assert cloud.other.post("image", f"{url}/deactivate").status_code == 404
