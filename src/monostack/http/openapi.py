"""OpenAPI 3.1 of a service, from its routes: what is served is what is described."""

import re
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, cast

from monostack import __version__
from monostack.http.answers import ANYTHING, NOTHING, Documents, Media, Version
from monostack.http.microversions import text
from monostack.http.routing import Route
from monostack.http.service import Service

_PARAMETER = re.compile(r"\{(\w+)(?::[^}]*)?\}")


def _successes(route: Route) -> Iterator[tuple[int, Any]]:
    """Status and schema of every way in which an operation succeeds."""
    routes = [route, *(action for actions in (route.actions or {}).values() for action in actions)]
    for each in routes:
        declared = each.answers if each.answers is not None else {each.status: ANYTHING}
        for status, schema in declared.items():
            for one in cast("tuple[Any, ...]", schema) if isinstance(schema, tuple) else (schema,):
                yield status, one


def _content(schemas: list[Any], documents: Documents) -> dict[str, Any]:
    """The bodies of one status; several of them differ by the action that was asked for."""
    content: dict[str, Any] = {}
    bodies = [schema for schema in schemas if schema is not NOTHING and not isinstance(schema, Media)]
    if bodies:
        rendered: list[Any] = []
        for body in map(documents.render, bodies):
            if body not in rendered:
                rendered.append(body)
        content["application/json"] = {"schema": rendered[0] if len(rendered) == 1 else {"anyOf": rendered}}
    for schema in schemas:
        if isinstance(schema, Media):
            content[schema.content_type] = {}
    return {"content": content} if content else {}


def _responses(service: Service, route: Route, documents: Documents) -> dict[str, Any]:
    by_status: dict[int, list[Any]] = {}
    for status, schema in _successes(route):
        by_status.setdefault(status, []).append(schema)
    responses: dict[str, Any] = {
        str(status): {"description": HTTPStatus(status).phrase, **_content(schemas, documents)} for status, schemas in by_status.items()
    }
    fault = {"description": "A fault in the service's dialect", **_content([*service.dialect.faults], documents)}
    return responses | {"4XX": fault, "5XX": fault}


def _operation(service: Service, route: Route, documents: Documents) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": f"{route.method.lower()}{re.sub(r'[^0-9a-zA-Z]+', '_', route.path)}".rstrip("_"),
        "summary": route.summary,
        "tags": [service.type],
        "responses": _responses(service, route, documents),
    }
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in _PARAMETER.findall(route.path)
    ]
    if route.query:
        properties: dict[str, Any] = route.query[0][1].document.get("properties", {})
        parameters += [{"name": name, "in": "query", "schema": schema} for name, schema in properties.items()]
    if parameters:
        operation["parameters"] = parameters
    bodies = [body for routes in (route.actions or {}).values() for action in routes for body in action.body] or route.body
    schemas: list[Any] = [schema.document for _, schema in bodies] or ([route.body_document] if route.body_document else [])
    if schemas:
        content = {"schema": schemas[0] if len(schemas) == 1 else {"anyOf": schemas}}
        operation["requestBody"] = {"required": True, "content": {"application/json": content}}
    operation["security"] = [] if route.public else [{"token": []}]
    if route.policy:
        operation["x-policy"] = route.policy
    if route.since:
        operation["x-openstack-min-ver"] = text(route.since)
    if route.until:
        operation["x-openstack-max-ver"] = text(route.until)
    return operation


def _is_of(service: Service, route: Route, version: Version | None) -> bool:
    """Does the route answer at this microversion? Old APIs that know no header are of one microversion only."""
    if version is None or service.microversions is None:
        return True
    fixed = service.microversions.fixed
    bound = fixed.get(route.path.split("/", 2)[1]) if "/" in route.path else None
    return route.serves(version) and (bound == version if bound is not None else version not in fixed.values())


def describe(service: Service, version: Version | None = None) -> dict[str, Any]:
    """The document of one service, as it is at a microversion.

    Without one the newest of the routes that differ by microversion only is described, and properties say which microversions have them.
    """
    paths: dict[str, dict[str, Any]] = {}
    documents = Documents(version)
    routes = [route for group in service.routes for route in group.entries if _is_of(service, route, version)]
    for route in sorted(routes, key=lambda r: (r.path, r.method, r.since or (0, 0))):
        path = _PARAMETER.sub(r"{\1}", route.path) or "/"
        paths.setdefault(path, {})[route.method.lower()] = _operation(service, route, documents)
    return {
        "openapi": "3.1.0",
        "info": {"title": f"{service.name} as Monostack serves it", "version": __version__, "description": service.description},
        "servers": [{"url": service.prefix}],
        "paths": paths,
        "components": {
            "schemas": documents.components,
            "securitySchemes": {"token": {"type": "apiKey", "in": "header", "name": "X-Auth-Token"}},
        },
    }
