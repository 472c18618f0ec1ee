"""What goes back: JSON for most, bytes or a stream for the rest."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import msgspec

_encode = msgspec.json.Encoder().encode


class Response:
    """`body` is a JSON value (encoded here), bytes, or an async iterator of bytes; None is an empty body."""

    __slots__ = ("content_type", "headers", "payload", "status", "stream")

    def __init__(
        self,
        body: Any = None,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        content_type: str = "application/json",
        stream: AsyncIterator[bytes] | None = None,
    ) -> None:
        self.status = status
        self.headers = dict(headers) if headers else {}
        self.stream = stream
        self.payload: bytes = b"" if body is None else body if isinstance(body, bytes) else _encode(body)
        self.content_type: str | None = content_type if (body is not None or stream is not None) else None
