"""Images of servers, in every way their making may go."""

from typing import Any

import pytest
from harness import COMPUTE, IMAGE, Bench, Case, Trial, trials
from servers import running, show

LATEST = "compute 2.96"


async def _make(bench: Bench, given: dict[str, Any], body: dict[str, Any]) -> None:
    answer = await bench.ask("POST", f"{COMPUTE}/servers/{given['server']}/action", body, 202, openstack_api_version=LATEST)
    given["image"] = answer.json()["image_id"]


async def _snapshot(bench: Bench, given: dict[str, Any]) -> None:
    await _make(bench, given, {"createImage": {"name": "s"}})


async def _backup(bench: Bench, given: dict[str, Any]) -> None:
    await _make(bench, given, {"createBackup": {"name": "b", "backup_type": "daily", "rotation": 1}})


async def _is_there(bench: Bench, given: dict[str, Any]) -> None:
    found = (await bench.ask("GET", f"{IMAGE}/images/{given['image']}", expect=200)).json()
    assert (found["status"], found["disk_format"], found["virtual_size"]) == ("active", "qcow2", 1 << 30)
    assert (bench.directory / "images" / given["image"]).stat().st_size == found["size"]
    assert (await show(bench, given["server"]))["OS-EXT-STS:task_state"] is None
    assert (await bench.taken())["outgoing"] == []


async def _with_backup(bench: Bench) -> dict[str, Any]:
    given = await running(bench)
    await _backup(bench, given)
    await bench.rest()
    return {**given, "old": given["image"]}


async def _replaces_the_old_one(bench: Bench, given: dict[str, Any]) -> None:
    await _is_there(bench, given)
    await bench.ask("GET", f"{IMAGE}/images/{given['old']}", expect=404)


CASES = {
    "snapshot": Case("snapshot_server", running, _snapshot, _is_there, {}),
    "backup": Case("backup_server", _with_backup, _backup, _replaces_the_old_one, {}),
}


@pytest.mark.parametrize(
    ("case", "trial"), [pytest.param(case, trial, id=f"{name}-{trial}") for name, case in CASES.items() for trial in trials(case)]
)
def test_workflow(bench: Bench, case: Case, trial: Trial) -> None:
    bench.put(case, trial)
