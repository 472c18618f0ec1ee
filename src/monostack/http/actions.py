"""`POST .../action`: one URL for many operations, told apart by the only key of the body.

An action is declared as a route is, by its name instead of a path: from which microversion on, which body, and whether its handler runs in
a transaction or on the event loop.

    actions = Actions()
    actions.add("os-extend", extend, body=EXTEND, policy="volume:extend")
    actions.mount(routes, "/{id}/action")
"""

from collections.abc import Callable, Collection
from typing import Any, cast

from monostack.core.errors import BadRequest, NotBuilt, NotFound
from monostack.http.answers import NOTHING, REFUSED
from monostack.http.request import Request
from monostack.http.response import Response
from monostack.http.routing import Mode, Route, Routes


class Actions:
    """The actions of one kind of resource. `known` are those that OpenStack has and that are not served.

    `unknown` words the refusal of a name that OpenStack does not have either.
    """

    def __init__(self, known: Collection[str] = (), unknown: str = "There is no such action: {name}") -> None:
        self.entries: dict[str, list[Route]] = {}
        self._known = frozenset(known)
        self._unknown = unknown

    def add(
        self, name: str, handler: Callable[..., Any], *, mode: Mode = "write", status: int = 202, answer: Any = NOTHING, **options: Any
    ) -> None:
        """An action that does not say what it answers has no body to answer."""
        routes = Routes("")
        routes.add("POST", name, handler, mode, status=status, answer=answer, **options)
        self.entries.setdefault(name, []).extend(routes.entries)

    def action(self, name: str, **options: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Decorates a handler."""

        def register(handler: Callable[..., Any]) -> Callable[..., Any]:
            self.add(name, handler, **options)
            return handler

        return register

    def mount(self, routes: Routes, path: str, **options: Any) -> None:
        """Serve the actions at a path; whoever adds one later is served, too."""
        routes.add("POST", path, self.dispatch, "async", actions=self.entries, status=202, answer=REFUSED, **options)

    def _find(self, request: Request) -> Route:
        if not isinstance(request.body, dict):  # pyright: ignore[reportUnknownMemberType]
            raise BadRequest("Malformed request body")
        body = cast("dict[str, Any]", request.body)  # pyright: ignore[reportUnknownMemberType]
        if len(body) != 1:
            raise BadRequest("Malformed request body")
        name = next(iter(body))
        routes = self.entries.get(name)
        if routes is None:
            if name in self._known:
                raise NotBuilt(f"The action {name} is not implemented.")
            raise BadRequest(self._unknown.format(name=name))
        for route in routes:
            if route.serves(request.microversion):
                return route
        raise NotFound("The resource could not be found.")

    async def dispatch(self, request: Request) -> Response:
        """Act on a resource."""
        route = self._find(request)
        version = request.microversion or (0, 0)
        schema = next((schema for since, schema in route.body if version >= since), None)
        dialect = request.service.dialect
        error = schema.error(request.body, first=dialect.first_error) if schema is not None else None
        if error is not None:
            raise dialect.invalid(error, request)
        if route.mode == "async":
            result = await route.handler(request)
        else:
            run = request.db.write if route.mode == "write" else request.db.read
            result = await run(lambda tx: route.handler(request, tx))
        return result if isinstance(result, Response) else Response(result, route.status)
