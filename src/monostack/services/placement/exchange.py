"""What every call of Placement has in common: how bodies and queries are read, how answers are dated.

Placement checks who may do something, then what it is done to, and only then the body: bodies are therefore read before the transaction
but judged inside the handlers.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import wraps
from typing import Any

from monostack.core import clock
from monostack.core.errors import BadRequest, NotAcceptable, UnsupportedMediaType
from monostack.db import Transaction
from monostack.http import Request, Response, Routes
from monostack.http.pages import accepted
from monostack.http.routing import Version
from monostack.http.schema import Schema
from monostack.services.placement.dialect import invalid_body, invalid_query

Schemas = Sequence[tuple[Version, Schema]]  # newest first: the first whose version is reached holds
JSON = "application/json"


def by_version(*schemas: tuple[Version, dict[str, Any]]) -> Schemas:
    return tuple((since, Schema(document)) for since, document in sorted(schemas, key=lambda entry: entry[0], reverse=True))


def _of(request: Request, schemas: Schemas) -> Schema:
    return next(schema for since, schema in schemas if request.at_least(*since))


async def receive(request: Request) -> bytes:
    """The body of a call that must be JSON, not yet decoded. A route's `prepare`."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip()
    if not media_type and request.headers.get("content-length", "0") not in ("", "0"):
        raise BadRequest("content-type header required when content-length > 0")
    if media_type != JSON:
        raise UnsupportedMediaType(f"The media type {media_type or 'None'} is not supported, use {JSON}")
    return await request.read(request.service.max_body)


def body(request: Request, schemas: Schemas) -> Any:
    """The body, decoded and checked by the schema of the microversion. Raises BadRequest."""
    try:
        document = json.loads(request.prepared)
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"Malformed JSON: {error}") from None
    error = _of(request, schemas).error(document)
    if error is not None:
        raise invalid_body(error, request)
    return document


def query(request: Request, schemas: Schemas) -> dict[str, str]:
    """The parameters of the query string, of repeated ones the last, checked by the schema of the microversion."""
    error = _of(request, schemas).error(request.query_map)
    if error is not None:
        raise invalid_query(error, request)
    return request.query_map


def dated(request: Request, document: Any, when: str | None = "now", *, status: int = 200, location: str | None = None) -> Response:
    """An answer with the time of what it shows (`when`, as in the database; None: there is none) from microversion 1.15 on."""
    headers: dict[str, str] = {}
    if location is not None:
        headers["location"] = request.service_url + location
    if request.at_least(1, 15):
        headers["cache-control"] = "no-cache"
        if when is not None:
            moment = clock.now() if when == "now" else datetime.fromisoformat(when)
            headers["last-modified"] = format_datetime(moment.replace(tzinfo=UTC), usegmt=True)
    return Response(document, status, headers)


def link(request: Request, path: str) -> str:
    """A link inside the service, without scheme and host."""
    return request.service.prefix + path


def _wants_json(handler: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(handler)
    def call(request: Request, tx: Transaction) -> Any:
        if not accepted(request, JSON):
            raise NotAcceptable("Only application/json is provided")
        return handler(request, tx)

    return call


def served(group: Routes) -> Routes:
    """Routes as Placement serves them: what is shown is JSON, and so is what is sent."""
    made = []
    for route in group.entries:
        if route.method == "GET" and route.status == 200 and not route.public:
            route = replace(route, handler=_wants_json(route.handler))
        elif route.method in ("PUT", "POST") and not route.raw_body:
            route = replace(route, prepare=receive, raw_body=True)
        made.append(route)
    return Routes(group.prefix, made)
