"""An event loop on which time is virtual: it stands still while anything is to be done, and then jumps to the next timer.

Work that would go to threads runs at once on the loop, so that a run depends on nothing but its seed.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from monostack.core import clock, ids

START = 1_800_000_000.0  # seconds since the epoch: January 2027


class VirtualLoop(asyncio.SelectorEventLoop):
    """`time()` is seconds since the loop was made."""

    def __init__(self) -> None:
        self._virtual = 0.0
        super().__init__()

    def time(self) -> float:
        return self._virtual

    def _run_once(self) -> None:
        if not self._ready and self._scheduled:
            self._virtual = max(self._virtual, self._scheduled[0]._when)
        super()._run_once()

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except BaseException as error:  # noqa: BLE001 - whoever awaits it gets it
            future.set_exception(error)
        return future


def run(seed: int, scenario: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a scenario on virtual time, with ids that follow from the seed."""
    loop = VirtualLoop()
    ids.seed(seed)
    clock.use(now=lambda: START + loop.time(), monotonic=loop.time)
    try:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(scenario())
    finally:
        ids.seed(None)
        clock.use()
