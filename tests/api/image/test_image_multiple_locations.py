"""Locations that users set with PATCH, in a cloud that shows them."""

from collections.abc import Iterator
from typing import Any

import pytest

from clouds import TestCloud
from web_server import Page, serving

BITS = b"bits of a location" * 50
CLAIMED = {"checksum": "1" * 32, "os_hash_algo": "sha512", "os_hash_value": "deadbeef" * 16}
BAD_QCOW2 = b"QFI\xfb" + bytes(600)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving({"/image": Page(BITS), "/empty": Page(b""), "/qcow2": Page(BAD_QCOW2)}) as server:
        yield f"{server}/image"


@pytest.fixture(scope="module")
def cloud_settings() -> dict[str, Any]:
    allowed = {"image.import_filter.allowed_hosts": ["127.0.0.1"], "image.import_filter.allowed_ports": []}
    return {"image.web_locations": True, "image.show_multiple_locations": True, **allowed}


def _add(url: str, path: str = "/locations/-", **more: Any) -> dict[str, Any]:
    return {"op": "add", "path": path, "value": {"url": url, "metadata": {}, **more}}


def _urls(image: dict[str, Any]) -> list[str]:
    return [location["url"] for location in image["locations"]]


def test_the_first_location_makes_an_image_active(cloud: TestCloud, make_image, patch_image, store, url: str) -> None:
    image = make_image(cloud.demo)
    assert (image["status"], image["locations"]) == ("queued", [])
    answer = patch_image(cloud.demo, image["id"], {"op": "replace", "path": "/name", "value": "web"}, _add(url, metadata={"foo": "bar"}))
    assert answer.status_code == 200, answer.text
    image = answer.json()
    assert (image["name"], image["status"], image["size"]) == ("web", "active", len(BITS))
    assert image["locations"] == [{"url": url, "metadata": {"foo": "bar", "store": "file"}}]
    assert [image[name] for name in CLAIMED] == [None, None, None]
    assert cloud.demo.get("image", f"/images/{image['id']}").json() == image
    download = cloud.demo.get("image", f"/images/{image['id']}/file")
    assert (download.content, "content-md5" in download.headers, (store / image["id"]).read_bytes()) == (BITS, False, BITS)


def test_the_image_shows_what_its_users_claim(cloud: TestCloud, make_image, patch_image, url: str) -> None:
    image_id = make_image(cloud.demo)["id"]
    assert patch_image(cloud.demo, image_id, _add(url, validation_data=CLAIMED)).status_code == 200
    assert patch_image(cloud.demo, image_id, _add(f"{url}#2", validation_data=CLAIMED)).status_code == 200
    before = cloud.demo.get("image", f"/images/{image_id}").json()
    assert {name: before[name] for name in CLAIMED} == CLAIMED
    assert _urls(before) == [url, f"{url}#2"]
    assert all(set(location) == {"url", "metadata"} for location in before["locations"])
    for name, other in {"checksum": "2" * 32, "os_hash_algo": "sha256", "os_hash_value": "beefdead" * 16}.items():
        answer = patch_image(cloud.demo, image_id, _add(f"{url}#3", validation_data={**CLAIMED, name: other}))
        assert (answer.status_code, f"{name} is already set with a different value" in answer.text) == (409, True)
    assert cloud.demo.get("image", f"/images/{image_id}").json() == before


def test_locations_of_an_image_that_has_bits(cloud: TestCloud, make_image, patch_image, url: str) -> None:
    image = make_image(cloud.demo, bits=b"uploaded")
    own = image["locations"][0]
    assert own["url"].startswith("file://")
    image_id = image["id"]
    assert _urls(patch_image(cloud.demo, image_id, _add(url, "/locations/0")).json()) == [url, own["url"]]
    said = [{"url": own["url"], "metadata": {}}, {"url": url, "metadata": {"speed": "88mph"}}]
    replaced = patch_image(cloud.demo, image_id, {"op": "replace", "path": "/locations", "value": said}).json()["locations"]
    assert replaced == [{**one, "metadata": {**one["metadata"], "store": "file"}} for one in said]
    for value in (said[:1], [said[0], {"url": f"{url}#other", "metadata": {}}]):
        answer = patch_image(cloud.demo, image_id, {"op": "replace", "path": "/locations", "value": value})
        assert (answer.status_code, "Original locations is not empty" in answer.text) == (400, True)
    remove = {"op": "remove", "path": "/locations/0"}
    assert patch_image(cloud.demo, image_id, remove).status_code == 403
    assert patch_image(cloud.admin, image_id, {**remove, "path": "/locations/2"}).status_code == 400
    assert _urls(patch_image(cloud.admin, image_id, remove).json()) == [url]
    last = patch_image(cloud.admin, image_id, remove)
    assert (last.status_code, "Cannot remove last location in the image." in last.text) == (403, True)
    assert cloud.demo.get("image", f"/images/{image_id}/file").content == b"uploaded"


