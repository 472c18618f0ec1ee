"""What servers took of a period, and deletions that are asked for in other words."""

from collections.abc import Callable
from typing import Any

import pytest
from waiting import LATEST, at, wait_gone

from clouds import TestCloud

Boot = Callable[..., dict[str, Any]]
USAGE = "/os-simple-tenant-usage"
EVER = "start=2001-01-01T00:00:00&end=2100-01-01T00:00:00.5"


def test_usage_of_a_project(cloud: TestCloud, boot: Boot) -> None:
    kept, deleted = boot("kept")["id"], boot("deleted")["id"]
    cloud.demo.delete("compute", f"/servers/{deleted}")
    wait_gone(cloud.demo, deleted)
    project = cloud.admin.get("compute", f"/servers/{kept}").json()["server"]["tenant_id"]
    shown = cloud.demo.get("compute", f"{USAGE}/{project}?{EVER}").json()["tenant_usage"]
    found = {each["instance_id"]: each for each in shown["server_usages"]}
    assert found[kept]["state"] == "active" and found[kept]["ended_at"] is None
    assert found[deleted]["state"] == "terminated" and found[deleted]["ended_at"] > found[deleted]["started_at"]
    assert shown["total_hours"] == pytest.approx(sum(each["hours"] for each in found.values()))
    assert shown["total_memory_mb_usage"] == pytest.approx(sum(each["hours"] * each["memory_mb"] for each in found.values()))
    listed = cloud.admin.get("compute", f"{USAGE}?{EVER}").json()["tenant_usages"]
    assert [each["tenant_id"] for each in listed] == [project] and "server_usages" not in listed[0]
    detailed = cloud.admin.get("compute", f"{USAGE}?{EVER}&detailed=1").json()["tenant_usages"]
    assert len(detailed[0]["server_usages"]) == len(found)
    later = cloud.demo.get("compute", f"{USAGE}/{project}?start=2001-01-01T00:00:00&end=2001-01-02T00:00:00").json()
    assert later == {"tenant_usage": {}}


def test_usage_comes_in_pages(cloud: TestCloud, boot: Boot) -> None:
    boot("one"), boot("two")
    seen: list[str] = []
    path = f"{USAGE}?{EVER}&detailed=1&limit=1"
    for _ in range(20):
        page = cloud.admin.get("compute", path, headers=at("2.40")).json()
        seen += [each["instance_id"] for project in page["tenant_usages"] for each in project["server_usages"]]
        if "tenant_usages_links" not in page:
            break
        path = USAGE + "?" + page["tenant_usages_links"][0]["href"].partition("?")[2]
    assert len(seen) == len(set(seen)) >= 2 and seen == sorted(seen)


@pytest.mark.parametrize(
    ("query", "version", "message"),
    [
        ("start=yesterday", "2.1", "Invalid datetime string: Datetime is in invalid format"),
        ("start=2020-01-02T00:00:00&end=2020-01-01T00:00:00", "2.1", "Invalid start time. The start time cannot occur after the end time."),
        ("marker=nothing", "2.40", "Marker nothing could not be found."),
    ],
)
def test_bad_periods(cloud: TestCloud, query: str, version: str, message: str) -> None:
    answer = cloud.admin.get("compute", f"{USAGE}?{query}", headers=at(version))
    assert (answer.status_code, answer.json()["badRequest"]["message"]) == (400, message)


def test_usage_is_for_its_readers(cloud: TestCloud) -> None:
    assert cloud.demo.get("compute", USAGE).status_code == 403
    assert cloud.demo.get("compute", f"{USAGE}/{'0' * 32}").status_code == 403
    assert cloud.admin.get("compute", f"{USAGE}/{'0' * 32}").json() == {"tenant_usage": {}}
    assert cloud.admin.get("compute", f"{USAGE}?other=1", headers=LATEST).status_code == 400


def test_forced_deletion_is_deletion_and_nothing_is_restored(cloud: TestCloud, boot: Boot) -> None:
    server_id = boot("forced")["id"]
    refused = cloud.demo.post("compute", f"/servers/{server_id}/action", {"restore": None})
    assert refused.json()["conflictingRequest"]["message"] == (
        f"Cannot 'restore' instance {server_id} while it is in vm_state active"
    )
    assert cloud.demo.post("compute", f"/servers/{server_id}/action", {"forceDelete": None}).status_code == 202
    wait_gone(cloud.demo, server_id)
