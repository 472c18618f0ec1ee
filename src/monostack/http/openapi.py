"""OpenAPI 3.1 of a service, from its routes: what is served is what is described."""

import re
from typing import Any

from monostack import __version__
from monostack.http.microversions import text
from monostack.http.routing import Route
from monostack.http.service import Service

_PARAMETER = re.compile(r"\{(\w+)(?::[^}]*)?\}")


def _operation(service: Service, route: Route) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": f"{route.method.lower()}{re.sub(r'[^0-9a-zA-Z]+', '_', route.path)}".rstrip("_"),
        "summary": route.summary,
        "tags": [service.type],
        "responses": {str(route.status): {"description": "Success"}, "default": {"description": "A fault in the service's dialect"}},
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


def describe(service: Service) -> dict[str, Any]:
    """The document of one service. Of routes that differ by microversion only, the newest is described."""
    paths: dict[str, dict[str, Any]] = {}
    routes = [route for group in service.routes for route in group.entries]
    for route in sorted(routes, key=lambda r: (r.path, r.method, r.since or (0, 0))):
        path = _PARAMETER.sub(r"{\1}", route.path) or "/"
        paths.setdefault(path, {})[route.method.lower()] = _operation(service, route)
    return {
        "openapi": "3.1.0",
        "info": {"title": f"{service.name} as Monostack serves it", "version": __version__, "description": service.description},
        "servers": [{"url": service.prefix}],
        "paths": paths,
        "components": {"securitySchemes": {"token": {"type": "apiKey", "in": "header", "name": "X-Auth-Token"}}},
    }
