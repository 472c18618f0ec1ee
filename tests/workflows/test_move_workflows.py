"""Live migration, evacuation, leaving the host on request, and crash dumps, in every way they may go."""

from typing import Any

import pytest
from harness import COMPUTE, Bench, Case, Trial, trials
from servers import action, guest_of, has, running, show, stopped


async def _at_home(bench: Bench) -> dict[str, Any]:
    given = await running(bench)
    given["host"] = (await show(bench, given["server"]))["OS-EXT-SRV-ATTR:host"]
    return given


async def _with_host_down(bench: Bench) -> dict[str, Any]:
    given = await stopped(bench)
    given["host"] = (await show(bench, given["server"]))["OS-EXT-SRV-ATTR:host"]
    down = {"host": given["host"], "binary": "nova-compute", "forced_down": True}
    await bench.ask("PUT", f"{COMPUTE}/os-services/force-down", down, 200, openstack_api_version="compute 2.11")
    return given


async def _evacuate(bench: Bench, given: dict[str, Any]) -> None:
    body = {"evacuate": {"onSharedStorage": False}}
    await bench.ask("POST", f"{COMPUTE}/servers/{given['server']}/action", body, 200)


def _moved(status: str, state: str, *, left: int) -> Any:
    async def ended(bench: Bench, given: dict[str, Any]) -> None:
        await has(status, state)(bench, given)
        server = await show(bench, given["server"])
        assert server["OS-EXT-SRV-ATTR:host"] != given["host"]
        held = await bench.taken()
        assert (len(held["allocations"]), len(held["guests"])) == (3, 1 + left)

    return ended


_live = action({"os-migrateLive": {"host": None, "block_migration": False, "disk_over_commit": False}})


async def _dump(bench: Bench, given: dict[str, Any]) -> None:
    path = f"{COMPUTE}/servers/{given['server']}/action"
    await bench.ask("POST", path, {"trigger_crash_dump": None}, 202, openstack_api_version="compute 2.17")


async def _was_interrupted(bench: Bench, given: dict[str, Any]) -> None:
    assert guest_of(bench, await show(bench, given["server"])).interrupts >= 1


CASES = {
    "live_migration": Case("live_migrate", _at_home, _live, _moved("ACTIVE", "running", left=0), {}),
    # The guest at the old host goes when that host comes back.
    "evacuation": Case("evacuate_server", _with_host_down, _evacuate, _moved("SHUTOFF", "stopped", left=1), {"running": False}),
    "crash_dump": Case("trigger_crash_dump", running, _dump, _was_interrupted, {}, forward=True),
}


@pytest.mark.parametrize(
    ("case", "trial"), [pytest.param(case, trial, id=f"{name}-{trial}") for name, case in CASES.items() for trial in trials(case)]
)
def test_workflow(bench: Bench, case: Case, trial: Trial) -> None:
    bench.put(case, trial)
