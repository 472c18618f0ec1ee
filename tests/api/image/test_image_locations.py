"""Images whose bits are at a URL."""

import hashlib
import time
from collections.abc import Iterator
from typing import Any

import pytest

from clouds import TestCloud
from web_server import Page, serving

BITS = b"bits from the web" * 100
SHA256, SHA512 = hashlib.sha256(BITS).hexdigest(), hashlib.sha512(BITS).hexdigest()


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving({"/image": Page(BITS)}) as server:
        yield f"{server}/image"


@pytest.fixture(scope="module")
def cloud_settings() -> dict[str, Any]:
    allowed = {"image.import_filter.allowed_hosts": ["127.0.0.1"], "image.import_filter.allowed_ports": []}
    return {"image.web_locations": True, **allowed}


def _add(cloud: TestCloud, image_id: str, url: str, **validation: str) -> Any:
    body = {"url": url, **({"validation_data": validation} if validation else {})}
    return cloud.demo.post("image", f"/images/{image_id}/locations", body, headers={"accept": "application/json"})


def _ended(cloud: TestCloud, image_id: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The image and its one task, once that has ended."""
    deadline = time.monotonic() + 30
    while True:
        (task,) = cloud.demo.get("image", f"/images/{image_id}/tasks").json()["tasks"]
        if task["status"] in ("success", "failure"):
            return cloud.demo.get("image", f"/images/{image_id}").json(), task
        assert time.monotonic() < deadline, task
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("validation", "shown"),
    [({}, ("sha512", SHA512)), ({"os_hash_algo": "sha256", "os_hash_value": SHA256.upper()}, ("sha256", SHA256))],
    ids=["nothing known", "known hash"],
)
def test_a_location_is_fetched_and_kept(cloud: TestCloud, make_image, url: str, validation: dict[str, str], shown: tuple[str, str]) -> None:
    image_id = make_image(cloud.demo)["id"]
    assert _add(cloud, image_id, url, **validation).status_code == 202
    image, task = _ended(cloud, image_id)
    assert (task["status"], task["type"]) == ("success", "location_import")
    assert task["input"] == {"image_id": image_id, "loc_url": url, "validation_data": validation}
    assert (image["status"], image["size"], image["checksum"]) == ("active", len(BITS), hashlib.md5(BITS).hexdigest())
    assert (image["os_hash_algo"], image["os_hash_value"]) == shown
    assert not [name for name in image if name.startswith("os_glance")]
    assert cloud.demo.get("image", f"/images/{image_id}/file").content == BITS
    assert cloud.admin.get("image", f"/images/{image_id}/locations").json() == [{"url": url, "metadata": {"store": "file"}}]
    assert cloud.demo.get("image", f"/images/{image_id}/locations").status_code == 403
    again = _add(cloud, image_id, url)
    assert (again.status_code, "It's not allowed to add locations if image status is active." in again.text) == (409, True)


def test_hosts_read_what_was_checked(cloud: TestCloud, make_image, url: str) -> None:
    image_id = make_image(cloud.demo)["id"]
    _add(cloud, image_id, url, os_hash_algo="md5", os_hash_value=hashlib.md5(BITS).hexdigest())
    assert _ended(cloud, image_id)[0]["os_hash_algo"] == "md5"
    flavor = {"flavor": {"name": "small", "id": "small", "ram": 64, "disk": 1, "vcpus": 1}}
    assert cloud.admin.post("compute", "/flavors", flavor).status_code == 200
    body = {"server": {"name": "s", "flavorRef": "small", "imageRef": image_id, "networks": "none"}}
    headers = {"openstack-api-version": "compute 2.96"}
    server = cloud.demo.post("compute", "/servers", body, headers=headers).json()["server"]["id"]
    cloud.run(cloud.app.cloud.operations.settle())
    assert cloud.demo.get("compute", f"/servers/{server}").json()["server"]["status"] == "ACTIVE"


@pytest.mark.parametrize(
    ("page", "value", "message"),
    [
        ("", "beefdead" * 16, f"os_hash_value: ({'beefdead' * 16}) not matched with actual os_hash_value: ({SHA512})"),
        ("/none", SHA512, "The source answers 404."),
    ],
    ids=["other bits", "nothing there"],
)
def test_what_is_not_as_it_should_be_leaves_the_image_queued(
    cloud: TestCloud, make_image, store, url: str, page: str, value: str, message: str
) -> None:
    image_id = make_image(cloud.demo)["id"]
    assert _add(cloud, image_id, url + page, os_hash_algo="sha512", os_hash_value=value).status_code == 202
    image, task = _ended(cloud, image_id)
    assert (task["status"], task["message"]) == ("failure", message)
    assert (image["status"], image["size"], image["checksum"], image["os_hash_algo"]) == ("queued", None, None, None)
    assert not list((store / ".staged").iterdir()) and not (store / image_id).exists()
    assert cloud.admin.get("image", f"/images/{image_id}/locations").json() == []


@pytest.mark.parametrize(
    ("where", "validation", "status", "message"),
    [
        ("file:///etc/passwd", {}, 403, "http store must be enabled to use location API by normal user."),
        ("http://169.254.169.254/x", {}, 400, "URI for add location does not pass filtering: http://169.254.169.254/x"),
        ("http://127.0.0.1/x", {"os_hash_algo": "sha512", "os_hash_value": SHA256}, 400, "is not the correct size for (sha512)"),
        ("http://127.0.0.1/x", {"os_hash_algo": "sha512", "os_hash_value": "xyz"}, 400, "is not a valid hexadecimal value"),
        ("http://127.0.0.1/x", {"os_hash_algo": "sha512"}, 400, "'os_hash_value' is a dependency of 'os_hash_algo'"),
    ],
)
def test_bad_locations_change_nothing(cloud: TestCloud, make_image, where: str, validation: dict, status: int, message: str) -> None:
    image_id = make_image(cloud.demo)["id"]
    before = cloud.demo.get("image", f"/images/{image_id}").json()
    answer = _add(cloud, image_id, where, **validation)
    assert (answer.status_code, message in answer.json()["message"]) == (status, True), answer.text
    assert cloud.demo.get("image", f"/images/{image_id}").json() == before
    assert cloud.demo.get("image", f"/images/{image_id}/tasks").json() == {"tasks": []}
    assert cloud.other.post("image", f"/images/{image_id}/locations", {"url": where}).status_code == 404
    assert cloud.reader.post("image", f"/images/{image_id}/locations", {"url": where}).status_code == 403
