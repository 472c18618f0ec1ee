"""Version documents, microversions, the old API, and paths that do not exist."""

import httpx

from clouds import TestCloud


def test_the_version_documents_need_no_token(cloud: TestCloud) -> None:
    both = httpx.get(f"{cloud.url}/compute/").json()["versions"]
    assert [(v["id"], v["version"], v["min_version"]) for v in both] == [("v2.0", "", ""), ("v2.1", "2.104", "2.1")]
    for path in ("v2.1", "v2.1/"):
        shown = httpx.get(f"{cloud.url}/compute/{path}").json()["version"]
        assert shown["links"][0] == {"rel": "self", "href": f"{cloud.url}/compute/v2.1/"}


def test_the_api_of_before_microversions_describes_itself(cloud: TestCloud) -> None:
    for path in ("/v2", "/v2/"):
        version = cloud.demo.http.get(f"{cloud.url}/compute{path}", headers={"x-auth-token": cloud.demo.token}).json()["version"]
        assert (version["id"], version["version"], version["min_version"]) == ("v2.0", "", "")


def test_the_api_of_before_microversions_overlooks_what_it_does_not_know(cloud: TestCloud) -> None:
    event = {"name": "network-changed", "server_uuid": "5f0e4e0a-6c2f-4a53-9d07-3a1d7d6f7a01", "surplus": {}}
    headers = {"x-auth-token": cloud.admin.token}
    told = cloud.admin.http.post(f"{cloud.url}/compute/v2/os-server-external-events", json={"events": [event]}, headers=headers)
    del event["surplus"]
    assert (told.status_code, told.json()) == (207, {"events": [{**event, "status": "failed", "code": 404}]})
    assert cloud.admin.post("compute", "/os-server-external-events", {"events": [{**event, "surplus": {}}]}).status_code == 400


def test_the_answer_names_the_microversion(cloud: TestCloud) -> None:
    for asked, got in ((None, "2.1"), ("compute 2.53", "2.53"), ("compute latest", "2.104"), ("volume 3.50", "2.1")):
        answer = cloud.demo.get("compute", "/flavors", headers={"openstack-api-version": asked})
        assert answer.status_code == 200
        assert answer.headers["openstack-api-version"] == f"compute {got}"
        assert answer.headers["x-openstack-nova-api-version"] == got
        assert answer.headers["x-compute-request-id"] == answer.headers["x-openstack-request-id"]
    old = cloud.demo.get("compute", "/flavors", headers={"x-openstack-nova-api-version": "2.10"})
    assert old.headers["openstack-api-version"] == "compute 2.10"


def test_versions_outside_the_range_are_refused(cloud: TestCloud) -> None:
    answer = cloud.demo.get("compute", "/flavors", headers={"openstack-api-version": "compute 2.105"})
    assert answer.status_code == 406
    message = "Version 2.105 is not supported by the API. Minimum is 2.1 and maximum is 2.104."
    assert answer.json() == {"computeFault": {"code": 406, "message": message}}
    assert cloud.demo.get("compute", "/flavors", headers={"openstack-api-version": "compute two"}).status_code == 400


def test_unknown_paths_and_methods_are_404(cloud: TestCloud) -> None:
    for method, path in (("GET", "/nosuch"), ("PATCH", "/flavors"), ("DELETE", "/servers")):
        answer = cloud.demo.request(method, "compute", path, headers={"accept": "application/json"})
        assert (answer.status_code, answer.json()["title"]) == (404, "Not Found")
        assert "openstack-api-version" not in answer.headers
    html = cloud.demo.get("compute", "/nosuch", headers={"accept": "*/*"})
    assert html.headers["content-type"].startswith("text/html")


def test_a_route_of_another_microversion_is_an_ordinary_404(cloud: TestCloud) -> None:
    answer = cloud.demo.get("compute", "/images", headers={"openstack-api-version": "compute 2.36"})
    assert answer.status_code == 404
    assert answer.json() == {"itemNotFound": {"code": 404, "message": "The resource could not be found."}}


def test_the_old_api_ignores_what_it_does_not_know(cloud: TestCloud) -> None:
    root = f"{cloud.url}/compute/v2/{cloud.demo.project_id}"
    headers = {"x-auth-token": cloud.demo.token}
    body = {"keypair": {"name": "old", "colour": "red"}}
    made = httpx.post(f"{root}/os-keypairs", json=body, headers=headers)
    assert made.status_code == 200 and "type" not in made.json()["keypair"]
    assert "openstack-api-version" not in made.headers
    assert httpx.get(f"{root}/flavors/nosuch", headers=headers).status_code == 404
    other = f"{cloud.url}/compute/v2/{'0' * 32}/flavors"
    assert httpx.get(other, headers=headers).status_code == 400


def test_links_repeat_the_project_of_the_path(cloud: TestCloud, flavor: str) -> None:
    root = f"{cloud.url}/compute/v2.1/{cloud.demo.project_id}"
    shown = httpx.get(f"{root}/flavors/{flavor}", headers={"x-auth-token": cloud.demo.token}).json()["flavor"]
    assert [link["href"] for link in shown["links"]] == [
        f"{root}/flavors/{flavor}",
        f"{cloud.url}/compute/{cloud.demo.project_id}/flavors/{flavor}",
    ]


def test_extensions_are_listed(cloud: TestCloud) -> None:
    every = cloud.demo.get("compute", "/extensions").json()["extensions"]
    assert {"os-keypairs", "os-server-groups"} <= {each["alias"] for each in every}
    assert cloud.demo.get("compute", "/extensions/os-keypairs").json()["extension"]["name"] == "Keypairs"
    assert cloud.demo.get("compute", "/extensions/nosuch").status_code == 404
