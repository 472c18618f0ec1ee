"""Keeping deleted servers and bringing them back, in every way it may go."""

from typing import Any

import pytest
from harness import COMPUTE, Bench, Case, Trial, trials
from servers import again, has, running, show


async def _keeping(bench: Bench) -> dict[str, Any]:
    bench.settings["compute.reclaim_instance_interval"] = 3600
    await bench.kill()
    await bench.start()
    return await running(bench)


async def _delete(bench: Bench, given: dict[str, Any]) -> None:
    await bench.ask("DELETE", f"{COMPUTE}/servers/{given['server']}", expect=204)


async def _kept(bench: Bench) -> dict[str, Any]:
    given = await _keeping(bench)
    await _delete(bench, given)
    await bench.rest()
    return given


async def _restore(bench: Bench, given: dict[str, Any]) -> None:
    """After a failure the server is in ERROR: an administrator says it is well, and it is deleted again first."""
    if (await show(bench, given["server"]))["status"] == "ERROR":
        await again({"os-stop": None})(bench, given)
        await bench.rest()
        await _delete(bench, given)
        await bench.rest()
    await bench.ask("POST", f"{COMPUTE}/servers/{given['server']}/action", {"restore": None}, 202)


CASES = {
    "soft_delete": Case("soft_delete_server", _keeping, _delete, has("SOFT_DELETED", "stopped"), {}, forward=True),
    "restore": Case("restore_server", _kept, _restore, has("ACTIVE", "running"), {}, forward=True),
}


@pytest.mark.parametrize(
    ("case", "trial"), [pytest.param(case, trial, id=f"{name}-{trial}") for name, case in CASES.items() for trial in trials(case)]
)
def test_workflow(bench: Bench, case: Case, trial: Trial) -> None:
    bench.put(case, trial)
