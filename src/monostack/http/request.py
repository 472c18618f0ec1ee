"""One HTTP request, as handlers see it."""

import copy
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from urllib.parse import parse_qsl

import msgspec

from monostack.core.context import ANONYMOUS, Caller
from monostack.core.errors import BadRequest, Forbidden, PolicyNotAuthorized, TooLarge, UnsupportedMediaType

if TYPE_CHECKING:
    from monostack.db import Database
    from monostack.http.routing import Route
    from monostack.http.service import Service

_decode = msgspec.json.Decoder().decode
T = TypeVar("T", bound=Mapping[str, Any])
CHUNK = 1 << 20
# PostgreSQL's texts hold every character but this one. Within JSON it can only stand as an escape that is not itself escaped.
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


class Enforcer(Protocol):
    """Decides by the policies of one service; of many targets those that are allowed."""

    def allows(self, name: str, creds: Any, target: Any) -> bool: ...
    def allowed(self, name: str, creds: Any, targets: Iterable[T]) -> list[T]: ...


class Request:
    """Everything a handler may know of the call.

    `params` are the path's parameters, `query` the query string's pairs in order, `body` the decoded JSON (None if there is none),
    `microversion` the negotiated (major, minor) or None where the service has none, `caller` who is asking.
    `cloud` is the composition root's context (configuration, hosts, operations); handlers of plain resources never need it.
    """

    __slots__ = (
        "_query_map",
        "_receive",
        "app_url",
        "body",
        "caller",
        "cloud",
        "db",
        "enforcer",
        "headers",
        "method",
        "microversion",
        "params",
        "path",
        "peer",
        "prepared",
        "query",
        "query_string",
        "request_id",
        "response_headers",
        "route",
        "scheme",
        "service",
        "token",
    )

    def __init__(self, scope: Mapping[str, Any], receive: Callable[[], Awaitable[Any]], request_id: str) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.scheme: str = scope.get("scheme", "http")
        self.peer: str = (scope.get("client") or ("",))[0]
        self.headers: dict[str, str] = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
        self.query_string: str = scope["query_string"].decode("latin-1")
        self.query: list[tuple[str, str]] = parse_qsl(self.query_string, keep_blank_values=True) if self.query_string else []
        self._query_map: dict[str, str] | None = None
        self._receive = receive
        self.request_id = request_id
        self.params: dict[str, str] = {}
        self.body: Any = None
        self.prepared: Any = None  # what the route's `prepare` step returned
        self.caller: Caller = ANONYMOUS
        self.token: str | None = None
        self.microversion: tuple[int, int] | None = None
        self.response_headers: dict[str, str] = {}
        self.app_url = ""  # scheme://host[:port], as the client sees the cloud
        self.db: Database
        self.cloud: Any = None
        self.service: Service
        self.route: Route | None = None
        self.enforcer: Enforcer

    # --- what was asked ----------------------------------------------------------------------------------------------

    @property
    def query_map(self) -> dict[str, str]:
        """The query parameters by name; of a repeated one the last."""
        if self._query_map is None:
            self._query_map = dict(self.query)
        return self._query_map

    def query_all(self, name: str) -> list[str]:
        return [value for key, value in self.query if key == name]

    @property
    def service_url(self) -> str:
        """Where the service lives, without a trailing slash: `http://host:8780/compute`."""
        return self.app_url + self.service.prefix

    def at_least(self, major: int, minor: int) -> bool:
        """The negotiated microversion is this one or newer."""
        return self.microversion is not None and self.microversion >= (major, minor)

    # --- who may ---------------------------------------------------------------------------------------------------

    def allows(self, rule: str, target: Mapping[str, Any] | None = None) -> bool:
        """Does the caller pass the policy rule for this target? Without a target: the caller's own project and user."""
        creds = self.caller.creds()
        if target is None:
            target = {"project_id": creds["project_id"], "user_id": creds["user_id"], "tenant_id": creds["project_id"]}
        return self.enforcer.allows(rule, creds, target)

    def allowed(self, rule: str, targets: Iterable[T]) -> list[T]:
        """Those of the targets for which the caller passes the policy rule."""
        return self.enforcer.allowed(rule, self.caller.creds(), targets)

    def authorize(self, rule: str, target: Mapping[str, Any] | None = None) -> None:
        """Raises PolicyNotAuthorized unless `allows`; the service's dialect words it."""
        if not self.allows(rule, target):
            raise PolicyNotAuthorized(rule, self.service.dialect.forbidden(rule, self) if self.service.dialect.forbidden else None)

    @property
    def project_id(self) -> str:
        """The project the token is scoped to; Forbidden when it is not scoped to one."""
        if self.caller.project_id is None:
            raise Forbidden("This call needs a token scoped to a project.")
        return self.caller.project_id

    # --- other services ----------------------------------------------------------------------------------------------

    def to(
        self, service: str, body: Any = None, params: Mapping[str, str] | None = None, query: Sequence[tuple[str, str]] = ()
    ) -> "Request":
        """The same caller's request to another service of the cloud: its policies decide, at its oldest microversion."""
        request = copy.copy(self)
        request.service = next(each for each in self.cloud.services if each.type == service)
        request.enforcer = self.cloud.enforcers[service]
        spec = request.service.microversions
        request.microversion = spec.minimum if spec is not None else None
        request.body, request.params, request.query = body, dict(params or {}), list(query)
        request._query_map = None
        return request

    # --- the body ----------------------------------------------------------------------------------------------------

    async def chunks(self, limit: int | None = None) -> AsyncIterator[bytes]:
        """The body as it arrives. Raises TooLarge past `limit` bytes, and ConnectionError when the client goes away."""
        total = 0
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ConnectionError("the client closed the connection before the body was complete")
            data: bytes = message.get("body", b"")
            total += len(data)
            if limit is not None and total > limit:
                raise TooLarge(f"The request body is larger than {limit} bytes.")
            if data:
                yield data
            if not message.get("more_body"):
                return

    async def wait_gone(self) -> None:
        """Return once the client has closed the connection. For answers that stream, after the body was read."""
        while (await self._receive())["type"] != "http.disconnect":
            continue

    async def read(self, limit: int) -> bytes:
        """The whole body, at most `limit` bytes."""
        declared = self.headers.get("content-length")
        if declared is not None and declared.isdigit() and int(declared) > limit:
            raise TooLarge(f"The request body is larger than {limit} bytes.")
        parts = [chunk async for chunk in self.chunks(limit)]
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _is_typed(self) -> bool:
        """Does the body say that it is what the service reads? Raises UnsupportedMediaType when it says that it is something else."""
        known = self.service.dialect.content_types
        given = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        if known and given and given not in known:
            raise UnsupportedMediaType("Unsupported Content-Type")
        return bool(given) or not known

    async def read_json(self, limit: int) -> None:
        """Read the body and decode it into `body`; empty is None."""
        data = await self.read(limit)
        if not data or not self._is_typed():
            return
        if _NUL.search(data):
            raise BadRequest("The body contains the character U+0000, which cannot be kept.", kind="MalformedRequestBody")
        try:
            self.body = _decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise BadRequest(self.service.dialect.malformed_json, kind="MalformedRequestBody", detail=str(error)) from None
