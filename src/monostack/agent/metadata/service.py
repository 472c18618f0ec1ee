"""The HTTP service at 169.254.169.254: who asks is known by the address and by the network it asks from.

Guests are not trusted: connections, their number for one guest, their life, and what they may send are bounded.
"""

import asyncio
import contextlib
import logging
import socket
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import NamedTuple

import h11

from monostack.agent.metadata.documents import NotFound, PasswordPage, Place, Text, devices_of, located, look_up
from monostack.agent.metadata.faults import page
from monostack.protocol import Report
from monostack.protocol.guests import InstanceMetadata

log = logging.getLogger(__name__)

MAX_PASSWORD = 4 * 255  # octets, as Nova keeps them
MAX_HEAD = 16 * 1024  # octets of a request's line and headers
MAX_BODY = 64 * 1024  # octets that are read, so that the answer can be, before the connection is closed
MAX_CONNECTIONS = 256  # of one listener
MAX_CONNECTIONS_OF_ONE = 16  # of one address at a listener
CONNECTION_SECONDS = 30.0  # after which a connection ends, whatever is going on


class Source(NamedTuple):
    """Who asks."""

    server_id: str
    metadata: InstanceMetadata


Resolve = Callable[[str], Source | None]
Locate = Callable[[str], Awaitable[Mapping[str, Place]]]  # where a server has its devices


class Answer(NamedTuple):
    status: HTTPStatus
    content_type: str
    body: bytes


class MetadataService:
    """What all listeners of a host share. `report` takes what guests tell: `metadata.password` {server_id, password}."""

    def __init__(self, report: Callable[[Report], None], locate: Locate | None = None) -> None:
        self._report = report
        self._locate = locate
        self._posted: dict[str, str] = {}  # passwords that the controller has not sent back yet

    def keep(self, servers: set[str]) -> None:
        """Forget about servers other than these."""
        self._posted = {server: password for server, password in self._posted.items() if server in servers}

    async def told(self, source: Source | None) -> Source | None:
        """Who asks, with where its devices are now."""
        if source is None or self._locate is None or not devices_of(source.metadata):
            return source
        return source._replace(metadata=located(source.metadata, await self._locate(source.server_id)))

    def answer(self, source: Source | None, method: str, path: str, body: bytes, accept: str) -> Answer:
        """What a request is answered. The method matters for the password only, as with Nova."""
        if source is None:
            return _refuse(HTTPStatus.NOT_FOUND, accept)
        try:
            found = look_up(source.metadata, path)
        except NotFound:
            return _refuse(HTTPStatus.NOT_FOUND, accept)
        if isinstance(found, PasswordPage):
            return self._password(source.server_id, found, method, body, accept)
        assert isinstance(found, Text)
        return Answer(HTTPStatus.OK, found.content_type, found.body)

    def _password(self, server_id: str, found: PasswordPage, method: str, body: bytes, accept: str) -> Answer:
        known = found.value or self._posted.get(server_id, "")
        if method == "GET":
            return Answer(HTTPStatus.OK, "text/html; charset=UTF-8", known.encode())
        if method != "POST":
            return _refuse(HTTPStatus.BAD_REQUEST, accept, "GET and POST only are supported.")
        if known:
            return _refuse(HTTPStatus.CONFLICT, accept)
        if len(body) > MAX_PASSWORD:
            return _refuse(HTTPStatus.BAD_REQUEST, accept, "Request is too large.")
        try:
            password = body.decode()
        except UnicodeDecodeError:
            return _refuse(HTTPStatus.BAD_REQUEST, accept, "The password is not text in UTF-8.")
        if password:
            self._posted[server_id] = password
            self._report(Report(kind="metadata.password", data={"server_id": server_id, "password": password}))
        return Answer(HTTPStatus.OK, "text/html; charset=UTF-8", b"")


def _refuse(status: HTTPStatus, accept: str, explanation: str = "") -> Answer:
    return Answer(status, *page(status, accept, explanation))


class Listener:
    """One socket, in the namespace where certain networks' guests come in. `resolve` says who has an address there."""

    def __init__(self, service: MetadataService, resolve: Resolve) -> None:
        self._service = service
        self._resolve = resolve
        self._server: asyncio.Server | None = None
        self._open: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, listening: socket.socket) -> None:
        """Serve a bound socket, from now on the listener's."""
        self._server = await asyncio.start_server(self._connected, sock=listening, limit=MAX_HEAD)

    async def close(self) -> None:
        """Close the socket and cut off who is connected."""
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = writer.get_extra_info("peername")
        address = str(peer[0]) if peer else ""
        if self._open.total() >= MAX_CONNECTIONS or self._open[address] >= MAX_CONNECTIONS_OF_ONE:
            writer.transport.abort()
            return
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._open[address] += 1
        try:
            # A guest that hangs up, stalls or talks nonsense is its own affair.
            with contextlib.suppress(OSError, TimeoutError, h11.ProtocolError):
                async with asyncio.timeout(CONNECTION_SECONDS):
                    await self._converse(reader, writer, address)
        finally:
            self._tasks.discard(task)
            self._open[address] -= 1
            if not self._open[address]:
                del self._open[address]
            if writer.transport.get_write_buffer_size():
                writer.transport.abort()
            else:
                writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, address: str) -> None:
        """Answer one request after the other."""
        connection = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD)
        while True:
            try:
                request, body = await _read(connection, reader, writer)
            except h11.RemoteProtocolError as error:
                if connection.our_state in (h11.IDLE, h11.SEND_RESPONSE):
                    status = HTTPStatus(error.error_status_hint)
                    await _send(connection, writer, _refuse(status, "", f"{error}."))
                return
            if request is None:
                return
            method, path = request.method.decode("latin-1"), request.target.decode("latin-1").partition("?")[0]
            accept = next((value.decode("latin-1") for name, value in request.headers if name == b"accept"), "")
            source = await self._service.told(self._resolve(address))
            answer = self._service.answer(source, method, path, body, accept)
            log.debug("%s %s for %s: %d", method, path, address, answer.status)
            await _send(connection, writer, answer, with_body=method != "HEAD")
            if connection.our_state is not h11.DONE or connection.their_state is not h11.DONE:
                return
            connection.start_next_cycle()


async def _read(connection: h11.Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[h11.Request | None, bytes]:
    """One request; of its body no more is kept than tells that it is too large. None: the guest has no more requests."""
    request, body, total = None, b"", 0
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            if connection.they_are_waiting_for_100_continue:
                writer.write(connection.send(h11.InformationalResponse(status_code=100, headers=[])) or b"")
            connection.receive_data(await reader.read(MAX_HEAD))
        elif isinstance(event, h11.Request):
            request = event
        elif isinstance(event, h11.Data):
            total += len(event.data)
            body = (body + bytes(event.data))[: MAX_PASSWORD + 1]
            if total > MAX_BODY:
                return request, body
        elif isinstance(event, h11.EndOfMessage):
            return request, body
        else:
            return None, b""


async def _send(connection: h11.Connection, writer: asyncio.StreamWriter, answer: Answer, *, with_body: bool = True) -> None:
    headers = [("content-type", answer.content_type), ("content-length", str(len(answer.body)))]
    if connection.their_state is not h11.DONE:
        headers.append(("connection", "close"))
    response = h11.Response(status_code=answer.status, headers=headers, reason=answer.status.phrase.encode())
    data = [h11.Data(data=answer.body)] if with_body and answer.body else []
    writer.write(b"".join(connection.send(event) or b"" for event in [response, *data, h11.EndOfMessage()]))
    await writer.drain()
