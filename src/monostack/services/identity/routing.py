"""What holds for every route of the service: HEAD answers as GET does, bodies are JSON, and writes tell that identity data changed."""

from dataclasses import replace
from typing import Any

from monostack.db import Transaction
from monostack.http import Request, Routes
from monostack.http.routing import Route
from monostack.services.identity.dialect import expecting
from monostack.services.identity.generation import changed


def finished(routes: Routes) -> Routes:
    """The routes as they are served."""
    entries = [_telling(route) if route.mode == "write" else route for route in routes.entries]
    own_heads = {route.path for route in entries if route.method == "HEAD"}
    heads = [replace(route, method="HEAD") for route in entries if route.method == "GET" and route.path not in own_heads]
    return Routes(routes.prefix, entries + heads)


def _telling(route: Route) -> Route:
    """A route that writes in a transaction tells of the change: none can forget to."""
    handler = route.handler

    def tell(request: Request, tx: Transaction) -> Any:
        require_json(request)
        answer = handler(request, tx)
        changed(tx, request)
        return answer

    return replace(route, handler=tell)


def require_json(request: Request) -> None:
    """A body that says it is something else, or is no JSON object, is refused."""
    if request.body is None:
        return
    declared = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if declared not in ("", "application/json"):
        raise expecting("application/json", "Content-Type header")
    if not isinstance(request.body, dict):
        raise expecting("valid JSON", "request body")