@pytest.mark.parametrize(
    ("page", "more", "status", "message"),
    [
        ("gopher://127.0.0.1/x", {}, 400, "Invalid location"),
        ("file:///etc/passwd", {}, 400, "Invalid location"),
        ("http://169.254.169.254/x", {}, 400, "Invalid location"),
        ("/empty", {}, 400, "Invalid location"),
        ("/none", {}, 400, "Invalid location"),
        ("/qcow2", {}, 400, ""),
        ("/image", {"path": "/locations/x"}, 400, "Invalid position for adding a location."),
        ("/image", {"path": f"/locations/{'1' * 5000}"}, 400, "Invalid position for adding a location."),
        ("/image", {"validation_data": {**CLAIMED, "os_hash_algo": "sha256"}}, 409, "os_hash_algo must be sha512, not sha256"),
        ("/image", {"validation_data": {**CLAIMED, "os_hash_value": "ab"}}, 409, "is not the correct size for sha512 (should be 64 bytes)"),
        ("/image", {"validation_data": {**CLAIMED, "checksum": "x" * 32}}, 409, "is not a valid hexadecimal value"),
    ],
)
def test_bad_locations_change_nothing(
    cloud: TestCloud, make_image, patch_image, store, url: str, page: str, more: dict[str, Any], status: int, message: str
) -> None:
    image = make_image(cloud.demo, disk_format="qcow2")
    where = page if "://" in page else url.replace("/image", page)
    answer = patch_image(cloud.demo, image["id"], {"op": "replace", "path": "/name", "value": "n"}, _add(where, **more))
    assert (answer.status_code, message in answer.text) == (status, True), answer.text
    now = cloud.demo.get("image", f"/images/{image['id']}").json()
    assert now == {**image, "updated_at": now["updated_at"]}  # bits that were fetched in vain held it for a moment
    assert not list((store / ".incoming").iterdir()) and not (store / image["id"]).exists()


def test_refusals(cloud: TestCloud, make_image, patch_image, url: str) -> None:
    image_id = make_image(cloud.demo, container_format=None)["id"]
    answer = patch_image(cloud.demo, image_id, _add(url))
    assert (answer.status_code, "container_format must be set prior to saving data." in answer.text) == (400, True)
    assert patch_image(cloud.other, image_id, _add(url)).status_code == 404
    assert patch_image(cloud.reader, image_id, _add(url)).status_code == 403
    formatted = {"op": "replace", "path": "/container_format", "value": "bare"}
    ten = [_add(f"{url}#{number}") for number in range(10)]
    eleven = patch_image(cloud.demo, image_id, formatted, *ten, _add(f"{url}#10"))
    assert (eleven.status_code, "Attempted: 11, Maximum: 10" in eleven.text) == (413, True)
    twice = patch_image(cloud.demo, image_id, formatted, _add(url), _add(url))
    assert (twice.status_code, f"The location {url} already exists" in twice.text) == (400, True)
    assert patch_image(cloud.admin, image_id, {"op": "remove", "path": "/locations/0"}).status_code == 409
    assert len(_urls(patch_image(cloud.demo, image_id, formatted, *ten).json())) == 10
    image = cloud.admin.post("image", f"/images/{image_id}/actions/deactivate")
    assert image.status_code == 204
    answer = patch_image(cloud.demo, image_id, _add(f"{url}#new"))
    assert (answer.status_code, "locations if image status is deactivated." in answer.text) == (409, True)
