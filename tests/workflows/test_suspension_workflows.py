"""Pausing, suspending, rescuing, and what comes after, in every way it may go."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from harness import COMPUTE, Bench, Case, Trial, trials
from servers import action, guest_of, has, running, show, stopped


def _after(name: str) -> Callable[[Bench], Awaitable[dict[str, Any]]]:
    async def prepare(bench: Bench) -> dict[str, Any]:
        given = await running(bench)
        await _act(name)(bench, given)
        await bench.rest()
        return given

    return prepare


def _act(name: str) -> Any:
    return _rescue if name == "rescue" else action({name: None})


async def _rescue(bench: Bench, given: dict[str, Any]) -> None:
    await bench.ask("POST", f"{COMPUTE}/servers/{given['server']}/action", {"rescue": None}, 200)


async def _is_rescued(bench: Bench, given: dict[str, Any]) -> None:
    await has("RESCUE", "running")(bench, given)
    assert guest_of(bench, await show(bench, given["server"])).rescue == bench.image


async def _is_whole(bench: Bench, given: dict[str, Any]) -> None:
    await has("ACTIVE", "running")(bench, given)
    assert guest_of(bench, await show(bench, given["server"])).rescue is None


async def _unrescue(bench: Bench, given: dict[str, Any]) -> None:
    """Made again after a failure: a server in ERROR is rescued first, as its owner would."""
    if (await show(bench, given["server"]))["status"] == "ERROR":
        await _rescue(bench, given)
        await bench.rest()
    await action({"unrescue": None})(bench, given)


CASES = {
    "pause": Case("pause_server", running, action({"pause": None}), has("PAUSED", "paused"), {}),
    "unpause": Case("unpause_server", _after("pause"), action({"unpause": None}), has("ACTIVE", "running"), {}),
    "suspend": Case("suspend_server", running, action({"suspend": None}), has("SUSPENDED", "stopped"), {}),
    "resume": Case("resume_server", _after("suspend"), action({"resume": None}), has("ACTIVE", "running"), {}),
    "rescue": Case("rescue_server", running, _rescue, _is_rescued, {}),
    "rescue_of_a_stopped_server": Case("rescue_server", stopped, _rescue, _is_rescued, {}),
    "unrescue": Case("unrescue_server", _after("rescue"), _unrescue, _is_whole, {}, forward=True),
}


@pytest.mark.parametrize(
    ("case", "trial"), [pytest.param(case, trial, id=f"{name}-{trial}") for name, case in CASES.items() for trial in trials(case)]
)
def test_workflow(bench: Bench, case: Case, trial: Trial) -> None:
    bench.put(case, trial)
