"""The import methods of which operators decide: fetching by HTTP, here from a server of the test's own, and copying to further stores."""

import hashlib
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from image_bodies import qcow2

from clouds import TestCloud
from web_server import Page, serving

BITS = qcow2()
HOLD = threading.Event()


PAGES = {
    "/image": Page(BITS),
    "/image?from=moved": Page(BITS),
    "/moved": Page(status=302, headers={"location": "/image?from=moved"}),
    "/astray": Page(status=302, headers={"location": "http://[::1]/secret"}),
    "/circle": Page(status=302, headers={"location": "/circle"}),
    "/backed": Page(qcow2(backing=b"/etc/passwd")),
    "/large": Page(BITS + b"x"),
    "/short": Page(BITS, length=len(BITS) + 1),
    "/slow": Page(BITS[:512], length=len(BITS), hold=HOLD),
}


@pytest.fixture(scope="module")
def web() -> Iterator[str]:
    """Where the pages are."""
    with serving(PAGES) as url:
        yield url


@pytest.fixture(scope="module")
def cloud_settings() -> dict[str, Any]:
    """Downloads from the web server, of images of its size only; all import methods."""
    allowed = {"allowed_hosts": ["127.0.0.1"], "allowed_ports": []}
    settings: dict[str, Any] = {f"image.import_filter.{name}": value for name, value in allowed.items()}
    return settings | {"image.max_size": len(BITS), "image.import_methods": ["glance-direct", "web-download", "copy-image"]}


def _import(cloud: TestCloud, image_id: str, uri: object):
    body = {"method": {"name": "web-download", "uri": uri}}
    return cloud.demo.post("image", f"/images/{image_id}/import", body, headers={"accept": "application/json"})


def _until(cloud: TestCloud, image_id: str, *statuses: str) -> dict:
    deadline = time.monotonic() + 30
    while (image := cloud.demo.get("image", f"/images/{image_id}").json())["status"] not in statuses:
        assert time.monotonic() < deadline, image
        time.sleep(0.02)
    return image


@pytest.mark.parametrize("page", ["image", "moved"])
def test_what_is_at_the_url_becomes_the_image(cloud: TestCloud, make_image, store, web: str, page: str) -> None:
    image_id = make_image(cloud.demo, disk_format="qcow2")["id"]
    answer = _import(cloud, image_id, f"{web}/{page}")
    assert (answer.status_code, answer.content) == (202, b"")
    image = _until(cloud, image_id, "active", "queued")
    assert (image["status"], image["size"], image["virtual_size"]) == ("active", len(BITS), 1 << 30)
    assert image["os_hash_value"] == hashlib.sha512(BITS).hexdigest()
    assert (image["os_glance_importing_to_stores"], image["os_glance_failed_import"]) == ("", "")
    assert "os_glance_import_task" not in image
    assert cloud.demo.get("image", f"/images/{image_id}/file").content == BITS
    (task,) = cloud.demo.get("image", f"/images/{image_id}/tasks").json()["tasks"]
    assert (task["status"], task["type"], task["result"]) == ("success", "api_image_import", {"image_id": image_id})
    assert task["input"]["import_req"] == {"method": {"name": "web-download", "uri": f"{web}/{page}"}}
    assert not list((store / ".staged").iterdir())
    assert not list((store / ".incoming").iterdir())
    again = _import(cloud, image_id, f"{web}/{page}")
    assert (again.status_code, "status active cannot be target" in again.text) == (409, True)


@pytest.mark.parametrize(
    ("page", "message"),
    [
        ("nowhere", "The source answers 404."),
        ("backed", "Image failed safety checks"),
        ("large", "The incoming image is too large: The provided image is too large."),
        ("short", "The source broke off."),
        ("astray", "URI does not pass filtering: http://[::1]/secret"),
        ("circle", "The source redirects more than 10 times."),
    ],
)
def test_what_is_no_image_leaves_the_image_queued(cloud: TestCloud, make_image, store, web: str, page: str, message: str) -> None:
    image_id = make_image(cloud.demo, disk_format="qcow2")["id"]
    assert _import(cloud, image_id, f"{web}/{page}").status_code == 202
    image = _until(cloud, image_id, "active", "queued")
    assert (image["status"], image["size"], image["os_glance_failed_import"]) == ("queued", None, "file")
    assert "os_glance_import_task" not in image
    (task,) = cloud.demo.get("image", f"/images/{image_id}/tasks").json()["tasks"]
    assert (task["status"], task["message"]) == ("failure", message)
    assert not list((store / ".staged").iterdir())
    assert not list((store / ".incoming").iterdir())
    assert _import(cloud, image_id, f"{web}/image").status_code == 202
    assert _until(cloud, image_id, "active", "queued")["status"] == "active"


