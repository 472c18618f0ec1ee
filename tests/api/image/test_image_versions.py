"""Version documents, schemas, discovery."""

import httpx
import pytest

from clouds import TestCloud


@pytest.mark.parametrize("path", ["", "/", "/v1/images", "/somewhere"])
def test_outside_a_version_one_may_choose(cloud: TestCloud, path: str) -> None:
    answer = httpx.get(f"{cloud.url}/image{path}")
    assert answer.status_code == 300
    versions = answer.json()["versions"]
    assert [v["id"] for v in versions if v["status"] == "CURRENT"] == ["v2.17"]
    assert {v["links"][0]["href"] for v in versions} == {f"{cloud.url}/image/v2/"}


@pytest.mark.parametrize("path", ["/", "/v3/images"])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_whatever_one_does_there_leads_to_the_versions(cloud: TestCloud, method: str, path: str) -> None:
    assert httpx.request(method, f"{cloud.url}/image{path}").status_code == 300


def test_versions_are_listed(cloud: TestCloud) -> None:
    answer = httpx.get(f"{cloud.url}/image/versions")
    assert answer.status_code == 200
    assert "v2.0" in {v["id"] for v in answer.json()["versions"]}


def test_below_v2_one_must_be_known(cloud: TestCloud) -> None:
    answer = httpx.get(f"{cloud.url}/image/v2/nothing", headers={"accept": "*/*"})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == f'Keystone uri="{cloud.url}/identity"'
    assert "<h1>401 Unauthorized</h1>" in answer.text


def test_unknown_paths_are_404_in_the_dialect(cloud: TestCloud) -> None:
    answer = cloud.demo.get("image", "/nothing")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "text/html; charset=UTF-8"
    assert "The resource could not be found.<br /><br />" in answer.text
    as_json = cloud.demo.get("image", "/nothing", headers={"accept": "application/json"})
    assert as_json.json() == {
        "message": "The resource could not be found.<br /><br />\n\n\n", "code": "404 Not Found", "title": "Not Found",
    }  # fmt: skip
    as_text = cloud.demo.get("image", "/nothing", headers={"accept": "text/plain"})
    assert as_text.text.startswith("404 Not Found\n\nThe resource could not be found.")


@pytest.mark.parametrize(("path", "allowed"), [("/schemas/image", "GET"), ("/images", "GET, POST"), ("/info/usage", "GET")])
def test_wrong_methods_are_405(cloud: TestCloud, path: str, allowed: str) -> None:
    answer = cloud.demo.request("PATCH", "image", path)
    assert answer.status_code == 405
    assert answer.headers["allow"] == allowed
    assert "The method PATCH is not allowed for this resource." in answer.text


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_an_empty_id_is_no_image(cloud: TestCloud, method: str) -> None:
    assert cloud.demo.request(method, "image", "/images/").status_code == 404


def test_a_body_where_none_is_expected_is_refused(cloud: TestCloud) -> None:
    answer = cloud.demo.request("GET", "image", "/images", json={})
    assert answer.status_code == 400
    assert "A body is not expected with this request." in answer.text


@pytest.mark.parametrize("name", ["image", "images", "member", "members", "task", "tasks"])
def test_schemas_are_published(cloud: TestCloud, name: str) -> None:
    document = cloud.demo.get("image", f"/schemas/{name}").json()
    assert document["name"] == name
    item = document["properties"][name]["items"] if name.endswith("s") else document
    assert "created_at" in item["properties"]


def test_discovery(cloud: TestCloud) -> None:
    assert cloud.demo.get("image", "/info/import").json()["import-methods"]["value"] == ["glance-direct", "web-download"]
    assert cloud.demo.get("image", "/info/stores").json() == {"stores": [{"id": "file", "default": "true"}]}
    assert cloud.demo.get("image", "/info/usage").json() == {"usage": {}}
    assert cloud.demo.get("image", "/info/stores/detail").status_code == 403
    detail = cloud.admin.get("image", "/info/stores/detail").json()["stores"][0]
    assert detail["properties"]["data_dir"] == cloud.config.image.directory


def test_absent_parts_are_absent(cloud: TestCloud) -> None:
    for path in ("/cache", "/cached_images", "/metadefs", "/schemas/metadefs"):
        assert cloud.admin.get("image", path).status_code == 404
