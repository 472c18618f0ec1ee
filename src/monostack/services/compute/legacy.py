"""The API 2.0 at /compute/v2: what 2.1 serves without microversions, for clients that know neither; unknown attributes are ignored."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from monostack.http import Route, Routes
from monostack.http.schema import Schema

_VERSION = (2, 0)


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
