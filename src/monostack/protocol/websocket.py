"""A stream of bytes over a WebSocket between agent and controller."""

from typing import Protocol

from websockets.exceptions import ConnectionClosed


class _Connection(Protocol):
    """What this needs of a connection, of either side."""

    async def recv(self) -> str | bytes: ...
    async def send(self, message: bytes, /) -> None: ...
    async def close(self) -> None: ...
    async def wait_closed(self) -> None: ...


class WebSocketStream:
    """See core.streams.Stream. Text is no part of the protocol and ends it."""

    def __init__(self, connection: "_Connection") -> None:
        self._connection = connection

    async def receive(self) -> bytes:
        try:
            data = await self._connection.recv()
        except ConnectionClosed:
            return b""
        return data if isinstance(data, bytes) else b""

    async def send(self, data: bytes) -> None:
        try:
            await self._connection.send(data)
        except ConnectionClosed:
            return  # receive() says so, too

    async def close(self) -> None:
        await self._connection.close()

    async def ended(self) -> None:
        """Return once the connection is closed."""
        await self._connection.wait_closed()
