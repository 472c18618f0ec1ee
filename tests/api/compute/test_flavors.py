"""Flavors, extra specs and access."""

import pytest
from waiting import LATEST, at

from clouds import TestCloud


def _make(cloud: TestCloud, name: str, **more: object) -> dict[str, object]:
    body = {"flavor": {"name": name, "id": name, "ram": 128, "disk": 2, "vcpus": 2, **more}}
    answer = cloud.admin.post("compute", "/flavors", body)
    assert answer.status_code == 200, answer.text
    return answer.json()["flavor"]


def test_a_flavor_is_shown_as_each_microversion_wants(cloud: TestCloud) -> None:
    made = _make(cloud, "versions", swap="0")
    assert (made["swap"], made["rxtx_factor"], made["os-flavor-access:is_public"]) == ("", 1.0, True)
    assert "description" not in made and "extra_specs" not in made
    assert cloud.demo.get("compute", "/flavors/versions", headers=at("2.55")).json()["flavor"]["description"] is None
    assert cloud.demo.get("compute", "/flavors/versions", headers=at("2.61")).json()["flavor"]["extra_specs"] == {}
    assert cloud.demo.get("compute", "/flavors/versions", headers=at("2.75")).json()["flavor"]["swap"] == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ram": 0}, "Invalid input for field/attribute ram. Value: 0. 0 is less than the minimum of 1"),
        ({"ram": "much"}, "Invalid input for field/attribute ram. Value: much. 'much' does not match '^[0-9]+$'"),
        ({"disk": -1}, "Invalid input for field/attribute disk. Value: -1. -1 is less than the minimum of 0"),
        ({"name": ""}, "Invalid input for field/attribute name. Value: . '' should be non-empty"),
        ({"id": "a b!/"}, "Invalid input for field/attribute id. Value: a b!/. 'a b!/' does not match '^(?! )[a-zA-Z0-9. _-]+(?<! )$'"),
        ({"rxtx_factor": 0}, "Invalid input for field/attribute rxtx_factor. Value: 0. 0 is less than or equal to the minimum of 0"),
    ],
)
def test_bad_flavors_are_refused_in_novas_words(cloud: TestCloud, change: dict[str, object], message: str) -> None:
    body = {"flavor": {"name": "bad", "ram": 1, "disk": 1, "vcpus": 1, **change}}
    answer = cloud.admin.post("compute", "/flavors", body)
    assert answer.status_code == 400
    assert answer.json() == {"badRequest": {"code": 400, "message": message}}


def test_names_and_ids_are_unique(cloud: TestCloud) -> None:
    _make(cloud, "unique")
    again = cloud.admin.post("compute", "/flavors", {"flavor": {"name": "unique", "ram": 1, "disk": 1, "vcpus": 1}})
    assert (again.status_code, again.json()["conflictingRequest"]["message"]) == (409, "Flavor with name unique already exists.")
    same_id = cloud.admin.post("compute", "/flavors", {"flavor": {"name": "other", "id": "unique", "ram": 1, "disk": 1, "vcpus": 1}})
    assert same_id.json()["conflictingRequest"]["message"] == "Flavor with ID unique already exists."


def test_only_administrators_manage_flavors(cloud: TestCloud) -> None:
    refused = cloud.demo.post("compute", "/flavors", {"flavor": {"name": "mine", "ram": 1, "disk": 1, "vcpus": 1}})
    assert refused.status_code == 403
    assert refused.json()["forbidden"]["message"] == "Policy doesn't allow os_compute_api:os-flavor-manage:create to be performed."
    assert cloud.demo.delete("compute", "/flavors/versions").status_code == 403


def test_lists_are_filtered_sorted_and_paged(cloud: TestCloud) -> None:
    for number in (1, 2, 3):
        _make(cloud, f"page-{number}", ram=4000 + number)
    found = cloud.demo.get("compute", "/flavors?minRam=4001&sort_key=memory_mb&sort_dir=desc&limit=2").json()
    assert [flavor["name"] for flavor in found["flavors"]] == ["page-3", "page-2"]
    following = found["flavors_links"][0]["href"].split("/v2.1", 1)[1]
    assert [flavor["name"] for flavor in cloud.demo.get("compute", following).json()["flavors"]] == ["page-1"]
    assert cloud.demo.get("compute", "/flavors?limit=0").json() == {"flavors": []}
    for query, message in (
        ("minRam=x", "Invalid minRam filter [x]"),
        ("marker=nosuch", "marker [nosuch] not found"),
        ("limit=-1", "Invalid input for query parameters limit. Value: -1. '-1' does not match '^[0-9]*$'"),
    ):
        answer = cloud.demo.get("compute", f"/flavors?{query}")
        assert (answer.status_code, answer.json()["badRequest"]["message"]) == (400, message)
    assert cloud.demo.get("compute", "/flavors?colour=red").status_code == 200
    assert cloud.demo.get("compute", "/flavors?colour=red", headers=at("2.75")).status_code == 400


