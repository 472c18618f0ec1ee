"""The channel to an agent in the same process: the semantics of a connection, without TLS and JSON."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Literal, Protocol

from monostack.agentlink.session import HostUnreachable, Session
from monostack.core import ids
from monostack.core.streams import Stream, pipe
from monostack.protocol import Command, Hello, Report, Result

RECONNECT = (0.05, 0.5)  # seconds until an agent dials again: at least, at most


class LocalAgent(Protocol):
    """What this needs of an agent."""

    host: str

    async def hello(self) -> Hello: ...

    async def handle(self, command: Command) -> Result: ...

    def reach(self, dial: Callable[[str], Awaitable[Stream]] | None) -> None: ...

    def subscribe(self, sink: Callable[[Report], None] | None) -> None: ...


class Interference(Protocol):
    """A bad network on demand."""

    async def on_the_way(self, host: str, command: Command) -> Literal["request", "answer", "disconnect"] | None:
        """What is lost of a command; may take its time."""
        ...


class Registry(Protocol):
    """Where sessions are announced (Hosts)."""

    def arrived(self, session: Session) -> None: ...

    def left(self, session: Session) -> None: ...

    def reported(self, session: Session, report: Report) -> None: ...

    def dialled(self, host: str, stream_id: str, stream: Stream) -> bool: ...


class LocalLink:
    """Connects one agent of this process, breaks off and connects again."""

    def __init__(self, hosts: Registry, agent: LocalAgent, interference: Interference | None = None) -> None:
        self._hosts = hosts
        self.agent = agent
        self._interference = interference
        self._session: Session | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def connect(self) -> None:
        """Does nothing while connected."""
        if self._session is not None:
            return
        session = self._session = Session(await self.agent.hello(), self._send)
        self._hosts.arrived(session)
        self.agent.reach(self._dial)
        self.agent.subscribe(lambda report: self._hosts.reported(session, report))

    def disconnect(self, *, reconnect: bool = True) -> None:
        """Break the connection: what is under way goes on at the agent, its answer is lost. Dials again as an agent does."""
        session, self._session = self._session, None
        if session is None:
            return
        self.agent.subscribe(None)
        self.agent.reach(None)
        self._hosts.left(session)
        if reconnect:
            self._spawn(self._reconnect())

    async def _dial(self, stream_id: str) -> Stream:
        near, far = pipe()
        if not self._hosts.dialled(self.agent.host, stream_id, far):
            raise ConnectionRefusedError(f"nobody waits for the stream {stream_id}")
        return near

    async def _reconnect(self) -> None:
        least, most = RECONNECT
        await asyncio.sleep(least + (most - least) * ids.random_int(16) / 65535)
        await self.connect()

    async def _send(self, command: Command) -> None:
        session = self._session
        if session is None:
            raise HostUnreachable(self.agent.host)
        self._spawn(self._deliver(session, command))

    async def _deliver(self, session: Session, command: Command) -> None:
        lost = await self._interference.on_the_way(self.agent.host, command) if self._interference is not None else None
        if lost == "disconnect":
            self.disconnect()
        if lost in ("disconnect", "request"):
            return
        result = await self.agent.handle(command)
        if lost != "answer" and self._session is session:
            session.answered(result)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
