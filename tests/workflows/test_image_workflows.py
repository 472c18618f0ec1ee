"""Images of servers, in every way their making may go."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from harness import COMPUTE, IMAGE, Bench, Case, Trial, trials
from servers import running, show

from asgi import call
from web_server import Page, serving

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


BITS = b"\0" * 4096


async def _queued(bench: Bench) -> dict[str, Any]:
    made = await bench.ask("POST", f"{IMAGE}/images", {"name": "i", "disk_format": "raw", "container_format": "bare"}, 201)
    return {"image": made.json()["id"]}


def _import(**method: str) -> Callable[[Bench, dict[str, Any]], Awaitable[None]]:
    async def act(bench: Bench, given: dict[str, Any]) -> None:
        path = f"{IMAGE}/images/{given['image']}"
        if method["name"] == "glance-direct":
            await call(bench.app.http, "PUT", f"{path}/stage", bench.token, content=BITS)
        await bench.ask("POST", f"{path}/import", {"method": method}, 202)

    return act


async def _is_imported(bench: Bench, given: dict[str, Any]) -> None:
    found = (await bench.ask("GET", f"{IMAGE}/images/{given['image']}", expect=200)).json()
    assert (found["status"], found["size"], found["os_glance_failed_import"]) == ("active", len(BITS), "")
    assert (bench.directory / "images" / given["image"]).read_bytes() == BITS
    assert not list((bench.directory / "images" / ".staged").iterdir())
    (task,) = (await bench.ask("GET", f"{IMAGE}/images/{given['image']}/tasks", expect=200)).json()["tasks"]
    assert task["status"] == "success"


CASES = {
    "staged": Case("import_image", _queued, _import(name="glance-direct"), _is_imported, {}),
    "snapshot": Case("snapshot_server", running, _snapshot, _is_there, {}),
    "backup": Case("backup_server", _with_backup, _backup, _replaces_the_old_one, {}),
}


@pytest.mark.parametrize(
    ("case", "trial"), [pytest.param(case, trial, id=f"{name}-{trial}") for name, case in CASES.items() for trial in trials(case)]
)
def test_workflow(bench: Bench, case: Case, trial: Trial) -> None:
    bench.put(case, trial)




async def _new(bench: Bench) -> dict[str, Any]:
    return {}


def _import_new(url: str) -> Callable[[Bench, dict[str, Any]], Awaitable[None]]:
    async def act(bench: Bench, given: dict[str, Any]) -> None:
        properties = {"name": "legacy", "disk_format": "raw", "container_format": "bare"}
        asked = {"import_from": url, "import_from_format": "raw", "image_properties": properties}
        await bench.ask("POST", f"{IMAGE}/tasks", {"type": "import", "input": asked}, 201)

    return act


async def _is_new(bench: Bench, given: dict[str, Any]) -> None:
    (found,) = (await bench.ask("GET", f"{IMAGE}/images?name=legacy", expect=200)).json()["images"]
    assert (found["status"], (bench.directory / "images" / found["id"]).read_bytes()) == ("active", BITS)


# From where they import is known once there is a server.
FETCHING: dict[str, tuple[Case, Callable[[str], Any]]] = {
    "web": (
        Case("import_image", _queued, _import(), _is_imported, {"url": ""}), lambda url: _import(name="web-download", uri=url)
    ),
    "task": (Case("import_image", _new, _import(), _is_new, {"url": ""}), _import_new),
}  # fmt: skip


@pytest.mark.parametrize(
    ("case", "act", "trial"),
    [pytest.param(case, act, trial, id=f"{name}-{trial}") for name, (case, act) in FETCHING.items() for trial in trials(case)],
)
def test_fetching(bench: Bench, case: Case, act: Callable[[str], Any], trial: Trial) -> None:
    with serving({"/disk": Page(BITS)}) as url:
        bench.settings.update({"image.import_filter.allowed_hosts": ["127.0.0.1"], "image.import_filter.allowed_ports": []})
        bench.put(replace(case, act=act(f"{url}/disk")), trial)
