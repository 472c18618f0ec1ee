"""Reconcilers: each compares what the database wants with what there is and mends the difference.

A reconciler takes no input, so that running it once more is always right. It runs periodically and when signalled; signals
while it runs make it run once more.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

from monostack.core import clock

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reconciler:
    """`run(cloud)` every `every` seconds, and soon after a signal. A failing run is logged and tried again after `retry` seconds."""

    name: str
    run: Callable[[Any], Awaitable[None]]
    every: float = 60.0
    retry: float = 2.0
    delay: float = 0.0  # seconds to gather signals before a run


@dataclass(slots=True)
class Status:
    """What became of a reconciler's last run, for operators."""

    runs: int = 0
    failures: int = 0
    last_seconds: float = 0.0
    last_error: str = ""


class Driver:
    """Runs reconcilers, each in a task of its own."""

    def __init__(self, reconcilers: Iterable[Reconciler], cloud: Any) -> None:
        self.cloud = cloud
        self._all = {r.name: r for r in reconcilers}
        self._signals = {name: asyncio.Event() for name in self._all}
        self.status = {name: Status() for name in self._all}
        self._tasks: list[asyncio.Task[None]] = []

    def open(self) -> None:
        self._tasks = [asyncio.create_task(self._drive(r), name=f"reconcile:{r.name}") for r in self._all.values()]

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def signal(self, name: str) -> None:
        """Ask for a run soon. On the event loop; from a transaction: `tx.after_commit(lambda: driver.signal(name))`."""
        self._signals[name].set()

    async def run_once(self, name: str) -> None:
        """Run a reconciler now, in the caller's task; its errors are the caller's."""
        await self._all[name].run(self.cloud)

    async def _drive(self, reconciler: Reconciler) -> None:
        signal, status = self._signals[reconciler.name], self.status[reconciler.name]
        while True:
            pause = reconciler.every
            signal.clear()
            started = clock.monotonic()
            try:
                await reconciler.run(self.cloud)
                status.last_error = ""
            except Exception as error:
                log.exception("reconciler %s failed; trying again in %g s", reconciler.name, reconciler.retry)
                status.failures += 1
                status.last_error = f"{type(error).__name__}: {error}"
                pause = reconciler.retry
            status.runs += 1
            status.last_seconds = clock.monotonic() - started
            try:
                async with asyncio.timeout(pause):
                    await signal.wait()
                if reconciler.delay:
                    await asyncio.sleep(reconciler.delay)
            except TimeoutError:
                continue
