"""JSON patches of images, in both dialects."""

import pytest
from image_bodies import PATCH

from clouds import TestCloud

V20 = {"content-type": "application/openstack-images-v2.0-json-patch"}


def test_attributes_properties_and_tags_change(cloud: TestCloud, make_image, patch_image) -> None:
    image = make_image(cloud.demo, name="before", colour="red", shape="round", tags=["one", "two"])
    answer = patch_image(
        cloud.demo,
        image["id"],
        {"op": "replace", "path": "/name", "value": "after"},
        {"op": "add", "path": "/min_disk", "value": 3},
        {"op": "replace", "path": "/colour", "value": "green"},
        {"op": "remove", "path": "/shape"},
        {"op": "add", "path": "/a~1b~0c", "value": "escaped"},
        {"op": "replace", "path": "/tags", "value": ["two", "three", "three"]},
        {"op": "replace", "path": "/visibility", "value": "private"},
        {"op": "replace", "path": "/os_hidden", "value": True},
    )
    assert answer.status_code == 200, answer.text
    shown = cloud.demo.get("image", f"/images/{image['id']}").json()
    assert shown == {**answer.json(), "tags": shown["tags"]}
    assert sorted(shown["tags"]) == ["three", "two"]
    assert (shown["name"], shown["min_disk"], shown["colour"], shown["a/b~c"]) == ("after", 3, "green", "escaped")
    assert (shown["visibility"], shown["os_hidden"]) == ("private", True)
    assert "shape" not in shown


def test_the_older_dialect(cloud: TestCloud, make_image) -> None:
    image = make_image(cloud.demo, name="older", colour="red")
    url = f"/images/{image['id']}"
    good = cloud.demo.patch("image", url, [{"replace": "/name", "value": "newer"}, {"add": "/size_class", "value": "s"}], headers=V20)
    assert good.status_code == 200
    assert (good.json()["name"], good.json()["size_class"]) == ("newer", "s")
    for change in ({"add": "/colour", "value": "x"}, {"add": "/name", "value": "x"}):
        twice = cloud.demo.patch("image", url, [change], headers=V20)
        assert twice.status_code == 409
        assert "already present." in twice.text
    both = cloud.demo.patch("image", url, [{"add": "/a", "remove": "/b", "value": "x"}], headers=V20)
    assert both.status_code == 400
    assert cloud.demo.patch("image", url, [{"value": "x"}], headers=V20).status_code == 400


@pytest.mark.parametrize(
    ("change", "status", "message"),
    [
        ({"op": "replace", "path": "/nothing", "value": "x"}, 409, "Property nothing does not exist."),
        ({"op": "remove", "path": "/nothing"}, 409, "Property nothing does not exist."),
        ({"op": "remove", "path": "/name"}, 403, "Property name may not be removed."),
        ({"op": "remove", "path": "/tags"}, 403, "Property tags may not be removed."),
        ({"op": "replace", "path": "/id", "value": "x"}, 403, "Attribute 'id' is read-only."),
        ({"op": "replace", "path": "/status", "value": "active"}, 403, "Attribute 'status' is read-only."),
        ({"op": "add", "path": "/os_glance_x", "value": "x"}, 403, "Attribute 'os_glance_x' is reserved."),
        ({"op": "replace", "path": "/owner", "value": "x"}, 403, "Owner can't be updated by non admin."),
        ({"op": "add", "path": "/owner", "value": "x"}, 403, "Owner can't be updated by non admin."),
        ({"op": "replace", "path": "/visibility", "value": "public"}, 403, "complete publicize_image action."),
        ({"op": "replace", "path": "/visibility", "value": "x"}, 400, "is not one of"),
        ({"op": "replace", "path": "/protected", "value": "true"}, 400, "'true' is not of type 'boolean'"),
        ({"op": "replace", "path": "/min_ram", "value": -2}, 400, "Cannot be a negative value"),
        ({"op": "replace", "path": "/min_ram", "value": 2**31}, 400, "must not exceed"),
        ({"op": "add", "path": "/colour", "value": 7}, 400, "7 is not of type 'string'"),
        ({"op": "add", "path": "/" + "p" * 256, "value": "x"}, 400, "should not be greater than 255"),
        ({"op": "add", "path": "/name"}, 400, 'Operation "add" requires a member named "value".'),
        ({"op": "test", "path": "/name", "value": "x"}, 400, "Invalid operation: `test`."),
        ({"path": "/name", "value": "x"}, 400, "Unable to find `op` in JSON Schema change."),
        ({"op": "add", "value": "x"}, 400, "Unable to find 'path' in JSON Schema change"),
        ({"op": "add", "path": "name", "value": "x"}, 400, 'does not start with "/"'),
        ({"op": "add", "path": 7, "value": "x"}, 400, 'does not start with "/"'),
        ({"op": "add", "path": "/a//b", "value": "x"}, 400, 'contains adjacent "/"'),
        ({"op": "add", "path": "/a/", "value": "x"}, 400, 'end with "/"'),
        ({"op": "add", "path": "/a~2", "value": "x"}, 400, "not part of a recognized escape sequence"),
        ({"op": "add", "path": "/a/b", "value": "x"}, 400, "Invalid JSON pointer for this resource: '/a/b'"),
        ({"op": "replace", "path": "/locations", "value": []}, 403, "Cannot set locations to empty list."),
        ({"op": "add", "path": "/locations/-", "value": {"url": "file:///etc/passwd", "metadata": {}}}, 403, "not allowed to add"),
        ({"op": "remove", "path": "/locations/0"}, 403, "complete delete_image_location action."),
        ("text", 400, "Operations must be JSON objects."),
    ],
)
def test_refused_changes_change_nothing(cloud: TestCloud, make_image, change: object, status: int, message: str) -> None:
    image = make_image(cloud.demo, name="stays")
    answer = cloud.demo.patch(
        "image",
        f"/images/{image['id']}",
        [{"op": "replace", "path": "/name", "value": "lost"}, change],
        headers={**PATCH, "accept": "application/json"},
    )
    assert answer.status_code == status, answer.text
    assert message in answer.json()["message"]
    assert cloud.demo.get("image", f"/images/{image['id']}").json() == image


