"""The parameter types that Nova's bodies and queries are made of, as JSON schemas. Source: the compute API reference."""

import base64
import binascii
import re
import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import re2

from monostack.http.schema import add_format

Json = dict[str, Any]

MAX_INT = 0x7FFFFFFF
_DEFAULT_TRUE = {"true", "1", "yes", "on", "t", "y"}
_DEFAULT_FALSE = {"false", "0", "no", "off", "f", "n"}


class BadName(ValueError):
    """A name that Nova does not take; the message is Nova's."""


def _printable(char: str, space: bool) -> bool:
    if ord(char) >= 0xFFFF:
        return False  # Nova's classes of characters end here, so it takes no emoji
    category = unicodedata.category(char)
    return not category.startswith("C") and (not category.startswith("Z") or (space and category == "Zs"))


def _is_name(text: str, exclude: str = "") -> bool:
    if not all(_printable(char, space=True) and char not in exclude for char in text):
        return False
    return not text or (_printable(text[0], space=False) and _printable(text[-1], space=False))


def _name(value: Any) -> bool:
    if not isinstance(value, str) or not _is_name(value):
        raise BadName("An invalid 'name' value was provided. The name must be: printable characters. Can not start or end with whitespace.")
    return True


def _zone_name(value: Any) -> bool:
    if not isinstance(value, str) or not _is_name(value, exclude=":"):
        raise BadName(
            "An invalid 'name' value was provided. The name must be: printable characters except :.Can not start or end with whitespace."
        )
    return True


def _spaced_name(value: Any) -> bool:
    if not isinstance(value, str) or not value.strip() or not all(_printable(char, space=True) for char in value):
        raise BadName("An invalid 'name' value was provided. The name must be: printable characters with at least one non space character")
    return True


def _printable_text(value: Any) -> bool:
    return not isinstance(value, str) or all(_printable(char, space=True) for char in value)


def _base64(value: Any) -> bool:
    if not isinstance(value, str):
        return True
    try:
        base64.b64decode(value.encode(), validate=False)
    except (binascii.Error, ValueError):
        return False
    return True


def is_pattern(text: str) -> bool:
    """A regular expression that can be searched for in time that is proportional to the text's length."""
    options: Any = re2.Options()
    options.log_errors = False
    try:
        re2.compile(text, options)
    except re2.error:
        return False
    return True


def _regex(value: Any) -> bool:
    if not isinstance(value, str):
        return True
    return bool(value) and len(value) <= 1024 and is_pattern(value)


def parse_time(text: str) -> datetime:
    """A time as ISO 8601 writes it, in UTC without tzinfo. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)


def end_of_second(moment: str) -> str:
    """The last moment, as rows keep it, of its second: clients are shown whole seconds, and ask for changes up to what they were shown."""
    return f"{moment[:19]}.999999"


def _time(value: Any) -> bool:
    if isinstance(value, str):
        try:
            parse_time(value)
        except (ValueError, OverflowError):
            return False
    return True


add_format("name", _name, BadName)
add_format("az_name", _zone_name, BadName)
add_format("name_with_leading_trailing_spaces", _spaced_name, BadName)
add_format("printable", _printable_text)
add_format("base64", _base64)
add_format("regex", _regex)
add_format("date-time", _time)


is_uuid = re.compile(r"[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}").fullmatch


def is_true(value: Any) -> bool:
    """What Nova's `boolean` type means; anything else is False."""
    return value is True or (isinstance(value, str) and value.strip().lower() in _DEFAULT_TRUE)


def strict_flag(value: str) -> bool:
    """Raises ValueError for what is neither true nor false, in oslo.utils' words."""
    word = value.strip().lower()
    if word in _DEFAULT_TRUE:
        return True
    if word in _DEFAULT_FALSE:
        return False
    allowed = ", ".join(repr(w) for w in sorted(_DEFAULT_TRUE | _DEFAULT_FALSE))
    raise ValueError(f"Unrecognized value '{value}', acceptable values are: {allowed}")


def one(name: str, schema: Json, **more: Any) -> Json:
    """A body of one key: `{"name": ...}`."""
    return {"type": "object", "properties": {name: schema, **more}, "required": [name], "additionalProperties": False}


