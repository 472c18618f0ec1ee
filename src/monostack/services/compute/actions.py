"""`POST .../action`: one URL for many operations, told apart by the only key of the body.

An action is declared as a route is, by its name instead of a path: from which microversion on, which body, and whether its handler runs in
a transaction or on the event loop.
"""

from collections.abc import Callable, Collection
from typing import Any

from monostack.core.errors import BadRequest, NotBuilt, NotFound
from monostack.http import Request, Response, Route, Routes


class Actions:
    """The actions of one kind of resource. `known` are those that OpenStack has and that are not served."""

    def __init__(self, known: Collection[str] = ()) -> None:
        self.entries: dict[str, list[Route]] = {}
        self._known = frozenset(known)

    def add(self, name: str, handler: Callable[..., Any], *, mode: str = "write", status: int = 202, **options: Any) -> None:
        routes = Routes("")
        routes.add("POST", name, handler, mode, status=status, **options)  # pyright: ignore[reportArgumentType]
        self.entries.setdefault(name, []).extend(routes.entries)

    def action(self, name: str, **options: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Decorates a handler."""

        def register(handler: Callable[..., Any]) -> Callable[..., Any]:
            self.add(name, handler, **options)
            return handler

        return register

    def _find(self, request: Request) -> Route:
        body = request.body
        if not isinstance(body, dict) or len(body) != 1:
            raise BadRequest("Malformed request body")
        name = next(iter(body))
        routes = self.entries.get(name)
        if routes is None:
            if name in self._known:
                raise NotBuilt(f"The action {name} is not implemented.")
            raise BadRequest(f"There is no such action: {name}")
        for route in routes:
            if route.serves(request.microversion):
                return route
        raise NotFound("The resource could not be found.")

    async def dispatch(self, request: Request) -> Response:
        """Act on a resource."""
        route = self._find(request)
        version = request.microversion or (0, 0)
        schema = next((schema for since, schema in route.body if version >= since), None)
        error = schema.error(request.body) if schema is not None else None
        if error is not None:
            raise request.service.dialect.invalid(error, request)
        if route.mode == "async":
            result = await route.handler(request)
        else:
            result = await request.db.write(lambda tx: route.handler(request, tx))
        return result if isinstance(result, Response) else Response(result, route.status)
