"""What follows for many routes at once from the age of a client.

The API 2.0 at /compute/v2 is what 2.1 serves without microversions, for clients that know neither; unknown attributes are ignored.
Since 2.102 no list and no item takes query parameters that mean nothing, but for the few that Nova forgot.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from monostack.http import Route, Routes
from monostack.http.schema import Schema

_VERSION = (2, 0)
_STRICT = (2, 102)
_FORGOTTEN = frozenset((
    "/v2.1/os-quota-sets/{id}/defaults", "/v2.1/servers/{id}/os-volume_attachments/{key}",
    "/v2.1/servers/{id}/tags", "/v2.1/servers/{id}/tags/{key}",
))  # fmt: skip
_NO_QUERY = Schema({"type": "object", "properties": {}, "additionalProperties": False})


def _relaxed(schema: Any) -> Any:
    """A schema that lets unknown properties pass."""
    if isinstance(schema, list):
        return [_relaxed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    relaxed = {name: _relaxed(value) for name, value in schema.items()}
    if relaxed.get("additionalProperties") is False and "patternProperties" not in relaxed:
        del relaxed["additionalProperties"]
    if relaxed.get("format") == "name":
        relaxed["format"] = "name_with_leading_trailing_spaces"
    return relaxed


def _old(route: Route) -> Route:
    body = tuple(((0, 0), Schema(_relaxed(schema.document))) for since, schema in route.body if since <= _VERSION)
    query = tuple(((0, 0), schema) for since, schema in route.query if since <= _VERSION)
    return replace(route, path=route.path.replace("/v2.1", "/v2", 1), body=body, query=query)


def legacy(groups: Iterable[Routes]) -> Routes:
    """The routes of the old API, made from those of the new one."""
    old = Routes("")
    for group in groups:
        old.entries += [_old(route) for route in group.entries if route.path.startswith("/v2.1/") and route.serves(_VERSION)]
    return old


def strict(groups: Iterable[Routes]) -> Iterator[Routes]:
    """The routes, with those that read refusing unknown query parameters from 2.102 on."""
    for group in groups:
        yield Routes("", [_refusing(route) if _reads(route) else route for route in group.entries])


def _reads(route: Route) -> bool:
    return route.method == "GET" and not route.public and route.path not in _FORGOTTEN


def _refusing(route: Route) -> Route:
    latest: Any = route.query[0][1].document if route.query else None
    if latest is not None and latest.get("additionalProperties") is False:
        return route
    schema = _NO_QUERY if latest is None else Schema({**latest, "additionalProperties": False})
    return replace(route, query=((_STRICT, schema), *route.query))