def test_private_flavors_are_for_those_they_are_shared_with(cloud: TestCloud) -> None:
    _make(cloud, "private", **{"os-flavor-access:is_public": False})
    assert cloud.demo.get("compute", "/flavors/private").status_code == 404
    grant = {"addTenantAccess": {"tenant": cloud.demo.project_id}}
    assert cloud.admin.post("compute", "/flavors/private/action", grant).json() == {
        "flavor_access": [{"flavor_id": "private", "tenant_id": cloud.demo.project_id}]
    }
    shared = cloud.admin.get("compute", "/flavors/private/os-flavor-access").json()["flavor_access"]
    assert [each["tenant_id"] for each in shared] == [cloud.demo.project_id]
    assert cloud.admin.post("compute", "/flavors/private/action", grant).status_code == 409
    assert cloud.demo.get("compute", "/flavors/private").status_code == 200
    assert "private" in [flavor["id"] for flavor in cloud.demo.get("compute", "/flavors").json()["flavors"]]
    assert "private" not in [flavor["id"] for flavor in cloud.admin.get("compute", "/flavors").json()["flavors"]]
    assert [f["id"] for f in cloud.admin.get("compute", "/flavors?is_public=false").json()["flavors"]] == ["private"]
    withdraw = {"removeTenantAccess": {"tenant": cloud.demo.project_id}}
    assert cloud.admin.post("compute", "/flavors/private/action", withdraw).json() == {"flavor_access": []}
    assert cloud.admin.post("compute", "/flavors/private/action", withdraw).status_code == 404
    unknown = cloud.admin.post("compute", "/flavors/private/action", {"addTenantAccess": {"tenant": "nosuch"}})
    assert unknown.json()["badRequest"]["message"] == "Project ID nosuch is not a valid project."
    assert cloud.admin.get("compute", "/flavors/versions/os-flavor-access").status_code == 404
    dance = cloud.admin.post("compute", "/flavors/private/action", {"dance": {}})
    assert dance.json()["badRequest"]["message"] == "There is no such action: dance"


def test_extra_specs(cloud: TestCloud) -> None:
    _make(cloud, "specs")
    path = "/flavors/specs/os-extra_specs"
    assert cloud.admin.post("compute", path, {"extra_specs": {"hw:cpu_policy": "shared", "n": 1}}).status_code == 200
    assert cloud.demo.get("compute", path).json() == {"extra_specs": {"hw:cpu_policy": "shared", "n": "1"}}
    assert cloud.admin.put("compute", f"{path}/n", {"n": "2"}).json() == {"n": "2"}
    assert cloud.admin.put("compute", f"{path}/n", {"m": "2"}).json()["badRequest"]["message"] == "Request body and URI mismatch"
    assert cloud.demo.get("compute", f"{path}/n").json() == {"n": "2"}
    assert cloud.admin.delete("compute", f"{path}/n").status_code == 200
    assert cloud.demo.get("compute", f"{path}/n").json()["itemNotFound"]["message"] == "Flavor specs has no extra specs with key n."
    shown = cloud.demo.get("compute", "/flavors/specs", headers=LATEST).json()["flavor"]["extra_specs"]
    assert shown == {"hw:cpu_policy": "shared"}


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("hw:cpu_policy", "bad", "Validation failed; 'bad' is not one of: dedicated, shared, mixed."),
        ("hw:cpu_cores", "0", "Validation failed; '0' is less than the min value of '1'."),
        ("hw:nosuch", "1", "Validation failed; extra spec 'hw:nosuch' does not appear to be a valid extra spec."),
        ("trait:NO_SUCH", "required", "Validation failed; extra spec 'trait:NO_SUCH' does not appear to be a valid extra spec."),
        ("trait:HW_CPU_X86_AVX", "maybe", "Validation failed; 'maybe' is not one of: required, forbidden."),
        ("hw:boot_menu", "perhaps", "Validation failed; 'perhaps' is not a valid boolean-like value."),
    ],
)
def test_extra_specs_are_checked_from_2_86_on(cloud: TestCloud, name: str, value: str, message: str) -> None:
    body = {"extra_specs": {name: value}}
    answer = cloud.admin.post("compute", "/flavors/specs/os-extra_specs", body, headers=at("2.86"))
    assert (answer.status_code, answer.json()["badRequest"]["message"]) == (400, message)
    allowed = {"extra_specs": {"own:thing": "1", "trait:CUSTOM_GOLD": "required", "resources:CUSTOM_GPU": "1"}}
    assert cloud.admin.post("compute", "/flavors/specs/os-extra_specs", allowed, headers=at("2.86")).status_code == 200


def test_descriptions_are_updated_from_2_55_on(cloud: TestCloud) -> None:
    _make(cloud, "described")
    body = {"flavor": {"description": "small"}}
    assert cloud.admin.put("compute", "/flavors/described", body).status_code == 404
    shown = cloud.admin.put("compute", "/flavors/described", body, headers=at("2.55")).json()["flavor"]
    assert shown["description"] == "small"
    assert cloud.admin.delete("compute", "/flavors/described").status_code == 202
    assert cloud.admin.delete("compute", "/flavors/described").status_code == 404
