"""Staging bits and importing them."""

import pytest
from image_bodies import OCTETS, qcow2
from image_imports import DIRECT, ended

from clouds import TestCloud


def _stage(cloud: TestCloud, make_image, bits: bytes, **attributes) -> str:
    image = make_image(cloud.demo, **attributes)
    answer = cloud.demo.put("image", f"/images/{image['id']}/stage", content=bits, headers=OCTETS)
    assert answer.status_code == 204, answer.text
    return image["id"]


def test_staged_bits_become_the_images(cloud: TestCloud, make_image, store) -> None:
    image_id = _stage(cloud, make_image, b"staged bits", name="staged")
    staged = cloud.demo.get("image", f"/images/{image_id}").json()
    assert (staged["status"], staged["size"], staged["checksum"]) == ("uploading", 11, None)
    assert cloud.demo.get("image", f"/images/{image_id}/file").status_code == 204
    answer = cloud.demo.post("image", f"/images/{image_id}/import", DIRECT)
    assert (answer.status_code, answer.content) == (202, b"")
    image = ended(cloud, image_id)
    assert (image["status"], image["size"], image["virtual_size"]) == ("active", 11, 11)
    assert (image["os_glance_importing_to_stores"], image["os_glance_failed_import"]) == ("", "")
    assert "os_glance_import_task" not in image
    assert cloud.demo.get("image", f"/images/{image_id}/file").content == b"staged bits"
    assert not (store / ".staged" / image_id).exists()
    (task,) = cloud.demo.get("image", f"/images/{image_id}/tasks").json()["tasks"]
    assert (task["status"], task["result"], task["message"]) == ("success", {"image_id": image_id}, "Copied 0 MiB")
    assert task["request_id"] == answer.headers["x-openstack-request-id"]
    assert task["input"] == {"image_id": image_id, "import_req": DIRECT, "backend": ["file"]}


def test_unfit_bits_fail_the_import(cloud: TestCloud, make_image, store) -> None:
    image_id = _stage(cloud, make_image, qcow2(backing=b"/etc/passwd"), name="unfit import", disk_format="qcow2")
    assert cloud.demo.post("image", f"/images/{image_id}/import", DIRECT).status_code == 202
    image = ended(cloud, image_id)
    assert (image["status"], image["size"], image["os_glance_failed_import"]) == ("queued", None, "file")
    (task,) = cloud.demo.get("image", f"/images/{image_id}/tasks").json()["tasks"]
    assert (task["status"], task["message"]) == ("failure", "Image failed safety checks")
    assert not (store / ".staged" / image_id).exists()
    assert not (store / image_id).exists()
    assert cloud.demo.put("image", f"/images/{image_id}/file", content=qcow2(), headers=OCTETS).status_code == 204


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({}, 400, "Import request requires a 'method' field."),
        ({"method": {}}, 400, "Import request requires a 'name' field."),
        ({"method": "glance-direct"}, 400, "Import request requires a 'name' field."),
        ({"method": {"name": "glance-download", "uri": "http://host/"}}, 400, "Unknown import method name 'glance-download'."),
        ({"method": {"name": "web-download", "uri": "http://host/"}}, 409, "Image needs to be in 'queued' state"),
        ({"method": {"name": "copy-image"}}, 400, "Unknown import method name 'copy-image'."),
        ({**DIRECT, "all_stores": "yes"}, 400, "'all_stores' must be boolean value only"),
        ({**DIRECT, "stores": ["elsewhere"]}, 409, "elsewhere"),
        ({**DIRECT, "stores": ["file"], "all_stores": True}, 400, "All_stores parameter can't be used"),
    ],
)
def test_bad_imports_change_nothing(cloud: TestCloud, make_image, body: dict, status: int, message: str) -> None:
    image_id = _stage(cloud, make_image, b"bits", name="badly imported")
    before = cloud.demo.get("image", f"/images/{image_id}").json()
    answer = cloud.demo.post("image", f"/images/{image_id}/import", body, headers={"accept": "application/json"})
    assert answer.status_code == status, answer.text
    assert message in answer.json()["message"]
    assert cloud.demo.get("image", f"/images/{image_id}").json() == before


def test_what_cannot_be_imported(cloud: TestCloud, make_image) -> None:
    queued = make_image(cloud.demo, name="not staged")
    active = make_image(cloud.demo, b"bits", name="already active")
    unstaged = cloud.demo.post("image", f"/images/{queued['id']}/import", DIRECT)
    assert unstaged.status_code == 409
    assert "Image needs to be staged before" in unstaged.text
    again = cloud.demo.post("image", f"/images/{active['id']}/import", DIRECT)
    assert again.status_code == 409
    assert "Image with status active cannot be target for import" in again.text
    assert cloud.demo.put("image", f"/images/{active['id']}/stage", content=b"x", headers=OCTETS).status_code == 409
    assert cloud.reader.post("image", f"/images/{active['id']}/import", DIRECT).status_code == 409
    assert cloud.other.post("image", f"/images/{queued['id']}/import", DIRECT).status_code == 404


def test_deletion_takes_staged_bits_along(cloud: TestCloud, make_image, store) -> None:
    image_id = _stage(cloud, make_image, b"bits", name="staged and deleted")
    assert (store / ".staged" / image_id).exists()
    assert cloud.demo.delete("image", f"/images/{image_id}").status_code == 204
    assert not (store / ".staged" / image_id).exists()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"input": {}}, "Task &#x27;type&#x27; is required"),
        ({"type": "odd", "input": {}}, "is not one of"),
        ({"type": "import", "input": {}}, "Invalid location: None"),
        ({"type": "import", "input": {"import_from": "file:///etc/passwd"}}, "File based imports are not allowed."),
        ({"type": "import", "input": {"import_from": "ftp://host/x"}}, "The given uri is not valid."),
        ({"type": "import", "input": {"import_from": "http://127.0.0.1:1/x"}}, "does not pass filtering"),
    ],
)
def test_importing_from_elsewhere_is_refused(cloud: TestCloud, body: dict, message: str) -> None:
    answer = cloud.admin.post("image", "/tasks", body)
    assert answer.status_code == 400
    assert message in answer.text
    assert cloud.demo.post("image", "/tasks", body).status_code == 403


def test_tasks_are_for_administrators(cloud: TestCloud, make_image) -> None:
    image_id = _stage(cloud, make_image, b"bits", name="with a task")
    cloud.demo.post("image", f"/images/{image_id}/import", DIRECT)
    ended(cloud, image_id)
    (task,) = cloud.demo.get("image", f"/images/{image_id}/tasks").json()["tasks"]
    assert cloud.demo.get("image", "/tasks").status_code == 403
    assert task["id"] in {t["id"] for t in cloud.admin.get("image", "/tasks?limit=1000").json()["tasks"]}
    assert cloud.admin.get("image", f"/tasks/{task['id']}").json()["input"] == task["input"]
    page = cloud.admin.get("image", "/tasks?limit=1&status=success").json()
    assert page["next"] == f"/v2/tasks?limit=1&status=success&marker={page['tasks'][0]['id']}"
    assert cloud.admin.get("image", "/tasks/unknown").status_code == 404
    assert cloud.admin.get("image", "/tasks?status=odd").status_code == 400
    refused = cloud.admin.delete("image", f"/tasks/{task['id']}")
    assert refused.status_code == 405
    assert "This operation is currently not permitted on Glance Tasks." in refused.text
    assert cloud.other.get("image", f"/images/{image_id}/tasks").status_code == 404
