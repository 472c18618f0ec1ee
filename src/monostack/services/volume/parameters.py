"""What Cinder's bodies are made of, as JSON schemas. Source: the block storage API reference and cinder.api.validation."""

import unicodedata
from collections.abc import Collection
from typing import Any

from monostack.core.errors import BadRequest
from monostack.http.schema import add_format
from monostack.resources.fields import FALSE, TRUE

Schema = dict[str, Any]
MAX_INT = 0x7FFFFFFF


class Refusal(ValueError):
    """A format's check that words itself what is wrong with a value."""


def _at_most_255(what: str) -> Any:
    def check(value: Any) -> bool:
        if isinstance(value, str) and len(value.strip()) > 255:
            raise Refusal(f"Invalid input received: {what} has {len(value.strip())} characters, more than 255.")
        return True

    return check


def _name(value: Any) -> bool:
    if isinstance(value, str) and not value.strip():
        raise Refusal(f"An invalid 'name' value was provided. The 'name' can not be {'None' if not value else 'empty'}.")
    return True


def _short_name(value: Any) -> bool:
    _name(value)
    if isinstance(value, str) and len(value.strip()) > 255:
        raise Refusal("An invalid 'name' value was provided. The 'name' can not be greater than 255 characters.")
    return True


def _printable(value: Any) -> bool:
    """Letters, marks, numbers, punctuation, symbols and spaces of the basic plane, as Cinder's pattern has them."""
    if not isinstance(value, str):
        return True
    for char in value:
        category = unicodedata.category(char)
        if ord(char) >= 0xFFFF or category.startswith("C") or (category.startswith("Z") and category != "Zs"):
            raise Refusal(
                f"Invalid input for field/attribute description. Value: {value}. {value!r} has a character that is not printable: {char!r}."
            )
    return True


def _mysql_text(value: Any) -> bool:
    return not isinstance(value, str) or len(value.encode("utf-8", "surrogatepass")) <= 65535


def _percentage(value: Any) -> bool:
    if not value:
        return True
    text = str(value)
    try:
        number = int(text[:-1])
    except ValueError:
        raise Refusal("Invalid input received: progress must be an integer percentage") from None
    if not 0 <= number <= 100 or text[-1] != "%":
        raise Refusal("Invalid input received: progress must be an integer percentage between 0 and 100")
    return True


add_format("volume-name", _at_most_255("name"), Refusal)
add_format("volume-description", _at_most_255("description"), Refusal)
add_format("volume-printable", _printable, Refusal)
add_format("volume-required-name", _name, Refusal)
add_format("volume-short-name", _short_name, Refusal)
add_format("volume-progress", _percentage, Refusal)
add_format("mysql_text", _mysql_text)

_WORDS = [
    True, "True", "TRUE", "true", "1", "ON", "On", "on", "YES", "Yes", "yes", "y", "t",
    False, "False", "FALSE", "false", "0", "OFF", "Off", "off", "NO", "No", "no", "n", "f",
]  # fmt: skip
FLAG: Schema = {"type": ["boolean", "string"], "enum": _WORDS}
FLAG_OR_NULL: Schema = {"oneOf": [{"type": "null"}, FLAG]}
UUID: Schema = {"type": "string", "format": "uuid"}
UUID_OR_NULL: Schema = {"oneOf": [{"type": "null"}, UUID]}
NULL_OR_UUID: Schema = {"oneOf": [UUID, {"type": "null"}]}
TEXT_OR_NULL: Schema = {"type": ["string", "null"], "minLength": 0, "maxLength": 255}
TRIMMED_NAME: Schema = {"type": ["string", "null"], "format": "volume-name"}
TRIMMED_DESCRIPTION: Schema = {"type": ["string", "null"], "format": "volume-description"}
DESCRIPTION: Schema = {"type": ["string", "null"], "minLength": 0, "maxLength": 255, "format": "volume-printable"}
NAME: Schema = {"type": "string", "minLength": 1, "maxLength": 255, "format": "volume-required-name"}
SIZE: Schema = {"type": ["integer", "string"], "pattern": "^[0-9]+$", "minimum": 1, "maximum": MAX_INT}
SIZE_OR_NULL: Schema = {**SIZE, "type": ["integer", "string", "null"]}
HOST: Schema = {"type": ["string", "null"], "minLength": 1, "maxLength": 255, "pattern": r"^[a-zA-Z0-9-._#@:/+\[\]]*$"}


def items(value: Schema, characters: str = "a-zA-Z0-9-_:. /") -> Schema:
    """A mapping of short texts, as metadata and extra specs are, with keys of these characters."""
    return {"type": "object", "patternProperties": {f"^[{characters}]{{1,255}}$": value}, "additionalProperties": False}


METADATA = items({"type": "string", "maxLength": 255})
METADATA_OR_NULL: Schema = {**METADATA, "type": ["object", "null"]}
IMAGE_METADATA = items({"type": "string", "format": "mysql_text"})
EXTRA_SPECS = items({"type": ["string", "null"], "maxLength": 255})
EXTRA_SPECS_NO_SPACES = items({"type": ["string", "null"], "minLength": 0, "maxLength": 255}, "a-zA-Z0-9-_:.")


def enveloped(name: str, schema: Schema, *, open: bool = False) -> Schema:
    """A body with one key; with others that are overlooked if it is `open`."""
    return {"type": "object", "properties": {name: schema}, "required": [name], "additionalProperties": open}


def fields(required: tuple[str, ...] = (), *, open: bool = False, **properties: Schema) -> Schema:
    """An object with these attributes and no others, unless it is `open`."""
    schema: Schema = {"type": "object", "properties": properties}
    if required:
        schema["required"] = list(required)
    return {**schema, "additionalProperties": open}


def one_status(format: str, what: str, known: Collection[str], *, may_be_empty: bool = False) -> Schema:
    """One of the `known` statuses, in small letters or not, checked under the name `format`; `what` it is, for who gave another."""

    def check(value: Any) -> bool:
        if isinstance(value, str) and value.lower() not in known and (value or not may_be_empty):
            raise Refusal(f"{what}: {value} is invalid, valid statuses are: {known}.")
        return True

    add_format(format, check, Refusal)
    return {"type": ["string", "null"] if may_be_empty else "string", "format": format}


def as_flag(value: Any) -> bool:
    """A value that FLAG admits."""
    return value if isinstance(value, bool) else str(value).strip().lower() in TRUE


def query_flag(query: dict[str, str], name: str) -> bool:
    """A query parameter that says yes or no; False when it is absent. Raises BadRequest for anything else."""
    value = query.get(name, "false")
    if value.lower() not in TRUE | FALSE:
        raise BadRequest(f"Value '{value}' for '{name}' is not a boolean.", kind="InvalidParameterValue")
    return value.lower() in TRUE


NAMES = ("name", "description", "display_name", "display_description")


def trimmed(body: dict[str, Any]) -> dict[str, Any]:
    """A body whose names and descriptions have no space around them."""
    return {key: value.strip() if key in NAMES and isinstance(value, str) else value for key, value in body.items()}
