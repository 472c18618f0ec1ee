"""The bodies that write allocations, by microversion."""

from typing import Any

from monostack.http.routing import Version
from monostack.services.placement.exchange import by_version

UUID = "^[0-9a-fA-F-]{36}$"
_OWNER = {"type": "string", "minLength": 1, "maxLength": 255}
_RESOURCES = {
    "type": "object",
    "minProperties": 1,
    "patternProperties": {"^[A-Z0-9_]+$": {"type": "integer", "minimum": 1}},
    "additionalProperties": False,
}
_LISTED: dict[str, Any] = {  # up to 1.11: a list of providers
    "type": "array",
    "minItems": 1,
    "items": {
        "type": "object",
        "properties": {
            "resource_provider": {
                "type": "object",
                "properties": {"uuid": {"type": "string", "format": "uuid"}},
                "additionalProperties": False,
                "required": ["uuid"],
            },
            "resources": _RESOURCES,
        },
        "required": ["resource_provider", "resources"],
        "additionalProperties": False,
    },
}
_MAPPINGS = {
    "type": "object",
    "minProperties": 1,
    "patternProperties": {"[a-zA-Z0-9_-]{1,64}": {"type": "array", "minItems": 1, "items": {"type": "string", "format": "uuid"}}},
}


def _keyed(least: int) -> dict[str, Any]:
    """From 1.12 on: providers by uuid."""
    one = {
        "type": "object",
        "properties": {"generation": {"type": "integer"}, "resources": _RESOURCES},
        "required": ["resources"],
        "additionalProperties": False,
    }
    return {"type": "object", "minProperties": least, "patternProperties": {UUID: one}, "additionalProperties": False}


def _old(**properties: Any) -> dict[str, Any]:
    known = {"allocations": _LISTED, **properties}
    return {"type": "object", "properties": known, "required": list(known), "additionalProperties": False}


def _consumer(least: int, **more: Any) -> dict[str, Any]:
    known = {"allocations": _keyed(least), "project_id": _OWNER, "user_id": _OWNER, **more}
    required = [name for name in known if name != "mappings"]
    return {"type": "object", "properties": known, "additionalProperties": False, "required": required}


_GENERATION = {"type": ["integer", "null"], "additionalProperties": False}
_TYPE = {"type": "string", "pattern": "^[A-Z0-9_]+$", "minLength": 1, "maxLength": 255}
_1_28 = _consumer(0, consumer_generation=_GENERATION)
_1_34 = _consumer(0, consumer_generation=_GENERATION, mappings=_MAPPINGS)
_1_38 = _consumer(0, consumer_generation=_GENERATION, mappings=_MAPPINGS, consumer_type=_TYPE)


def _many(consumer: dict[str, Any], least: int = 1) -> dict[str, Any]:
    return {"type": "object", "minProperties": least, "additionalProperties": False, "patternProperties": {UUID: consumer}}


def _reshape(consumer: dict[str, Any], inventories: dict[str, Any]) -> dict[str, Any]:
    stock = {"type": "object", "patternProperties": {UUID: inventories}, "minProperties": 1, "additionalProperties": False}
    known = {"inventories": stock, "allocations": _many(consumer, 0)}
    return {"type": "object", "properties": known, "required": list(known), "additionalProperties": False}


PUT = by_version(
    ((1, 0), _old()), ((1, 8), _old(project_id=_OWNER, user_id=_OWNER)), ((1, 12), _consumer(1)), ((1, 28), _1_28), ((1, 34), _1_34),
    ((1, 38), _1_38),
)  # fmt: skip
POST = by_version(((1, 13), _many(_consumer(0))), ((1, 28), _many(_1_28)), ((1, 34), _many(_1_34)), ((1, 38), _many(_1_38)))


def reshapes(inventories: dict[str, Any]) -> Any:
    """The bodies of POST /reshaper, with the schema of a provider's inventories."""
    by: list[tuple[Version, dict[str, Any]]] = [((1, 30), _1_28), ((1, 34), _1_34), ((1, 38), _1_38)]
    return by_version(*[(since, _reshape(consumer, inventories)) for since, consumer in by])
