"""Which servers are listed, in which order."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from waiting import LATEST, at

from clouds import TestCloud

Boot = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def three(cloud: TestCloud, boot: Boot) -> list[dict[str, Any]]:
    made = [boot(f"list-{letter}", description=letter.upper(), metadata={"n": letter}) for letter in "abc"]
    cloud.demo.post("compute", f"/servers/{made[2]['id']}/action", {"os-stop": None})
    until = time.monotonic() + 20
    while cloud.demo.get("compute", f"/servers/{made[2]['id']}").json()["server"]["status"] != "SHUTOFF":
        assert time.monotonic() < until
        time.sleep(0.02)
    return made


def _names(cloud: TestCloud, query: str, version: str = "2.1", user: str = "demo") -> list[str]:
    answer = getattr(cloud, user).get("compute", f"/servers?{query}", headers=at(version))
    assert answer.status_code == 200, answer.text
    return [server["name"] for server in answer.json()["servers"]]


def test_the_newest_server_comes_first(cloud: TestCloud, three: list[dict[str, Any]]) -> None:
    assert _names(cloud, "name=list-") == ["list-c", "list-b", "list-a"]


@pytest.mark.parametrize(
    ("query", "letters"),
    [
        ("name=^list-[ab]$", "ba"),
        ("name=LIST-A", "a"),
        ("name=list-&status=SHUTOFF", "c"),
        ("name=list-&status=ACTIVE&status=SHUTOFF", "cba"),
        ("name=list-&flavor=small", "cba"),
        ("name=list-&flavor=nosuch", ""),
        ("name=list-&image=11111111-2222-3333-4444-555555555555", ""),
        ("name=list-&sort_key=display_name&sort_dir=asc", "abc"),
        ("name=list-&sort_key=vm_state&sort_key=display_name&sort_dir=desc&sort_dir=asc", "cab"),
        ("name=list-&changes-since=2000-01-01T00:00:00Z", "cba"),
        ("name=list-&changes-since=2100-01-01T00:00:00Z", ""),
        ("name=list-&description=nonsense-is-ignored-here", "cba"),
        ("name=list-&ip=10.20.", "cba"),
        ("name=list-&ip=192.168.", ""),
    ],
)
def test_filters_and_orders(cloud: TestCloud, three: list[dict[str, Any]], query: str, letters: str) -> None:
    assert _names(cloud, query) == [f"list-{letter}" for letter in letters]


def test_administrators_may_use_every_filter(cloud: TestCloud, three: list[dict[str, Any]]) -> None:
    assert _names(cloud, "all_tenants=1&name=list-&description=^B$", user="admin") == ["list-b"]
    assert _names(cloud, "all_tenants=1&name=list-&vm_state=stopped", user="admin") == ["list-c"]
    assert _names(cloud, f"all_tenants=1&name=list-&project_id={cloud.demo.project_id}", user="admin") == ["list-c", "list-b", "list-a"]
    assert _names(cloud, "name=list-", user="admin") == []
    assert _names(cloud, f"name=list-&tenant_id={cloud.demo.project_id}", user="admin") == []
    host = cloud.admin.get("compute", f"/servers/{three[0]['id']}").json()["server"]["OS-EXT-SRV-ATTR:host"]
    assert "list-a" in _names(cloud, f"all_tenants=1&name=list-&host={host}", user="admin")


def test_pages_follow_each_other(cloud: TestCloud, three: list[dict[str, Any]]) -> None:
    seen: list[str] = []
    path = "/servers/detail?name=list-&limit=1&sort_key=display_name&sort_dir=asc"
    while path:
        page = cloud.demo.get("compute", path, headers=LATEST).json()
        seen += [server["name"] for server in page["servers"]]
        path = page["servers_links"][0]["href"].split("/v2.1", 1)[1] if "servers_links" in page else ""
    assert seen == ["list-a", "list-b", "list-c"]


def test_details_are_the_same_as_of_one(cloud: TestCloud, three: list[dict[str, Any]]) -> None:
    for version in ("2.1", "2.3", "2.16", "2.26", "2.47", "2.75", "2.96"):
        (listed,) = cloud.demo.get("compute", "/servers/detail?name=^list-a$", headers=at(version)).json()["servers"]
        shown = cloud.demo.get("compute", f"/servers/{listed['id']}", headers=at(version)).json()["server"]
        shown.pop("server_groups", None)  # which only one server shows
        assert listed == shown


def test_changes_are_found_up_to_the_second_that_clients_are_shown(cloud: TestCloud, three: list[dict[str, Any]]) -> None:
    shown = cloud.demo.get("compute", f"/servers/{three[1]['id']}", headers=at("2.66")).json()["server"]["updated"]
    assert "list-b" in _names(cloud, f"name=list-&changes-before={shown}", "2.66")
    assert "list-b" in _names(cloud, f"name=list-&changes-since={shown}&changes-before={shown}", "2.66")
    (begun, *_) = cloud.demo.get("compute", f"/servers/{three[1]['id']}/os-instance-actions", headers=at("2.66")).json()["instanceActions"]
    path = f"/servers/{three[1]['id']}/os-instance-actions?changes-before={begun['updated_at']}"
    assert cloud.demo.get("compute", path, headers=at("2.66")).json()["instanceActions"][0] == begun


def test_locked_servers_are_found_from_2_73_on(cloud: TestCloud, three: list[dict[str, Any]]) -> None:
    cloud.demo.post("compute", f"/servers/{three[0]['id']}/action", {"lock": None})
    assert _names(cloud, "name=list-&locked=true", "2.73") == ["list-a"]
    assert _names(cloud, "name=list-&locked=false", "2.73") == ["list-c", "list-b"]
    assert _names(cloud, "name=list-&sort_key=locked&sort_dir=desc&limit=1", "2.73") == ["list-a"]
    cloud.demo.post("compute", f"/servers/{three[0]['id']}/action", {"unlock": None})


@pytest.mark.parametrize(
    ("query", "version", "status", "message"),
    [
        ("marker=11111111-2222-3333-4444-555555555555", "2.1", 400, "marker [11111111-2222-3333-4444-555555555555] not found"),
        ("sort_key=display_name&sort_dir=up", "2.1", 400, "Invalid input received: Unknown sort direction, must be 'desc' or 'asc'"),
        ("sort_key=host", "2.1", 403, "Only administrators can sort servers by host"),
        ("status=nosuch", "2.38", 400, "Invalid status value"),
        ("status=deleted", "2.1", 403, "Only administrators may list deleted instances"),
        ("name=*[", "2.1", 400, "Invalid input for query parameters name. Value: *[. '*[' is not a 'regex'"),
        ("junk=1", "2.75", 400, "'junk' does not match any of the regexes: '^_'"),
        ("all_tenants=1", "2.1", 403, "Policy doesn't allow os_compute_api:servers:index:get_all_tenants to be performed."),
        ("changes-since=2020-01-02T00:00:00Z&changes-before=2020-01-01T00:00:00Z", "2.66", 400,
         "The value of changes-since must be less than or equal to changes-before."),
    ],
)  # fmt: skip
def test_bad_queries(cloud: TestCloud, query: str, version: str, status: int, message: str) -> None:
    answer = cloud.demo.get("compute", f"/servers?{query}", headers=at(version))
    assert (answer.status_code, next(iter(answer.json().values()))["message"]) == (status, message)


def test_a_pattern_that_would_take_for_ever_takes_no_time(cloud: TestCloud, three: list[dict[str, Any]]) -> None:
    started = time.monotonic()
    assert _names(cloud, "name=((l%2Bi%2Bs*t*)%2B)%2Bx$") == []
    assert time.monotonic() - started < 5
