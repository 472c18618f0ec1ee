"""Guests' consoles for users: each is a stream to the controller that this host dials when it is asked to."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from monostack.agent.errors import CommandError
from monostack.agent.hypervisor import Hypervisor
from monostack.core.streams import Stream, relay

log = logging.getLogger(__name__)

MAX_OPEN = 256  # consoles of one host at the same time
Dial = Callable[[str], Awaitable[Stream]]


class Consoles:
    """The consoles of one host's guests that are open."""

    def __init__(self, hypervisor: Hypervisor) -> None:
        self._hypervisor = hypervisor
        self._dial: Dial | None = None
        self._relays: set[asyncio.Task[None]] = set()

    def reach(self, dial: Dial | None) -> None:
        """How to open a stream of this id to the controller; None while there is no controller."""
        self._dial = dial

    async def open(self, server_id: str, kind: str, stream_id: str) -> None:
        """Join a guest's console to the controller's stream. Raises CommandError."""
        if self._dial is None:
            raise CommandError("console.unreachable", "the controller cannot be reached", retry=True)
        if len(self._relays) >= MAX_OPEN:
            raise CommandError("console.busy", f"{MAX_OPEN} consoles are open on this host", retry=True)
        near = await self._hypervisor.open_console(server_id, kind)
        try:
            far = await self._dial(stream_id)
        except OSError as error:
            await near.close()
            raise CommandError("console.unreachable", f"the controller does not take the console: {error}") from None
        task = asyncio.create_task(relay(near, far), name=f"{kind} console of {server_id}")
        self._relays.add(task)
        task.add_done_callback(self._relays.discard)

    async def close(self) -> None:
        for task in self._relays:
            task.cancel()
        await asyncio.gather(*self._relays, return_exceptions=True)
