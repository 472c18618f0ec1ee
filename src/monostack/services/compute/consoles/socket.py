"""The WebSocket of a console: whoever has its token is joined to the guest. Source: RFC 6455; as noVNC and websockify speak it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from monostack.agentlink import CommandFailed, CommandTimeout, HostUnreachable
from monostack.core.streams import relay
from monostack.protocol.guests import OpenConsole
from monostack.services.compute.consoles import tokens

if TYPE_CHECKING:
    from monostack.cloud import Cloud

log = logging.getLogger(__name__)

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_WITHIN = 20.0  # seconds a host has to join the console


class _Viewer:
    """The user's end, as ASGI has it."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._ended = False

    async def receive(self) -> bytes:
        while not self._ended:
            message = await self._receive()
            if message["type"] == "websocket.disconnect":
                self._ended = True
            elif data := message.get("bytes") or (message.get("text") or "").encode():
                return data
        return b""

    async def send(self, data: bytes) -> None:
        if not self._ended:
            await self._send({"type": "websocket.send", "bytes": data})

    async def close(self) -> None:
        if not self._ended:
            self._ended = True
            await self._send({"type": "websocket.close", "code": 1000})


class ConsoleSocket:
    """Serves the WebSockets of consoles of a cloud."""

    def __init__(self, cloud: "Cloud") -> None:
        self._cloud = cloud

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()  # websocket.connect
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        token = _token(scope["query_string"].decode("latin-1"), headers.get("cookie", ""))
        if not _is_own(headers, scope.get("scheme", "ws")) or not token:
            await send({"type": "websocket.close", "code": 1008})
            return
        found = await self._cloud.db.read(lambda tx: tokens.redeem(tx, token))
        if found is None:
            await send({"type": "websocket.close", "code": 1008})
            return
        kind = tokens.KINDS[found.console_type]
        try:
            stream = await self._cloud.hosts.open_stream(
                found.host, "guest.open_console", lambda id: OpenConsole(found.server_id, kind, id), timeout=_WITHIN
            )
        except (CommandFailed, CommandTimeout, HostUnreachable) as error:
            log.info("the %s console of server %s cannot be opened: %s", kind, found.server_id, error)
            await send({"type": "websocket.close", "code": 1011})
            return
        offered = scope.get("subprotocols") or ()
        await send({"type": "websocket.accept", "subprotocol": "binary" if "binary" in offered else None})
        viewer = _Viewer(receive, send)
        try:
            await relay(viewer, stream)
        except asyncio.CancelledError:
            await stream.close()
            raise


def _token(query: str, cookies: str) -> str:
    """From the query, or from the cookie that old noVNC sets."""
    given = parse_qs(query).get("token", [""])[-1]
    if given:
        return given
    for part in cookies.split(";"):
        try:
            cookie = SimpleCookie(part.strip())
        except CookieError:
            continue
        if "token" in cookie:
            given = cookie["token"].value
    return given


def _is_own(headers: Mapping[str, str], scheme: str) -> bool:
    """A browser says which page the script is from: only ours may open consoles. Other clients say nothing."""
    origin = headers.get("origin")
    if origin is None:
        return True
    page = urlsplit(origin)
    secure = headers.get("x-forwarded-proto", "https" if scheme == "wss" else "http")
    return page.hostname == urlsplit(f"//{headers.get('host', '')}").hostname and page.scheme == secure
