"""A client of the application itself, without sockets: requests run on the caller's loop."""

import json
from pathlib import Path
from typing import Any


class Answer:
    def __init__(self, status: int, headers: dict[str, str], content: bytes) -> None:
        self.status = status
        self.headers = headers
        self.content = content

    def json(self) -> Any:
        return json.loads(self.content)


async def call(
    app: Any, method: str, path: str, token: str | None = None, body: Any = None, content: bytes | None = None, **headers: str
) -> Answer:
    """Send one request and wait for its answer. `content` is sent as it is, `body` as JSON."""
    path, _, query = path.partition("?")
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
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": data, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": query.encode(),
        "headers": [(k.encode(), v.encode()) for k, v in lines.items()],
        "client": ("127.0.0.1", 1),
        "scheme": "http",
    }
    await app(scope, receive, send)
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
