"""All hosts whose agents are connected, and how to ask them for something."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import msgspec

from monostack.agentlink.local import Interference, LocalAgent, LocalLink
from monostack.agentlink.session import CommandFailed, CommandTimeout, HostUnreachable, Session
from monostack.core import ids
from monostack.core.streams import Stream
from monostack.protocol import Command, Hello, Report

__all__ = ["CommandFailed", "CommandTimeout", "HostUnreachable", "Hosts"]

log = logging.getLogger(__name__)


class Hosts:
    """The connected hosts by name.

    Append plain functions to `on_connect` (host, hello), `on_disconnect` (host) and `on_report` (host, report); they are called on the
    event loop and must not block. A report says what a host believes: check that the server is that host's, then observe.
    """

    def __init__(self) -> None:
        self.on_connect: list[Callable[[str, Hello], None]] = []
        self.on_disconnect: list[Callable[[str], None]] = []
        self.on_report: list[Callable[[str, Report], None]] = []
        self._sessions: dict[str, Session] = {}
        self._local: dict[str, LocalLink] = {}
        self._awaited: dict[str, tuple[str, asyncio.Future[Stream]]] = {}  # streams hosts were asked for

    def connected(self) -> set[str]:
        return set(self._sessions)

    def is_connected(self, host: str) -> bool:
        return host in self._sessions

    def hello(self, host: str) -> Hello | None:
        """What the host said when it connected; None when it is not connected."""
        session = self._sessions.get(host)
        return session.hello if session is not None else None

    def address(self, host: str) -> str:
        """The IP address the host dialled from; "" when it is not connected."""
        session = self._sessions.get(host)
        return session.address if session is not None else ""

    async def call(self, host: str, name: str, args: msgspec.Struct | None, *, id: str, timeout: float) -> dict[str, Any]:  # noqa: ASYNC109
        """Have `host` carry out the command `name`, and return its result's data.

        `id` is the same whenever the same thing is asked for again. `timeout` is in seconds. Raises CommandFailed (the host could
        not), HostUnreachable (nothing was sent, or with `sent` the outcome is unknown) and CommandTimeout (the outcome is unknown).
        """
        session = self._sessions.get(host)
        if session is None:
            raise HostUnreachable(host)
        return await session.call(Command(id=id, name=name, args=msgspec.to_builtins(args) if args is not None else {}, timeout=timeout))

    async def open_stream(
        self, host: str, name: str, args: Callable[[str], msgspec.Struct], *, timeout: float  # noqa: ASYNC109
    ) -> Stream:
        """Have `host` dial a stream, by a command whose arguments name its id.

        Raises what `call` raises; CommandTimeout also when the host never dials.
        """
        stream_id = ids.new_hex()
        arrival: asyncio.Future[Stream] = asyncio.get_running_loop().create_future()
        self._awaited[stream_id] = host, arrival
        try:
            await self.call(host, name, args(stream_id), id=stream_id, timeout=timeout)
            async with asyncio.timeout(timeout):
                return await arrival
        except TimeoutError:
            raise CommandTimeout(host, Command(id=stream_id, name=name, args={}, timeout=timeout)) from None
        finally:
            del self._awaited[stream_id]

    def dialled(self, host: str, stream_id: str, stream: Stream) -> bool:
        """A host has dialled a stream. False: nobody waits for it from this host."""
        awaited, arrival = self._awaited.get(stream_id, ("", None))
        if arrival is None or arrival.done() or awaited != host:
            return False
        arrival.set_result(stream)
        return True

    def arrived(self, session: Session) -> None:
        """A connection is ready. An older one of the same host is dead, whether or not that was noticed."""
        former = self._sessions.get(session.host)
        if former is not None:
            self.left(former)
        self._sessions[session.host] = session
        self._tell(self.on_connect, session.host, session.hello)

    def left(self, session: Session) -> None:
        """A connection is gone. Told once, and only if it was the host's present one."""
        session.lost()
        if self._sessions.get(session.host) is session:
            del self._sessions[session.host]
            self._tell(self.on_disconnect, session.host)

    def reported(self, session: Session, report: Report) -> None:
        if self._sessions.get(session.host) is session:
            self._tell(self.on_report, session.host, report)

    async def attach_local(self, agent: LocalAgent, interference: Interference | None = None) -> LocalLink:
        """Connect an agent that runs in this process. `interference` loses messages and breaks the connection, as a network does."""
        link = LocalLink(self, agent, interference)
        await link.connect()
        self._local[agent.host] = link
        return link

    def local(self, host: str) -> LocalLink | None:
        """The link of an agent in this process."""
        return self._local.get(host)

    async def close(self) -> None:
        for link in self._local.values():
            link.disconnect(reconnect=False)
        self._local.clear()
        for session in list(self._sessions.values()):
            self.left(session)
        await asyncio.sleep(0)

    def _tell(self, listeners: list[Callable[..., None]], *what: Any) -> None:
        for listener in listeners:
            try:
                listener(*what)
            except Exception:  # one listener's fault must not cut off a host
                log.exception("listener %r failed", listener)
