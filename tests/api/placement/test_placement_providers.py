"""Resource providers, their inventories, traits and aggregates."""

import uuid

import pytest

from clouds import TestCloud


def test_the_version_document_needs_no_token(cloud: TestCloud) -> None:
    answer = cloud.demo.http.get(f"{cloud.url}/placement/")
    assert answer.status_code == 200
    version = answer.json()["versions"][0]
    assert (version["min_version"], version["max_version"]) == ("1.0", "1.39")


def test_ordinary_users_have_no_business_here(placement) -> None:
    for user in ("demo", "reader"):
        answer = placement.call("GET", "/resource_providers", user=user)
        assert answer.status_code == 403
        assert "Policy does not allow placement:resource_providers:list to be performed." in answer.json()["errors"][0]["detail"]


def test_errors_have_a_code_from_1_23_on(placement) -> None:
    old = placement.call("GET", "/resource_providers/none", version="1.22").json()["errors"][0]
    new = placement.call("GET", "/resource_providers/none", version="1.23").json()["errors"][0]
    assert "code" not in old and new["code"] == "placement.undefined_code"
    assert old["request_id"].startswith("req-")


def test_simulated_hosts_are_providers(placement) -> None:
    found = placement.get("/resource_providers?resources=VCPU:1,MEMORY_MB:64,DISK_GB:1")["resource_providers"]
    assert len(found) >= 3


def test_a_provider_lives_and_dies(placement) -> None:
    name = f"named-{uuid.uuid4()}"
    made = placement.call("POST", "/resource_providers", {"name": name}, version="1.19")
    assert (made.status_code, made.content) == (201, b"")
    path = "/resource_providers/" + made.headers["location"].rpartition("/")[2]
    shown = placement.get(path)
    assert (shown["name"], shown["generation"], shown["parent_provider_uuid"]) == (name, 0, None)
    assert {link["rel"] for link in shown["links"]} == {"self", "inventories", "usages", "aggregates", "traits", "allocations"}
    again = placement.call("POST", "/resource_providers", {"name": name})
    assert (again.status_code, again.json()["errors"][0]["code"]) == (409, "placement.duplicate_name")
    assert placement.call("PUT", path, {"name": name + "-2"}).json()["name"] == name + "-2"
    assert placement.call("DELETE", path).status_code == 204
    assert placement.call("GET", path).status_code == 404


@pytest.mark.parametrize(
    "body", [{}, {"name": 7}, {"name": "x" * 201}, {"name": "x", "more": 1}, {"name": "x", "uuid": "no"}, [], "text", None]
)
def test_bad_providers_are_refused(placement, body: object) -> None:
    answer = placement.call("POST", "/resource_providers", body)
    assert answer.status_code in (400, 415)
    assert answer.json()["errors"][0]["detail"]


def test_trees(placement) -> None:
    top = placement.provider()
    middle = placement.provider(parent=top)
    leaf = placement.provider(parent=middle)
    assert placement.get(f"/resource_providers/{leaf}")["root_provider_uuid"] == top
    assert {p["uuid"] for p in placement.get(f"/resource_providers?in_tree={middle}")["resource_providers"]} == {top, middle, leaf}
    loop = placement.call("PUT", f"/resource_providers/{top}", {"name": f"loop-{top}", "parent_provider_uuid": leaf})
    assert loop.status_code == 400 and "creating loop" in loop.text
    held = placement.call("DELETE", f"/resource_providers/{middle}")
    assert (held.status_code, held.json()["errors"][0]["code"]) == (409, "placement.resource_provider.cannot_delete_parent")
    other = placement.provider()
    moved = placement.call("PUT", f"/resource_providers/{middle}", {"name": f"moved-{middle}", "parent_provider_uuid": other})
    assert moved.json()["root_provider_uuid"] == other
    assert placement.get(f"/resource_providers/{leaf}")["root_provider_uuid"] == other
    cut = placement.call("PUT", f"/resource_providers/{middle}", {"name": f"cut-{middle}", "parent_provider_uuid": None})
    assert cut.json()["root_provider_uuid"] == middle
    assert placement.get(f"/resource_providers/{leaf}")["root_provider_uuid"] == middle
    early = placement.call("PUT", f"/resource_providers/{leaf}", {"name": f"early-{leaf}", "parent_provider_uuid": None}, version="1.36")
    assert early.status_code == 400 and "un-parenting" in early.text