def test_wrong_media_types_and_bodies(cloud: TestCloud, make_image) -> None:
    image = make_image(cloud.demo, name="typed")
    url = f"/images/{image['id']}"
    answer = cloud.demo.patch("image", url, [])
    assert answer.status_code == 415
    assert answer.headers["accept-patch"].startswith("application/openstack-images-v2.0-json-patch, ")
    assert "The request media type application/json is not supported by this server." in answer.text
    assert "must be a JSON array" in cloud.demo.patch("image", url, {}, headers=PATCH).text
    assert cloud.demo.request("PATCH", "image", url, headers=PATCH).status_code == 400
    assert cloud.demo.patch("image", url, [], headers=PATCH).json() == image


def test_formats_are_settled_once_there_are_bits(cloud: TestCloud, make_image, patch_image) -> None:
    image = make_image(cloud.demo, b"bits", name="settled")
    answer = patch_image(cloud.demo, image["id"], {"op": "replace", "path": "/disk_format", "value": "qcow2"})
    assert answer.status_code == 403
    assert "Attribute disk_format can be only replaced for a queued image." in answer.text


def test_readers_may_not_change(cloud: TestCloud, make_image, patch_image) -> None:
    image = make_image(cloud.demo, name="not-by-readers")
    answer = patch_image(cloud.reader, image["id"], {"op": "replace", "path": "/name", "value": "x"})
    assert answer.status_code == 403
    assert "You are not authorized to complete modify_image action." in answer.text


def test_administrators_change_owner_and_publish(cloud: TestCloud, make_image, patch_image) -> None:
    image = make_image(cloud.demo, name="given away")
    changes = {"owner": cloud.other.project_id, "visibility": "public"}
    operations = [{"op": "replace", "path": f"/{name}", "value": value} for name, value in changes.items()]
    assert patch_image(cloud.admin, image["id"], *operations).status_code == 200
    assert patch_image(cloud.demo, image["id"], operations[1]).status_code == 403
    assert cloud.other.get("image", f"/images/{image['id']}").json()["owner"] == cloud.other.project_id


def test_property_limit(cloud: TestCloud, make_image, patch_image) -> None:
    image = make_image(cloud.demo, name="full", **{f"p{n}": "x" for n in range(128)})
    answer = patch_image(cloud.demo, image["id"], {"op": "add", "path": "/one_more", "value": "x"})
    assert answer.status_code == 413
    assert "Attempted: 129, Maximum: 128" in answer.text
    swapped = patch_image(cloud.demo, image["id"], {"op": "remove", "path": "/p0"}, {"op": "add", "path": "/one_more", "value": "x"})
    assert swapped.status_code == 200
