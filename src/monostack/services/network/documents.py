"""Schemas of bodies for the OpenAPI documents. The service itself checks bodies in Neutron's order and words (attributes, verbs)."""

from collections.abc import Mapping
from typing import Any

from monostack.resources import Resource

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
TEXTS: Schema = {"type": "array", "items": TEXT}


def one_of(name: str, inner: Mapping[str, Any]) -> Schema:
    """An object with one key, which it must have."""
    return {"type": "object", "properties": {name: inner}, "required": [name], "additionalProperties": False}


def _inner(resource: Resource, method: str) -> Schema:
    inner = resource.body_schema(method)["properties"][resource.singular]
    if "project_id" in inner["properties"]:
        inner["properties"]["tenant_id"] = inner["properties"]["project_id"]
        inner["required"] = [name for name in inner.get("required", ()) if name != "project_id"]  # the caller's, unless given
    return inner


def creation(resource: Resource) -> Schema:
    """One resource, or a list of them."""
    inner = _inner(resource, "create")
    return {"oneOf": [one_of(resource.singular, inner), one_of(resource.plural, {"type": "array", "items": inner, "minItems": 1})]}


def change(resource: Resource) -> Schema:
    """What may be changed of one."""
    return one_of(resource.singular, _inner(resource, "update"))
