"""Kinds of values several identity resources share."""

from typing import Any

import sqlalchemy as sa

from monostack.http.answers import FLAG
from monostack.resources import Kind, json_value, text

_NO = ("False", "FALSE", "false", "", "0", "n", "N", "off", "OFF", "no")
# In the order in which Keystone's messages name the words.
BOOLEAN = {
    "type": ["boolean", "string", "null"],
    "enum": [
        True, "True", "TRUE", "true", False, "False", "FALSE", "false", "", "1", "0", "y", "Y", "n", "N", "on", "ON", "off", "OFF",
        "yes", "no",
    ],
}  # fmt: skip
IDENTIFIER = {"type": "string", "minLength": 1, "maxLength": 64, "pattern": "^[a-zA-Z0-9-]+$"}
TAG = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[^,/]*$"}
TAGS: dict[str, Any] = {"type": "array", "items": TAG, "required": [], "maxItems": 80, "uniqueItems": True}


def boolean() -> Kind:
    """A boolean that callers may write as one of several words."""
    return Kind(sa.Boolean(), BOOLEAN, is_true, answer=FLAG)


def is_true(value: Any) -> bool:
    """The truth of a word of BOOLEAN; for filters of any word but those that say no."""
    return value if isinstance(value, bool) else value.strip() not in _NO


def identifier(pattern: bool = True) -> Kind:
    return text(64, 1, IDENTIFIER["pattern"] if pattern else None)


def immutable_options() -> Kind:
    """The options of domains, projects and roles."""
    return json_value({"type": "object", "properties": {"immutable": BOOLEAN_OR_NULL}, "additionalProperties": False})


BOOLEAN_OR_NULL = {"type": ["boolean", "null"]}


def words(maximum: int) -> dict[str, Any]:
    """The schema of a name: there is something in it beside spaces."""
    return {"type": "string", "minLength": 1, "maxLength": maximum, "pattern": r"[\S]+"}


UUID = {"type": "string", "format": "uuid"}
REGION = {"type": ["string", "null"], "minLength": 1, "maxLength": 255}
ORDER = {"type": "string", "enum": ["asc", "desc"]}


def query(**filters: dict[str, Any]) -> dict[str, Any]:
    """The schema of a list's query string: each parameter is a list of the values given. What is not named here is ignored."""
    return {"type": "object", "properties": {name: {"type": "array", "items": schema} for name, schema in filters.items()}}


def strict_query(**filters: dict[str, Any]) -> dict[str, Any]:
    """The same of the few lists for which nothing is ignored."""
    return {**query(**filters), "additionalProperties": False}
