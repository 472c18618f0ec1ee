"""Shelving a server, leaving its host and coming back, in every way it may go."""

from typing import Any

import pytest
from harness import IMAGE, Bench, Case, Trial, trials
from servers import action, guest_of, running, show


async def _shelved(bench: Bench) -> dict[str, Any]:
    given = await running(bench)
    await action({"shelve": None})(bench, given)
    await bench.rest()
    return given


async def _images(bench: Bench) -> list[str]:
    return [image["status"] for image in (await bench.ask("GET", f"{IMAGE}/images?name=s-shelved")).json()["images"]]


async def _is_offloaded(bench: Bench, given: dict[str, Any]) -> None:
    server = await show(bench, given["server"])
    assert (server["status"], server["OS-EXT-SRV-ATTR:host"], await _images(bench)) == ("SHELVED_OFFLOADED", None, ["active"])
    held = await bench.taken()
    assert (held["allocations"], held["guests"]) == ([], {})


async def _is_back(bench: Bench, given: dict[str, Any]) -> None:
    server = await show(bench, given["server"])
    assert (server["status"], guest_of(bench, server).state, await _images(bench)) == ("ACTIVE", "running", [])


async def _has_left(bench: Bench, given: dict[str, Any]) -> None:
    await _is_offloaded(bench, given)
    assert all(given["server"] not in agent.drivers.hypervisor.known for agent in bench.agents.values())


CASES = {
    "shelve": Case("shelve_server", running, action({"shelve": None}), _is_offloaded, {"image_id": "x"}),
    "unshelve": Case("unshelve_server", _shelved, action({"unshelve": None}), _is_back, {"offloaded": True}),
}


@pytest.mark.parametrize(
    ("case", "trial"), [pytest.param(case, trial, id=f"{name}-{trial}") for name, case in CASES.items() for trial in trials(case)]
)
def test_workflow(bench: Bench, case: Case, trial: Trial) -> None:
    bench.put(case, trial)


OFFLOAD = Case("offload_server", _shelved, action({"shelveOffload": None}), _has_left, {}, forward=True)


@pytest.mark.parametrize("trial", [pytest.param(trial, id=f"offload-{trial}") for trial in trials(OFFLOAD)])
def test_leaving_the_host_when_asked_to(bench: Bench, trial: Trial) -> None:
    bench.settings["compute.shelved_offload_time"] = -1
    bench.put(OFFLOAD, trial)
