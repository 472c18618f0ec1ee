"""The consoles of the guests of one simulated host: a screen, and a serial line with a login prompt."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from monostack.agent.errors import CommandError
from monostack.agent.hypervisor import display
from monostack.core.streams import Stream, pipe

FIRST_PORT = 5900  # of VNC: display 0


class SimulatedConsoles:
    """Which guest has which display, and who looks at it."""

    def __init__(self) -> None:
        self._displays: dict[str, int] = {}  # of guests that are on, by server id
        self._viewers: dict[str, set[asyncio.Task[None]]] = {}

    def switch_on(self, server_id: str) -> None:
        """The guest boots: it gets the first display that is free."""
        taken = set(self._displays.values())
        self._displays[server_id] = next(number for number in range(len(taken) + 1) if number not in taken)

    def switch_off(self, server_id: str) -> None:
        """The guest is off: its display is free, and whoever looked at it is cut off."""
        self._displays.pop(server_id, None)
        for viewer in self._viewers.pop(server_id, ()):
            viewer.cancel()

    def address(self, server_id: str, kind: str) -> tuple[str, int]:
        """See Hypervisor.find_console."""
        if server_id not in self._displays:
            return "127.0.0.1", -1
        return "127.0.0.1", FIRST_PORT + self._displays[server_id] if kind == "vnc" else 0

    def open(self, server_id: str, kind: str, name: str, hostname: str) -> Stream:
        """See Hypervisor.open_console."""
        if server_id not in self._displays:
            raise CommandError("guest.not_running", f"the guest of server {server_id} is off")
        near, far = pipe()
        work: Coroutine[Any, Any, None] = display.show(far, name) if kind == "vnc" else _log_in(far, hostname)
        task = asyncio.create_task(work, name=f"{kind} console of {server_id}")
        viewers = self._viewers.setdefault(server_id, set())
        viewers.add(task)
        task.add_done_callback(viewers.discard)
        return near


async def _log_in(stream: Stream, hostname: str) -> None:
    """A login prompt that lets nobody in: it echoes what is typed, and answers each line."""
    prompt = f"\r\n{hostname} login: ".encode()
    try:
        await stream.send(prompt)
        while data := await stream.receive():
            for line in data.replace(b"\r\n", b"\r").replace(b"\n", b"\r").splitlines(keepends=True):
                await stream.send(line.rstrip(b"\r") + (b"\r\nLogin incorrect\r\n" + prompt if line.endswith(b"\r") else b""))
    finally:
        await stream.close()
