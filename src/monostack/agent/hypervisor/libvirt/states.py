"""Which state each guest was asked to be in, so that only what nobody asked for is reported."""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from monostack.agent.errors import CommandError
from monostack.protocol.guests import GuestState

log = logging.getLogger(__name__)


class WantedStates:
    """Compares what libvirt tells with what commands wanted. `look` reads a guest's present state. Lives on the event loop."""

    def __init__(self, look: Callable[[str], Awaitable[GuestState | None]]) -> None:
        self._look = look
        self._wanted: dict[str, str] = {}
        self._busy: Counter[str] = Counter()
        self._missed: set[str] = set()
        self._looking: set[asyncio.Task[None]] = set()
        self.seen: Callable[[GuestState], None] = lambda state: None

    def found(self, states: list[GuestState]) -> None:
        """The states at the beginning: nobody is told of them."""
        for state in states:
            self._wanted.setdefault(state.server_id, state.state)

    @contextmanager
    def changing(self, server_id: str, to: str) -> Iterator[None]:
        """While a command brings a guest into the state `to`, what happens to it is its doing."""
        self._busy[server_id] += 1
        try:
            yield
            self._wanted[server_id] = to
        finally:
            self._busy[server_id] -= 1
            if not self._busy[server_id]:
                del self._busy[server_id]
                if server_id in self._missed:
                    self._missed.discard(server_id)
                    self.changed(server_id)

    def forget(self, server_id: str) -> None:
        self._wanted.pop(server_id, None)

    def changed(self, server_id: str) -> None:
        """libvirt told that a guest started or stopped."""
        if server_id in self._busy:
            self._missed.add(server_id)
        elif server_id in self._wanted:
            task = asyncio.get_running_loop().create_task(self._compare(server_id))
            self._looking.add(task)
            task.add_done_callback(self._looking.discard)

    async def _compare(self, server_id: str) -> None:
        try:
            state = await self._look(server_id)
        except CommandError as error:
            log.warning("the state of server %s cannot be read: %s", server_id, error)
            return
        if state is None or server_id in self._busy or self._wanted.get(server_id) in (None, state.state):
            return
        self._wanted[server_id] = state.state
        self.seen(state)

    async def close(self) -> None:
        for task in self._looking:
            task.cancel()
        await asyncio.gather(*self._looking, return_exceptions=True)
