"""Where agents dial in: WebSockets over mutual TLS.

| path      | certificate | what for                                     |
|-----------|-------------|----------------------------------------------|
| /agent    | needed      | the channel: protocol.envelope               |
| /stream/… | needed      | a stream the host was asked to dial          |
| /renew    | needed      | a new certificate for the same host          |
| /enrol    | none        | the first certificate, for a one-time token  |
| /ca.pem   | none        | the authority's certificate, by plain GET    |
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from monostack.agentlink.authority import Authority
from monostack.agentlink.enrolment import Enrolment
from monostack.agentlink.hosts import Hosts
from monostack.agentlink.session import HostUnreachable, Session
from monostack.protocol import MAX_MESSAGE, VERSION, Command, Hello, Report, Result, decode, encode
from monostack.protocol.enrolment import Enrol, Refused
from monostack.protocol.websocket import WebSocketStream

log = logging.getLogger(__name__)

FIRST_MESSAGE_WITHIN = 30.0  # seconds after a host connected
MAX_STRANGERS = 32  # connections without a certificate at one time
MAX_STRANGER_MESSAGE = 64 * 1024  # bytes
PROTOCOL_ERROR, POLICY_VIOLATION, TRY_AGAIN_LATER = 1002, 1008, 1013  # RFC 6455, 7.4.1 and its registry

STREAM = "/stream/"

Allowed = Callable[[str], Awaitable[bool]]


class Listener:
    """Takes in agents and hands their sessions to `hosts`. `allowed` is asked for each connection: a removed host is refused."""

    def __init__(self, hosts: Hosts, authority: Authority, enrolment: Enrolment, allowed: Allowed) -> None:
        self._hosts = hosts
        self._authority = authority
        self._enrolment = enrolment
        self._allowed = allowed
        self._server: Server | None = None
        self._strangers = 0

    async def start(self, address: str, port: int) -> int:
        """Listen, and return the port (of the system's choice when `port` is 0)."""
        self._server = await serve(
            self._handle,
            address,
            port,
            ssl=self._authority.server_context(),
            process_request=self._admit,
            compression=None,
            max_size=MAX_MESSAGE,
            ping_interval=20,
            ping_timeout=40,
            server_header=None,
        )
        return self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        """Answers what is not to become a WebSocket."""
        if request.path == "/ca.pem":
            return connection.respond(HTTPStatus.OK, self._authority.pem.decode())
        if request.path == "/enrol":
            if self._strangers >= MAX_STRANGERS:
                return connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, "Too many hosts are enrolling: try again later.\n")
            connection.protocol.max_message_size = MAX_STRANGER_MESSAGE
            return None
        if request.path not in ("/agent", "/renew") and not request.path.startswith(STREAM):
            return connection.respond(HTTPStatus.NOT_FOUND, "There is no such path.\n")
        host = _host_of(connection)
        if host is None:
            return connection.respond(HTTPStatus.UNAUTHORIZED, "A certificate of this cloud's authority is needed.\n")
        if not await self._allowed(host):
            return connection.respond(HTTPStatus.FORBIDDEN, f"Host {host} is not part of this cloud.\n")
        return None

    async def _handle(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        try:
            if connection.request.path == "/enrol":
                await self._enrol(connection)
            elif connection.request.path.startswith(STREAM):
                await self._stream(connection, connection.request.path.removeprefix(STREAM))
            elif connection.request.path == "/renew":
                await self._sign(connection, lambda request: self._enrolment.renew(request, _host_of(connection) or ""))
            else:
                await self._serve(connection)
        except ConnectionClosed as closed:
            log.info("connection from %s closed: %s", connection.remote_address, closed)

    async def _enrol(self, connection: ServerConnection) -> None:
        self._strangers += 1
        try:
            await self._sign(connection, self._enrolment.enrol)
        finally:
            self._strangers -= 1

    async def _sign(self, connection: ServerConnection, sign: Callable[[Enrol], Awaitable[msgspec.Struct]]) -> None:
        try:
            async with asyncio.timeout(FIRST_MESSAGE_WITHIN):
                request = msgspec.json.decode(await connection.recv(), type=Enrol)
        except TimeoutError:
            await connection.close(POLICY_VIOLATION, "no request within 30 seconds")
            return
        except (msgspec.ValidationError, msgspec.DecodeError) as error:
            answer: msgspec.Struct = Refused(f"this is not a request: {error}")
        else:
            answer = await sign(request)
        await connection.send(msgspec.json.encode(answer))

    async def _stream(self, connection: ServerConnection, stream_id: str) -> None:
        stream = WebSocketStream(connection)
        if not self._hosts.dialled(_host_of(connection) or "", stream_id, stream):
            await connection.close(POLICY_VIOLATION, "nobody waits for this stream")
            return
        await stream.ended()

    async def _serve(self, connection: ServerConnection) -> None:
        host = _host_of(connection)
        try:
            async with asyncio.timeout(FIRST_MESSAGE_WITHIN):
                hello = decode(await connection.recv())
        except (TimeoutError, msgspec.ValidationError, msgspec.DecodeError) as error:
            await connection.close(PROTOCOL_ERROR, _short(f"no hello: {error or 'nothing within 30 seconds'}"))
            return
        if not isinstance(hello, Hello) or hello.host != host:
            await connection.close(POLICY_VIOLATION, _short(f"the certificate is for {host}"))
            return
        if hello.protocol != VERSION:
            await connection.close(TRY_AGAIN_LATER, f"this controller speaks protocol {VERSION}, the agent {hello.protocol}")
            return
        session = Session(
            hello, _sender(connection, hello.host), hang_up=connection.transport.abort, address=connection.remote_address[0]
        )
        self._hosts.arrived(session)
        try:
            await self._listen(connection, session)
        finally:
            self._hosts.left(session)

    async def _listen(self, connection: ServerConnection, session: Session) -> None:
        async for data in connection:
            try:
                message = decode(data)
            except (msgspec.ValidationError, msgspec.DecodeError) as error:
                await connection.close(PROTOCOL_ERROR, _short(str(error)))
                return
            match message:
                case Result():
                    session.answered(message)
                case Report():
                    self._hosts.reported(session, message)
                case _:
                    await connection.close(PROTOCOL_ERROR, "an agent sends results and reports")
                    return


def _sender(connection: ServerConnection, host: str) -> Callable[[Command], Awaitable[None]]:
    async def send(command: Command) -> None:
        try:
            await connection.send(encode(command))
        except ConnectionClosed:
            raise HostUnreachable(host) from None

    return send


def _host_of(connection: ServerConnection) -> str | None:
    """The common name of the certificate the connection was made with."""
    certificate: Mapping[str, Any] = connection.transport.get_extra_info("peercert") or {}
    subject: Iterable[Iterable[tuple[str, str]]] = certificate.get("subject", ())
    for part in subject:
        for name, value in part:
            if name == "commonName":
                return value
    return None


def _short(reason: str) -> str:
    """A reason for closing has at most 123 bytes (RFC 6455, 5.5)."""
    return reason.encode()[:123].decode(errors="ignore")