def fields(properties: Json, required: tuple[str, ...] = (), **more: Any) -> Json:
    """An object of these properties and no others."""
    document: Json = {"type": "object", "properties": properties, "additionalProperties": False, **more}
    if required:
        document["required"] = list(required)
    return document


def query(properties: Json, strict: bool = False, once: Iterable[str] = ()) -> Json:
    """A query string. Parameters may be repeated, but for those that are given `once`; unknown ones are ignored unless `strict`."""
    repeated: Json = {name: {"type": "array", "items": schema} for name, schema in properties.items()}
    for name in once:
        repeated[name] = {**repeated[name], "maxItems": 1}
    return {"type": "object", "properties": repeated, "additionalProperties": not strict}


def queries(properties: Json, strict_since: tuple[int, int] = (2, 75)) -> list[tuple[tuple[int, int], Json]]:
    """The same query, lax before the microversion that began to refuse unknown parameters."""
    return [((0, 0), query(properties)), (strict_since, query(properties, strict=True))]


BOOLEAN: Json = {
    "type": ["boolean", "string"],
    "enum": [
        True, "True", "TRUE", "true", "1", "ON", "On", "on", "YES", "Yes", "yes",
        False, "False", "FALSE", "false", "0", "OFF", "Off", "off", "NO", "No", "no",
    ],
}  # fmt: skip
POSITIVE: Json = {"type": ["integer", "string"], "pattern": "^[0-9]*$", "minimum": 1, "minLength": 1}
NON_NEGATIVE: Json = {"type": ["integer", "string"], "pattern": "^[0-9]*$", "minimum": 0, "minLength": 1}
SIZE: Json = {"type": ["integer", "string"], "pattern": "^[0-9]+$", "minimum": 1, "maximum": MAX_INT}
SIZE_OR_ZERO: Json = {**SIZE, "minimum": 0}
HOSTNAME: Json = {"type": "string", "pattern": "^[a-zA-Z0-9]+[a-zA-Z0-9-]*[a-zA-Z0-9]+$", "minLength": 2, "maxLength": 63}
FQDN: Json = {"type": "string", "pattern": "^[a-zA-Z0-9-._]*$", "minLength": 1, "maxLength": 255}
NAME: Json = {"type": "string", "format": "name", "minLength": 1, "maxLength": 255}
SPACED_NAME: Json = {**NAME, "format": "name_with_leading_trailing_spaces"}
NAME_OR_NONE: Json = {"oneOf": [{"type": "string", "minLength": 1, "maxLength": 255}, {"type": "null"}]}
ZONE_NAME: Json = {"type": "string", "format": "az_name", "minLength": 1, "maxLength": 255}
DESCRIPTION: Json = {"type": ["string", "null"], "format": "printable", "minLength": 0, "maxLength": 255}
PROJECT_ID: Json = {"type": "string", "pattern": "^[a-zA-Z0-9-]*$", "minLength": 1, "maxLength": 255}
TEXT: Json = {"type": "string"}
UUID: Json = {"type": "string", "format": "uuid"}
UUID_OR_EMPTY: Json = {"oneOf": [UUID, {"type": "string", "maxLength": 0}]}
FLAVOR_REF: Json = {"type": ["string", "integer"], "minLength": 1}
METADATA_KEY = "^[a-zA-Z0-9-_:. ]{1,255}$"
METADATA: Json = {
    "type": "object",
    "patternProperties": {METADATA_KEY: {"type": "string", "maxLength": 255}},
    "additionalProperties": False,
}
IPV4: Json = {"type": "string", "format": "ipv4"}
IPV6: Json = {"type": "string", "format": "ipv6"}
IP: Json = {"type": "string", "oneOf": [{"format": "ipv4"}, {"format": "ipv6"}]}
DISK_CONFIG: Json = {"type": "string", "enum": ["AUTO", "MANUAL"]}
PERSONALITY: Json = {"type": "array", "items": fields({"path": TEXT, "contents": {"type": "string", "format": "base64"}})}
TAG: Json = {"type": "string", "pattern": "^[^,/]*$", "minLength": 1, "maxLength": 60}
REGEX: Json = {"type": "string", "format": "regex"}
PAGE: Json = {"limit": NON_NEGATIVE, "marker": TEXT}
ANYTHING: Json = {}
