"""Pausing, suspending and what comes after, in every way it may go."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from harness import Bench, Case, Trial, trials
from servers import action, has, running


def _after(name: str) -> Callable[[Bench], Awaitable[dict[str, Any]]]:
    async def prepare(bench: Bench) -> dict[str, Any]:
        given = await running(bench)
        await action({name: None})(bench, given)
        await bench.rest()
        return given

    return prepare


CASES = {
    "pause": Case("pause_server", running, action({"pause": None}), has("PAUSED", "paused"), {}),
    "unpause": Case("unpause_server", _after("pause"), action({"unpause": None}), has("ACTIVE", "running"), {}),
    "suspend": Case("suspend_server", running, action({"suspend": None}), has("SUSPENDED", "stopped"), {}),
    "resume": Case("resume_server", _after("suspend"), action({"resume": None}), has("ACTIVE", "running"), {}),
}


@pytest.mark.parametrize(
    ("case", "trial"), [pytest.param(case, trial, id=f"{name}-{trial}") for name, case in CASES.items() for trial in trials(case)]
)
def test_workflow(bench: Bench, case: Case, trial: Trial) -> None:
    bench.put(case, trial)