def test_inventories_follow_generations(placement) -> None:
    name = placement.custom_class()
    provider = placement.provider({name: {"total": 10, "reserved": 2, "allocation_ratio": 1.5}})
    url = f"/resource_providers/{provider}/inventories"
    shown = placement.get(url)
    generation = shown["resource_provider_generation"]
    assert shown["inventories"][name] == {
        "total": 10, "reserved": 2, "min_unit": 1, "max_unit": 2147483647, "step_size": 1, "allocation_ratio": 1.5,
    }  # fmt: skip
    stale = placement.call("PUT", url, {"resource_provider_generation": generation - 1, "inventories": {}})
    assert (stale.status_code, stale.json()["errors"][0]["code"]) == (409, "placement.concurrent_update")
    one = placement.call("PUT", f"{url}/{name}", {"resource_provider_generation": generation, "total": 20})
    assert (one.json()["total"], one.json()["reserved"], one.json()["resource_provider_generation"]) == (20, 0, generation + 1)
    assert placement.call("DELETE", f"{url}/{name}").status_code == 204
    assert placement.get(url) == {"resource_provider_generation": generation + 2, "inventories": {}}


@pytest.mark.parametrize(
    "record",
    [
        {"total": 0}, {"total": -1}, {"total": 2**31}, {"total": "many"}, {"total": 1, "reserved": 2}, {"total": 1, "step_size": 0},
        {"total": 1, "allocation_ratio": 1e39}, {"total": 1, "colour": "red"}, {"total": 1.5}, {},
    ],
)  # fmt: skip
def test_bad_inventories_change_nothing(placement, record: dict[str, object]) -> None:
    provider = placement.provider()
    url = f"/resource_providers/{provider}/inventories"
    before = placement.get(url)
    body = {"resource_provider_generation": before["resource_provider_generation"], "inventories": {"VCPU": record}}
    assert placement.call("PUT", url, body).status_code == 400
    assert placement.call("POST", url, {"resource_class": "VCPU", **record}).status_code == 400
    assert placement.get(url) == before


def test_what_is_in_use_stays(placement) -> None:
    name = placement.custom_class()
    provider = placement.provider({name: 4})
    consumer = str(uuid.uuid4())
    assert placement.allocate({provider: {name: 3}}, consumer).status_code == 204
    url = f"/resource_providers/{provider}"
    generation = placement.get(url)["generation"]
    empty = placement.call("PUT", f"{url}/inventories", {"resource_provider_generation": generation, "inventories": {}})
    assert (empty.status_code, empty.json()["errors"][0]["code"]) == (409, "placement.inventory.inuse")
    assert placement.call("DELETE", f"{url}/inventories/{name}").status_code == 409
    gone = placement.call("DELETE", url)
    assert (gone.status_code, gone.json()["errors"][0]["code"]) == (409, "placement.resource_provider.inuse")
    smaller = placement.call("PUT", f"{url}/inventories/{name}", {"resource_provider_generation": generation, "total": 1})
    assert smaller.status_code == 200  # an operator may promise less than is given already
    assert placement.allocate({provider: {name: 1}}).status_code == 409
    assert placement.allocate({provider: {name: 2}}, consumer, 1).status_code == 204  # taking less is always possible
    assert placement.call("DELETE", f"/allocations/{consumer}").status_code == 204
    assert placement.call("DELETE", url).status_code == 204


def test_lists_are_filtered(placement) -> None:
    name, trait, aggregate = placement.custom_class(), placement.trait(), str(uuid.uuid4())
    plain = placement.provider({name: 4})
    marked = placement.provider({name: {"total": 8, "min_unit": 2, "step_size": 2}}, traits=[trait], aggregates=[aggregate])

    def found(query: str) -> set[str]:
        return {one["uuid"] for one in placement.get(f"/resource_providers?{query}")["resource_providers"]} & {plain, marked}

    assert found(f"resources={name}:4") == {plain, marked}
    assert found(f"resources={name}:3") == {plain}
    assert found(f"resources={name}:6") == {marked}
    assert found(f"required={trait}") == {marked}
    assert found(f"resources={name}:1&required=!{trait}") == {plain}
    assert found(f"required=in:{trait},HW_CPU_X86_VMX") == {marked}
    assert found(f"member_of={aggregate}") == {marked}
    assert found(f"resources={name}:4&member_of=!{aggregate}") == {plain}
    assert found(f"member_of=in:{aggregate},{uuid.uuid4()}") == {marked}
    assert found(f"uuid={plain}") == {plain}
    assert found("name=nobody") == set()
