"""The agent's side of the channel: dials the controller, and dials again for as long as it is told to."""

import asyncio
import contextlib
import logging
import random
import ssl
from collections.abc import Callable
from pathlib import Path

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from monostack.agent import identity
from monostack.agent.agent import MAX_BACKLOG, Agent
from monostack.core.streams import Stream
from monostack.protocol import MAX_MESSAGE, Command, Report, decode, encode
from monostack.protocol.enrolment import CONTROLLER_NAME
from monostack.protocol.websocket import WebSocketStream

log = logging.getLogger(__name__)

BACKOFF = (0.5, 30.0)  # seconds between attempts: the first, and the longest
STEADY = 60.0  # seconds after which a connection counts as good and the back-off begins anew


class Link:
    """Connects `agent` to the controller at `url` (wss://host:port) with the certificate in `tls_dir`."""

    def __init__(self, agent: Agent, url: str, tls_dir: Path) -> None:
        self._agent = agent
        self._url = url.rstrip("/")
        self._tls_dir = tls_dir
        self._answers: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Stay connected until cancelled."""
        least, most = BACKOFF
        wait = least
        while True:
            began = asyncio.get_running_loop().time()
            try:
                await self._connect_once()
            except (OSError, ssl.SSLError, InvalidHandshake, ConnectionClosed, TimeoutError, identity.EnrolmentError) as error:
                log.warning("controller %s: %s: %s", self._url, type(error).__name__, error)
            if asyncio.get_running_loop().time() - began > STEADY:
                wait = least
            # Jitter: a thousand agents that lost one controller must not come back in the same instant.
            await asyncio.sleep(wait * random.uniform(0.5, 1.0))
            wait = min(wait * 2, most)

    async def _connect_once(self) -> None:
        if identity.is_due(self._tls_dir):
            await identity.renew(self._url, self._tls_dir)
            log.info("certificate of host %s renewed", self._agent.host)
        context = identity.client_context(self._tls_dir)
        async with connect(
            self._url + "/agent",
            ssl=context,
            server_hostname=CONTROLLER_NAME,
            proxy=None,
            compression=None,
            max_size=MAX_MESSAGE,
            open_timeout=20,
            ping_interval=20,
            ping_timeout=40,
        ) as connection:
            await connection.send(encode(await self._agent.hello()))
            log.info("connected to controller %s", self._url)
            reports: asyncio.Queue[Report] = asyncio.Queue(MAX_BACKLOG)
            teller = asyncio.create_task(self._tell(connection, reports))
            self._agent.subscribe(_into(reports))
            self._agent.reach(self._dial)
            try:
                await self._listen(connection)
            finally:
                self._agent.subscribe(None)
                self._agent.reach(None)
                teller.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await teller

    async def _dial(self, stream_id: str) -> Stream:
        """A stream to the controller, which waits for it. Raises OSError."""
        try:
            connection = await connect(
                f"{self._url}/stream/{stream_id}",
                ssl=identity.client_context(self._tls_dir),
                server_hostname=CONTROLLER_NAME,
                proxy=None,
                compression=None,
                open_timeout=20,
            )
        except (InvalidHandshake, ConnectionClosed, TimeoutError) as error:
            raise ConnectionError(f"{type(error).__name__}: {error}") from None
        return WebSocketStream(connection)

    async def _listen(self, connection: ClientConnection) -> None:
        async for data in connection:
            try:
                message = decode(data)
            except (msgspec.ValidationError, msgspec.DecodeError) as error:
                await connection.close(1002, str(error)[:100])
                return
            if not isinstance(message, Command):
                await connection.close(1002, "a controller sends commands")
                return
            task = asyncio.create_task(self._answer(connection, message))
            self._answers.add(task)
            task.add_done_callback(self._answers.discard)
        log.warning("controller %s closed the connection: %s %s", self._url, connection.close_code, connection.close_reason)

    async def _answer(self, connection: ClientConnection, command: Command) -> None:
        result = await self._agent.handle(command)
        try:
            await connection.send(encode(result))
        except ConnectionClosed:
            log.info("the answer to %s %s was not sent: the controller will ask again", command.name, command.id)

    async def _tell(self, connection: ClientConnection, reports: asyncio.Queue[Report]) -> None:
        while True:
            report = await reports.get()
            try:
                await connection.send(encode(report))
            except ConnectionClosed:
                return


def _into(reports: asyncio.Queue[Report]) -> Callable[[Report], None]:
    def put(report: Report) -> None:
        if reports.full():  # the controller does not keep up: it will read the states themselves (guest.list)
            reports.get_nowait()
        reports.put_nowait(report)

    return put