def test_deleting_the_image_ends_the_download(cloud: TestCloud, make_image, store, web: str) -> None:
    image_id = make_image(cloud.demo, disk_format="qcow2")["id"]
    assert _import(cloud, image_id, f"{web}/slow").status_code == 202
    _until(cloud, image_id, "importing")
    second = _import(cloud, image_id, f"{web}/image")
    assert (second.status_code, "Image needs to be in 'queued' state to use 'web-download' method" in second.text) == (409, True)
    assert cloud.demo.delete("image", f"/images/{image_id}").status_code == 204
    cloud.run(cloud.app.cloud.operations.settle())
    HOLD.set()
    assert not list((store / ".incoming").iterdir())
    assert cloud.demo.get("image", f"/images/{image_id}").status_code == 404


@pytest.mark.parametrize(
    "uri", [None, "", 5, "ftp://127.0.0.1/x", "file:///etc/passwd", "http://169.254.169.254/", "http://localhost/", "http://127.1/", "http:///x"]
)
def test_what_does_not_pass_the_filter_changes_nothing(cloud: TestCloud, make_image, uri: object) -> None:
    image_id = make_image(cloud.demo)["id"]
    before = cloud.demo.get("image", f"/images/{image_id}").json()
    answer = _import(cloud, image_id, uri)
    assert (answer.status_code, answer.json()["message"]) == (400, f"URI for web-download does not pass filtering: {uri}<br /><br />\n\n\n")
    assert cloud.demo.get("image", f"/images/{image_id}").json() == before
    assert cloud.demo.get("image", f"/images/{image_id}/tasks").json() == {"tasks": []}
    other = cloud.other.post("image", f"/images/{image_id}/import", {"method": {"name": "web-download", "uri": uri}})
    assert other.status_code == 404


def test_images_are_in_the_one_store_already(cloud: TestCloud, make_image) -> None:
    image_id = make_image(cloud.demo, b"bits", name="copied")["id"]
    before = cloud.demo.get("image", f"/images/{image_id}").json()

    def copy(client, **stores) -> tuple[int, str]:
        answer = client.post("image", f"/images/{image_id}/import", {"method": {"name": "copy-image"}, **stores})
        return answer.status_code, answer.text

    queued = make_image(cloud.admin)["id"]
    refused = cloud.admin.post("image", f"/images/{queued}/import", {"method": {"name": "copy-image"}})
    assert (refused.status_code, "Only images with status active can be targeted for copying" in refused.text) == (409, True)
    assert copy(cloud.demo, all_stores=True)[0] == 403
    assert copy(cloud.other, all_stores=True)[0] == 404
    assert copy(cloud.admin, all_stores=True) == (202, "")
    for stores in ({}, {"stores": ["file"]}):
        status, text = copy(cloud.admin, **stores)
        assert (status, "Image is already present at store &#x27;file&#x27;" in text) == (400, True)
    assert copy(cloud.admin, stores=["elsewhere"])[0] == 409
    assert cloud.demo.get("image", f"/images/{image_id}").json() == before
    assert cloud.demo.get("image", f"/images/{image_id}/tasks").json() == {"tasks": []}


def _task(cloud: TestCloud, **given: Any) -> dict[str, Any]:
    """Ask as older clients do, and wait for the end."""
    asked = cloud.admin.post("image", "/tasks", {"type": "import", "input": given})
    assert asked.status_code == 201, asked.text
    assert (asked.json()["status"], asked.headers["location"]) == ("pending", f"{cloud.url}/image/v2/tasks/{asked.json()['id']}")
    cloud.run(cloud.app.cloud.operations.settle())
    return cloud.admin.get("image", f"/tasks/{asked.json()['id']}").json()


def test_older_clients_import_by_a_task(cloud: TestCloud, web: str) -> None:
    properties = {"name": "legacy", "disk_format": "qcow2", "container_format": "bare", "os_distro": "debian"}
    task = _task(cloud, import_from=f"{web}/image", import_from_format="qcow2", image_properties=properties)
    assert (task["type"], task["status"], task["owner"]) == ("import", "success", cloud.admin.project_id)
    image = cloud.admin.get("image", f"/images/{task['result']['image_id']}").json()
    assert (image["status"], image["name"], image["os_distro"], image["size"]) == ("active", "legacy", "debian", len(BITS))
    assert not [name for name in image if name.startswith("os_glance")]


@pytest.mark.parametrize(
    ("page", "given", "message"),
    [
        ("nowhere", {"disk_format": "qcow2", "container_format": "bare"}, "The source answers 404."),
        ("image", {"disk_format": "qcow2"}, "Property container_format must be set prior to saving data."),
        ("image", {"disk_format": "qcow2", "container_format": "bare", "os_glance_x": "y"}, "Attribute 'os_glance_x' is reserved."),
        ("image", None, "Input does not contain 'image_properties' field"),
    ],
)
def test_no_image_is_left_of_a_task_that_fails(cloud: TestCloud, web: str, page: str, given: dict | None, message: str) -> None:
    before = cloud.admin.get("image", "/images?limit=1000").json()["images"]
    more = {} if given is None else {"image_properties": given}
    task = _task(cloud, import_from=f"{web}/{page}", import_from_format="qcow2", **more)
    assert (task["status"], task["message"], task["result"]) == ("failure", message, None)
    assert cloud.admin.get("image", "/images?limit=1000").json()["images"] == before
