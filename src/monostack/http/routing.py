"""Routes: declared beside their handlers, compiled into one router per service.

routes = Routes("/v2.1")

@routes.post("/servers", policy="os_compute_api:servers:create", body=CREATE, status=202)
def create_server(request, tx): ...
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from falcon.routing import CompiledRouter

from monostack.http.answers import Version, declared
from monostack.http.schema import Schema

Mode = Literal["read", "write", "async"]


@dataclass(frozen=True, slots=True)
class Route:
    """One operation of the API.

    mode "read" and "write": `handler(request, tx)` runs in a transaction. "async": `await handler(request)` runs on the loop and opens
    transactions itself (`request.db`): for bodies that stream and for work that is slow. `prepare` is awaited before the
    transaction of a read or write route; what it returns is `request.prepared`.
    `policy` names the rule that the handler asks (for the documents and for the proof of who may do what); with `enforce` the kernel
    itself asks it before the handler, for the caller's own project. `body` is the body's schema, or several by the microversion they
    hold from. `answers` are the schemas of what it answers when it succeeds, by status; None: not said yet.
    """

    method: str
    path: str
    handler: Callable[..., Any]
    mode: Mode
    status: int = 200
    policy: str | None = None
    enforce: bool = False
    public: bool = False
    body: tuple[tuple[Version, Schema], ...] = ()
    query: tuple[tuple[Version, Schema], ...] = ()
    since: Version | None = None
    until: Version | None = None
    prepare: Callable[..., Any] | None = None
    raw_body: bool = False  # the handler reads the body itself
    body_document: Mapping[str, Any] | None = None  # the schema of a body that the handler checks in words of its own, for the documents
    max_body: int | None = None
    summary: str = ""
    answers: Mapping[int, Any] | None = None
    actions: "Mapping[str, Sequence[Route]] | None" = None  # what the body's only key chooses among (http.actions), for the documents

    def serves(self, version: Version | None) -> bool:
        if version is None:
            return True
        return (self.since is None or version >= self.since) and (self.until is None or version <= self.until)


def _by_version(schema: Any) -> tuple[tuple[Version, Schema], ...]:
    """Accepts None, one JSON schema, or a list of (since, JSON schema); newest first, so that the first that holds is taken."""
    if schema is None:
        return ()
    entries: Sequence[tuple[Version, dict[str, Any]]] = [((0, 0), cast(dict[str, Any], schema))] if isinstance(schema, dict) else schema
    return tuple(sorted(((since, Schema(one)) for since, one in entries), key=lambda entry: entry[0], reverse=True))


@dataclass(slots=True)
class Routes:
    """The routes of one resource module, below a common path prefix."""

    prefix: str = ""
    entries: list[Route] = field(default_factory=list[Route])

    def add(
        self,
        method: str,
        path: str,
        handler: Callable[..., Any],
        mode: Mode,
        *,
        body: Any = None,
        query: Any = None,
        answer: Any = None,
        **options: Any,
    ) -> None:
        """`answer` is the schema of what it answers with its status, NOTHING, or Answers by status (http.answers)."""
        doc = (handler.__doc__ or "").strip().split("\n", 1)[0]
        schemas = {"body": _by_version(body), "query": _by_version(query), "answers": declared(answer, options.get("status", 200), method)}
        self.entries.append(Route(method, self.prefix + path, handler, mode, summary=doc, **schemas, **options))

    def _decorator(self, method: str, path: str, mode: Mode, options: dict[str, Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        def register(handler: Callable[..., Any]) -> Callable[..., Any]:
            self.add(method, path, handler, options.pop("mode", mode), **options)
            return handler

        return register

    def get(self, path: str, **options: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        return self._decorator("GET", path, "read", options)

    def head(self, path: str, **options: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        return self._decorator("HEAD", path, "read", options)

    def post(self, path: str, **options: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        return self._decorator("POST", path, "write", options)

    def put(self, path: str, **options: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        return self._decorator("PUT", path, "write", options)

    def patch(self, path: str, **options: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        return self._decorator("PATCH", path, "write", options)

    def delete(self, path: str, **options: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        return self._decorator("DELETE", path, "write", {"status": 204, **options})


class Router:
    """Finds the routes of a path: Falcon's compiled router (parameters at one level of a path must have the same name)."""

    def __init__(self, routes: Sequence[Route]) -> None:
        by_path: dict[str, dict[str, list[Route]]] = {}
        for route in routes:
            by_path.setdefault(route.path, {}).setdefault(route.method, []).append(route)
        self._router = CompiledRouter()
        for path, methods in by_path.items():
            self._router.add_route(path or "/", _Methods(methods))

    def find(self, path: str) -> tuple[dict[str, list[Route]], dict[str, str]] | None:
        """The routes by method and the path's parameters, or None."""
        found: Any = self._router.find(path)
        return None if found is None else (found[0].methods, found[2])


class _Methods:
    """What Falcon keeps for a path. It looks for responders by the name on_<method>; ours is a table, so it has none to find."""

    __slots__ = ("methods",)

    def __init__(self, methods: dict[str, list[Route]]) -> None:
        self.methods = methods
