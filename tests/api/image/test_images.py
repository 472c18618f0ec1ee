"""Images without their bits: created, shown, deleted."""

import uuid

import httpx
import pytest

from clouds import TestCloud


def test_a_new_image_is_queued(cloud: TestCloud) -> None:
    answer = cloud.demo.post(
        "image", "/images", {"name": "first", "disk_format": "qcow2", "container_format": "bare", "tags": ["b", "a"], "os_distro": "debian"}
    )
    assert answer.status_code == 201
    image = answer.json()
    assert answer.headers["location"] == f"{cloud.url}/image/v2/images/{image['id']}"
    assert answer.headers["openstack-image-import-methods"] == "glance-direct,web-download"
    assert answer.headers["openstack-image-store-ids"] == "file"
    assert sorted(image.pop("tags")) == ["a", "b"]
    assert image.pop("created_at") == image.pop("updated_at")
    assert image == {
        "id": image["id"], "name": "first", "disk_format": "qcow2", "container_format": "bare", "visibility": "shared", "size": None,
        "virtual_size": None, "status": "queued", "checksum": None, "protected": False, "min_ram": 0, "min_disk": 0,
        "owner": cloud.demo.project_id, "os_hidden": False, "os_hash_algo": None, "os_hash_value": None, "os_distro": "debian",
        "self": f"/v2/images/{image['id']}", "file": f"/v2/images/{image['id']}/file", "schema": "/v2/schemas/image",
    }  # fmt: skip
    assert cloud.demo.get("image", f"/images/{image['id']}").json()["name"] == "first"


def test_a_given_id_is_taken_once(cloud: TestCloud) -> None:
    image_id = str(uuid.uuid4())
    assert cloud.demo.post("image", "/images", {"id": image_id}).json()["id"] == image_id
    again = cloud.other.post("image", "/images", {"id": image_id})
    assert again.status_code == 409
    assert f"Image ID {image_id} already exists!" in again.text


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({"name": 7}, 400, "7 is not of type"),
        ({"name": "x" * 256}, 400, "is too long"),
        ({"id": "../../etc/passwd"}, 400, "does not match"),
        ({"visibility": "secret"}, 400, "is not one of"),
        ({"disk_format": "floppy"}, 400, "is not one of"),
        ({"min_disk": -1}, 400, "Cannot be a negative value"),
        ({"min_ram": 2**31}, 400, "must not exceed 2147483647"),
        ({"flavour": {"a": 1}}, 400, "is not of type"),
        ({"p" * 256: "x"}, 400, "Custom property should not be greater than 255 characters."),
        ({"status": "active"}, 403, "Attribute 'status' is read-only."),
        ({"size": 7}, 403, "Attribute 'size' is read-only."),
        ({"self": "x"}, 403, "Attribute 'self' is read-only."),
        ({"os_glance_import_task": "x"}, 403, "Attribute 'os_glance_import_task' is reserved."),
        ({"deleted": "x"}, 403, "Attribute 'deleted' is reserved."),
        ({"owner": "somebody"}, 403, "You are not permitted to create images owned by 'somebody'"),
        ({"visibility": "public"}, 403, "You are not authorized to complete publicize_image action."),
        ({f"p{n}": "x" for n in range(129)}, 413, "Attempted: 129, Maximum: 128"),
        ({"tags": [str(n) for n in range(129)]}, 413, "Attempted: 129, Maximum: 128"),
        ([], 400, "Unexpected body type."),
        ("text", 400, "Unexpected body type. Expected list/dict."),
    ],
)
def test_what_may_not_be_created(cloud: TestCloud, body: object, status: int, message: str) -> None:
    before = len(cloud.admin.get("image", "/images?limit=1000").json()["images"])
    answer = cloud.demo.post("image", "/images", body, headers={"accept": "application/json"})
    assert answer.status_code == status, answer.text
    assert message in answer.json()["message"]
    assert len(cloud.admin.get("image", "/images?limit=1000").json()["images"]) == before


def test_malformed_bodies(cloud: TestCloud) -> None:
    headers = {"content-type": "application/json"}
    assert "Malformed JSON in request body." in cloud.demo.request("POST", "image", "/images", content=b"{", headers=headers).text
    assert "Body expected in request." in cloud.demo.request("POST", "image", "/images", headers=headers).text
    large = cloud.demo.post("image", "/images", {"name": "x", "much": "y" * (1 << 20)})
    assert large.status_code == 413


def test_readers_may_not_create(cloud: TestCloud) -> None:
    answer = cloud.reader.post("image", "/images", {"name": "read-only"})
    assert answer.status_code == 403
    assert "You are not authorized to complete add_image action." in answer.text


def test_administrators_create_for_others(cloud: TestCloud) -> None:
    image = cloud.admin.post("image", "/images", {"owner": cloud.demo.project_id, "visibility": "public"}).json()
    assert (image["owner"], image["visibility"]) == (cloud.demo.project_id, "public")
    assert cloud.other.get("image", f"/images/{image['id']}").status_code == 200


def test_another_projects_image_is_not_there(cloud: TestCloud, make_image) -> None:
    image = make_image(cloud.demo, name="private-one", visibility="private")
    url = f"/images/{image['id']}"
    for answer in (
        cloud.other.get("image", url),
        cloud.other.patch("image", url, [], headers={"content-type": "application/openstack-images-v2.1-json-patch"}),
        cloud.other.get("image", url + "/file"),
        cloud.other.put("image", url + "/file", content=b"x", headers={"content-type": "application/octet-stream"}),
    ):
        assert answer.status_code == 404
        assert f"No image found with ID {image['id']}" in answer.text
    gone = cloud.other.delete("image", url)
    assert gone.status_code == 404
    assert f"Failed to find image {image['id']} to delete" in gone.text
    assert cloud.demo.get("image", url).status_code == 200


def test_deletion(cloud: TestCloud, make_image, patch_image, store) -> None:
    image = make_image(cloud.demo, b"bits", name="to-delete", protected=True)
    url = f"/images/{image['id']}"
    refused = cloud.demo.delete("image", url)
    assert refused.status_code == 403
    assert f"Image {image['id']} is protected and cannot be deleted." in refused.text
    assert (store / image["id"]).exists()
    assert patch_image(cloud.demo, image["id"], {"op": "replace", "path": "/protected", "value": False}).status_code == 200
    assert cloud.reader.delete("image", url).status_code == 403
    assert cloud.demo.delete("image", url).status_code == 204
    assert not (store / image["id"]).exists()
    assert cloud.demo.get("image", url).status_code == 404
    assert cloud.demo.delete("image", url).status_code == 404


def test_sdk_finds_by_name(cloud: TestCloud, make_image) -> None:
    image = make_image(cloud.demo, b"some bits", name="found by name")
    connection = cloud.sdk("demo")
    assert connection.image.find_image("found by name").id == image["id"]
    assert connection.image.download_image(image["id"]).content == b"some bits"


def test_every_answer_has_a_request_id(cloud: TestCloud) -> None:
    answer = cloud.demo.get("image", "/images")
    assert answer.headers["x-openstack-request-id"].startswith("req-")
    assert httpx.get(f"{cloud.url}/image/v2/images", headers={"x-auth-token": "forged"}).status_code == 401
