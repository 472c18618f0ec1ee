"""The screen of a simulated guest: a VNC server that speaks RFB 3.8 and shows a still picture. Source: RFC 6143."""

import struct

from monostack.core.streams import Stream

VERSION = b"RFB 003.008\n"
NO_PASSWORD = 1
WIDTH, HEIGHT = 320, 200
BACKGROUND = (0x20, 0x38, 0x60)  # red, green, blue

_PIXEL_FORMAT = struct.pack(">BBBBHHHBBB3x", 32, 24, 0, 1, 255, 255, 255, 16, 8, 0)
# The bytes of a client's message after its type; those of a variable length say how many more there are in their last two or four.
_LENGTHS = {0: 19, 2: 3, 3: 9, 4: 7, 5: 5, 6: 7}
_SET_PIXEL_FORMAT, _SET_ENCODINGS, _UPDATE, _CUT_TEXT = 0, 2, 3, 6
_MAX_TEXT = 1 << 20  # bytes of a clipboard


class _Ended(Exception):
    """The viewer left, or does not speak RFB."""


class _Reader:
    """Reads so many bytes at a time."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._held = b""

    async def take(self, count: int) -> bytes:
        while len(self._held) < count:
            data = await self._stream.receive()
            if not data:
                raise _Ended
            self._held += data
        taken, self._held = self._held[:count], self._held[count:]
        return taken


async def show(stream: Stream, name: str) -> None:
    """Serve one viewer until it leaves. `name` is the desktop's."""
    try:
        reader = _Reader(stream)
        await _shake_hands(stream, reader, name)
        await _answer(stream, reader)
    except _Ended:
        pass
    finally:
        await stream.close()


async def _shake_hands(stream: Stream, reader: _Reader, name: str) -> None:
    await stream.send(VERSION)
    if await reader.take(len(VERSION)) != VERSION:
        raise _Ended
    await stream.send(bytes((1, NO_PASSWORD)))
    if (await reader.take(1))[0] != NO_PASSWORD:
        reason = b"only the security type None is offered"
        await stream.send(struct.pack(">II", 1, len(reason)) + reason)
        raise _Ended
    await stream.send(struct.pack(">I", 0))
    await reader.take(1)  # shared or not: every viewer sees the same picture
    title = name.encode()
    await stream.send(struct.pack(">HH", WIDTH, HEIGHT) + _PIXEL_FORMAT + struct.pack(">I", len(title)) + title)


async def _answer(stream: Stream, reader: _Reader) -> None:
    pixel = _pixel(_PIXEL_FORMAT)
    while True:
        kind = (await reader.take(1))[0]
        if kind not in _LENGTHS:
            raise _Ended
        message = await reader.take(_LENGTHS[kind])
        if kind == _SET_PIXEL_FORMAT:
            pixel = _pixel(message[3:])
        elif kind == _SET_ENCODINGS:
            await reader.take(4 * struct.unpack(">xH", message)[0])
        elif kind == _CUT_TEXT:
            length = struct.unpack(">3xI", message)[0]
            if length > _MAX_TEXT:
                raise _Ended
            await reader.take(length)
        elif kind == _UPDATE:
            incremental, x, y, width, height = struct.unpack(">BHHHH", message)
            if not incremental:  # the picture never changes, so who has it hears no more
                await stream.send(_picture(pixel, x, y, min(width, WIDTH - x), min(height, HEIGHT - y)))


def _pixel(pixel_format: bytes) -> bytes:
    """One pixel of the background as the viewer wants it."""
    bits, _, big, true_colour, *rest = struct.unpack(">BBBBHHHBBB3x", pixel_format)
    if bits not in (8, 16, 32) or not true_colour:
        raise _Ended
    maxima, shifts = rest[:3], rest[3:]
    value = sum((part * most // 255) << shift for part, most, shift in zip(BACKGROUND, maxima, shifts, strict=True))
    return (value & (1 << bits) - 1).to_bytes(bits // 8, "big" if big else "little")


def _picture(pixel: bytes, x: int, y: int, width: int, height: int) -> bytes:
    """A part of the screen in the raw encoding."""
    width, height = max(width, 0), max(height, 0)
    return struct.pack(">BxHHHHHi", 0, 1, x, y, width, height, 0) + pixel * (width * height)
