"""Declared resources: one declaration gives table, schemas, views, filters, sorting, paging, policy, handlers and OpenAPI.

    DOMAINS = Resource("domain", "domains", STYLE, path="/v3/domains", fields=(...), policy=policies("identity:{action}_domain", ...))
    routes = DOMAINS.routes()                                     # the five standard operations
    routes = DOMAINS.routes(create=create_domain, only=("list", "show", "create"))   # a special rule is a function of its own

A function for a special rule composes the resource's own pieces: accept_create, insert, get, accept_update, change, remove, render.
"""

from monostack.resources.fields import Field, Kind, choice, flag, integer, json_value, text, time, uuid
from monostack.resources.query import ListQuery
from monostack.resources.resource import Resource, Scopes
from monostack.resources.style import Style

__all__ = [
    "Field", "Kind", "ListQuery", "Resource", "Scopes", "Style", "choice", "flag", "integer", "json_value", "text", "time", "uuid",
]  # fmt: skip
