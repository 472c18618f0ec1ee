"""The file that packets are written down in, a line each, as the kernel tells of them."""

import asyncio
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from monostack.agent.network.linux import nflog
from monostack.agent.network.linux.packet_text import describe
from monostack.agent.threads import in_thread
from monostack.core import clock

log = logging.getLogger(__name__)


class PacketLogFile:
    """Hears the kernel while there is something to be logged. `most`: a file of so many octets makes room for a new one, and is kept as
    `<name>.1` in place of the one before.
    """

    def __init__(self, path: Path, most: int) -> None:
        self._path = path
        self._most = most
        self._known: Mapping[str, str] = {}
        self._hearing: asyncio.Task[None] | None = None

    async def follow(self, known: Mapping[str, str], listen: Callable[[], Awaitable[socket.socket]]) -> None:
        """Write down packets by what the kernel says beside them, and no others. `listen` opens the kernel's log; raises OSError."""
        self._known = known
        if not known:
            await self.close()
        elif self._hearing is None or self._hearing.done():
            self._hearing = asyncio.create_task(self._hear(await listen()), name="packet log")

    async def close(self) -> None:
        if self._hearing is not None:
            self._hearing.cancel()
            await asyncio.gather(self._hearing, return_exceptions=True)
            self._hearing = None

    async def _hear(self, wire: socket.socket) -> None:
        with wire:
            while True:
                try:
                    datagram = await asyncio.get_running_loop().sock_recv(wire, nflog.LARGEST)
                    await in_thread(self._write, self._lines(datagram))
                except OSError as error:  # packets came quicker than they were read, or there is no room for them
                    log.warning("packets are missing in %s: %s", self._path, error)
                    await asyncio.sleep(1)

    def _lines(self, datagram: bytes) -> list[str]:
        now = clock.now().isoformat(timespec="milliseconds")
        told = [(self._known.get(packet.prefix), packet) for packet in nflog.packets(datagram)]
        return [f"{now}Z {about} pkt={describe(*packet[1:])}\n" for about, packet in told if about is not None]

    def _write(self, lines: list[str]) -> None:
        if not lines:
            return
        if self._path.exists() and self._path.stat().st_size >= self._most:
            self._path.replace(self._path.with_name(self._path.name + ".1"))
        with open(self._path, "a", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
            file.writelines(lines)
