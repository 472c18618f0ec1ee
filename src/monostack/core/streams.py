"""Streams of bytes, whatever carries them, and joining two of them."""

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any, Protocol, TypeVar

T = TypeVar("T")

CHUNK = 65536  # bytes read at one time


class Stream(Protocol):
    """One end of a stream. Both directions end together."""

    async def receive(self) -> bytes:
        """The next bytes; nothing at the end, and ever after."""
        ...

    async def send(self, data: bytes) -> None:
        """Returns when there is room for more. Does nothing once the stream has ended."""
        ...

    async def close(self) -> None: ...


async def relay(one: Stream, other: Stream) -> None:
    """Pass on what either says until one of them ends; then both are closed."""

    async def pump(source: Stream, sink: Stream) -> None:
        while data := await source.receive():
            await sink.send(data)

    pumps = [asyncio.create_task(pump(one, other)), asyncio.create_task(pump(other, one))]
    try:
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in pumps:
            task.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)
        await one.close()
        await other.close()


class SocketStream:
    """A connection of asyncio's."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def receive(self) -> bytes:
        try:
            return await self._reader.read(CHUNK)
        except ConnectionError:
            return b""

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        with contextlib.suppress(ConnectionError):  # the reader hears of it
            await self._writer.drain()

    async def close(self) -> None:
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()


class _PipeEnd:
    """An end of a stream within this process. What is sent waits until it is received."""

    def __init__(self, inbox: "asyncio.Queue[bytes]", outbox: "asyncio.Queue[bytes]", ended: asyncio.Event) -> None:
        self._inbox = inbox
        self._outbox = outbox
        self._ended = ended

    async def receive(self) -> bytes:
        if not self._inbox.empty():
            return self._inbox.get_nowait()
        return await self._unless_ended(self._inbox.get()) or b""

    async def send(self, data: bytes) -> None:
        if data:
            await self._unless_ended(self._outbox.put(data))

    async def _unless_ended(self, work: Coroutine[Any, Any, T]) -> T | None:
        task = asyncio.ensure_future(work)
        ended = asyncio.ensure_future(self._ended.wait())
        try:
            await asyncio.wait((task, ended), return_when=asyncio.FIRST_COMPLETED)
            return task.result() if task.done() else None
        finally:
            task.cancel()
            ended.cancel()

    async def close(self) -> None:
        self._ended.set()


def pipe() -> tuple[Stream, Stream]:
    """Both ends of a stream within this process."""
    there: asyncio.Queue[bytes] = asyncio.Queue(16)
    back: asyncio.Queue[bytes] = asyncio.Queue(16)
    ended = asyncio.Event()
    return _PipeEnd(back, there, ended), _PipeEnd(there, back, ended)
