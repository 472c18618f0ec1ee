"""The metadata service over a socket: what it answers, and what it does not put up with."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest

from monostack.agent.metadata import Listener, MetadataService, Source, service
from monostack.protocol import Report
from monostack.protocol.guests import InstanceMetadata

KNOWN = Source("server-1", InstanceMetadata({"uuid": "server-1"}, {}, {"hostname": "one"}))


class Desk:
    """A listener on loopback."""

    def __init__(self, source: Source | None) -> None:
        self.reports: list[Report] = []
        self.service = MetadataService(self.reports.append)
        self.listener = Listener(self.service, lambda address: source if address == "127.0.0.1" else None)
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.port = self.socket.getsockname()[1]

    async def talk(self, data: bytes) -> bytes:
        """Send octets; everything that comes back until the service hangs up."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        with contextlib.suppress(ConnectionError):
            writer.write(data)
            await writer.drain()
        answer = b""
        with contextlib.suppress(ConnectionError):
            while chunk := await asyncio.wait_for(reader.read(65536), 20):
                answer += chunk
        writer.close()
        return answer

    async def ask(self, method: str, path: str, body: bytes = b"", *headers: str) -> tuple[int, dict[str, str], bytes]:
        lines = [f"{method} {path} HTTP/1.1", "Host: x", "Connection: close", f"Content-Length: {len(body)}", *headers]
        head, _, content = (await self.talk("\r\n".join([*lines, "", ""]).encode() + body)).partition(b"\r\n\r\n")
        first, *rest = head.decode().split("\r\n")
        return int(first.split()[1]), {name.lower(): value for name, value in (line.split(": ", 1) for line in rest)}, content


@contextlib.asynccontextmanager
async def desk(source: Source | None = KNOWN) -> AsyncIterator[Desk]:
    made = Desk(source)
    await made.listener.start(made.socket)
    try:
        yield made
    finally:
        await made.listener.close()


def run(scenario: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(scenario())


def test_documents_and_refusals() -> None:
    async def scenario() -> None:
        async with desk() as at:
            status, headers, body = await at.ask("GET", "/latest/meta-data/hostname?x=1")
            assert (status, body) == (200, b"one")
            assert headers["content-type"] == "text/plain; charset=UTF-8"
            assert headers["content-length"] == "3"
            assert await at.ask("HEAD", "/latest/meta-data/hostname") == (200, headers, b"")
            assert (await at.ask("GET", "/nope"))[0] == 404
            assert (await at.ask("GET", "/nope", b"", "Accept: application/json"))[1]["content-type"] == "application/json"
        async with desk(None) as at:
            assert (await at.ask("GET", "/latest/meta-data/hostname"))[0] == 404
            assert (await at.ask("POST", "/openstack/latest/password", b"x"))[0] == 404

    run(scenario)


def test_a_password_once() -> None:
    async def scenario() -> None:
        async with desk() as at:
            path = "/openstack/latest/password"
            assert await at.ask("GET", path) == (
                200,
                {"content-type": "text/html; charset=UTF-8", "content-length": "0", "connection": "close"},
                b"",
            )
            assert (await at.ask("PUT", path, b"x"))[0] == 400
            assert (await at.ask("POST", path, b"x" * 1021))[2] == b"400 Bad Request\n\nRequest is too large.\n\n   "
            assert (await at.ask("POST", path, b"\xff\xfe"))[0] == 400
            assert at.reports == []
            assert (await at.ask("POST", path, b"x" * 1020))[0] == 200
            assert (await at.ask("POST", path, b"y"))[0] == 409
            assert (await at.ask("GET", path))[2] == b"x" * 1020
            assert [(report.kind, report.data) for report in at.reports] == [
                ("metadata.password", {"server_id": "server-1", "password": "x" * 1020})
            ]
            at.service.keep(set())
            assert (await at.ask("GET", path))[2] == b"", "the server is gone, and its password with it"

    run(scenario)


def test_a_password_the_controller_knows() -> None:
    async def scenario() -> None:
        known = InstanceMetadata({}, {}, {}, password="kept")
        async with desk(Source("server-1", known)) as at:
            assert (await at.ask("GET", "/openstack/latest/password"))[2] == b"kept"
            assert (await at.ask("POST", "/openstack/latest/password", b"new"))[0] == 409

    run(scenario)


def test_one_connection_for_several_requests() -> None:
    async def scenario() -> None:
        async with desk() as at:
            first = b"GET /latest/meta-data/hostname HTTP/1.1\r\nHost: x\r\n\r\n"
            last = b"GET /latest HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
            answer = await at.talk(first + last)
            assert answer.count(b"HTTP/1.1 200 OK") == 2
            assert b"one" in answer and answer.endswith(b"meta-data/")

    run(scenario)


def test_a_client_that_waits_to_be_told_to_go_on() -> None:
    async def scenario() -> None:
        async with desk() as at:
            reader, writer = await asyncio.open_connection("127.0.0.1", at.port)
            head = ["POST /openstack/latest/password HTTP/1.1", "Host: x", "Content-Length: 1", "Expect: 100-continue", "Connection: close"]
            writer.write("\r\n".join([*head, "", ""]).encode())
            assert (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20)).startswith(b"HTTP/1.1 100")
            writer.write(b"x")
            assert (await asyncio.wait_for(reader.read(), 20)).startswith(b"HTTP/1.1 200")
            writer.close()

    run(scenario)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 40_000 + b"\r\n\r\n", b"431"),
        (b"POST /openstack/latest/password HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\n" + b"x" * 200_000, b"400"),
    ],
)
def test_nonsense_and_excess(data: bytes, status: bytes) -> None:
    async def scenario() -> None:
        async with desk() as at:
            answer = await at.talk(data)
            # What is cut off while it still sends may lose the answer.
            assert answer.split()[1:2] == [status] or (not answer and len(data) > service.MAX_HEAD)
            assert (await at.ask("GET", "/latest/meta-data/hostname"))[2] == b"one", "others are served on"
            assert at.reports == []

    run(scenario)


def test_a_guest_that_says_nothing_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "CONNECTION_SECONDS", 0.2)

    async def scenario() -> None:
        async with desk() as at:
            assert await at.talk(b"GET /latest") == b""

    run(scenario)


def test_connections_of_one_guest_are_bounded() -> None:
    async def scenario() -> None:
        async with desk() as at:
            held = [await asyncio.open_connection("127.0.0.1", at.port) for _ in range(service.MAX_CONNECTIONS_OF_ONE)]
            # Accepted in order: each of these is being served before the next is looked at.
            assert await at.talk(b"GET /latest HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n") == b""
            for _, writer in held:
                writer.close()
            for _ in range(200):
                if await at.talk(b"GET /latest HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"):
                    return
                await asyncio.sleep(0.05)
            raise AssertionError("its place is not given back")

    run(scenario)
