"""A client of the application itself, without sockets: requests run on the caller's loop."""

import asyncio
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import unquote


class Answer:
    def __init__(self, status: int, headers: dict[str, str], content: bytes) -> None:
        self.status = status
        self.headers = headers
        self.content = content

    @property
    def text(self) -> str:
        return self.content.decode(errors="replace")

    def json(self) -> Any:
        return json.loads(self.content)


async def call(
    app: Any, method: str, path: str, token: str | None = None, body: Any = None, content: bytes | None = None, **headers: str
) -> Answer:
    """Send one request and wait for its answer. `content` is sent as it is, `body` as JSON."""
    data = content if content is not None else json.dumps(body).encode() if body is not None else b""
    kind = "application/octet-stream" if content is not None else "application/json"
    lines = {
        "host": "127.0.0.1",
        "content-length": str(len(data)),
        "content-type": kind,
        **{k.replace("_", "-"): v for k, v in headers.items()},
    }
    if token:
        lines["x-auth-token"] = token
    return await send(app, method, path, lines.items(), data)


async def send(app: Any, method: str, target: str, headers: Iterable[tuple[str, str]], content: bytes) -> Answer:
    """Send one request as it is and wait for its answer. `target` is the path and the query as they stand in a request line."""
    path, _, query = target.partition("?")
    sent: list[dict[str, Any]] = []
    unread = [{"type": "http.request", "body": content, "more_body": False}]

    async def receive() -> dict[str, Any]:
        if not unread:
            await asyncio.get_running_loop().create_future()  # the client stays until it has its answer
        return unread.pop()

    async def take(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": method,
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(k.lower().encode(), v.encode()) for k, v in headers],
        "client": ("127.0.0.1", 1),
        "scheme": "http",
    }
    await app(scope, receive, take)
    answered = {k.decode(): v.decode() for k, v in sent[0]["headers"]}
    return Answer(sent[0]["status"], answered, b"".join(m.get("body", b"") for m in sent[1:]))


async def log_in(app: Any, state_dir: Path) -> str:
    """A token of the first administrator for the project admin."""
    user = {"name": "admin", "domain": {"id": "default"}, "password": (state_dir / "admin-password").read_text().strip()}
    scope = {"project": {"name": "admin", "domain": {"id": "default"}}}
    body = {"auth": {"identity": {"methods": ["password"], "password": {"user": user}}, "scope": scope}}
    answer = await call(app, "POST", "/identity/v3/auth/tokens", body=body)
    assert answer.status == 201, answer.content
    return answer.headers["x-subject-token"]
