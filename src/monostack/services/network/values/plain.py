"""Text, numbers, flags and names."""

import re
import unicodedata
from collections.abc import Callable, Collection, Mapping
from typing import Any

import sqlalchemy as sa

from monostack.db import Json
from monostack.http.answers import TEXT, maybe
from monostack.resources import Kind
from monostack.services.network.words import invalid

Check = Callable[[Any], Any]

_TRUE = {"1", "t", "true", "on", "y", "yes"}
_FALSE = {"0", "f", "false", "off", "n", "no"}
TRANSPORTS = ("dccp", "icmp", "ipv6-icmp", "sctp", "tcp", "udp")
_UUID = re.compile(r"[0-9a-f]{32}")
_LABEL = re.compile(r"^[a-zA-Z0-9-]{1,63}$")


def to_boolean(value: Any) -> bool:
    """A flag, given as boolean, number or word. Raises InvalidInput."""
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise invalid(f"'{value}' cannot be converted to boolean")


def to_int(value: Any) -> int:
    """An integer, given as number or digits. Raises InvalidInput."""
    try:
        return int(value)
    except (ValueError, TypeError, OverflowError):
        raise invalid(f"'{value}' is not an integer") from None


def check_number(value: Any, minimum: int, maximum: int) -> int:
    """An integer of a range, both ends included."""
    try:
        number = int(value)
    except (ValueError, TypeError, OverflowError):
        raise ValueError(f"'{value}' is not an integer") from None
    if number < minimum:
        raise ValueError(f"'{number}' is too small - must be at least '{minimum}'")
    if number > maximum:
        raise ValueError(f"'{number}' is too large - must be no larger than '{maximum}'")
    return number


def check_text(value: Any, maximum: int | None = None) -> str:
    if not isinstance(value, str):
        raise ValueError(f"'{value}' is not a valid string")
    if maximum is not None and len(value) > maximum:
        raise ValueError(f"'{value}' exceeds maximum length of {maximum}")
    return value


def _shown(character: str) -> bool:
    category = unicodedata.category(character)
    return category == "Zs" or category[0] not in "CZ"


def check_name(value: Any, maximum: int | None = None) -> str:
    """Printable, no white space at either end."""
    check_text(value, maximum)
    if value and (value[0].isspace() or value[-1].isspace() or not all(map(_shown, value))):
        raise ValueError(f"'{value}' is not a valid string")
    return value


def check_oneline(value: Any, maximum: int | None = None) -> str:
    check_text(value, maximum)
    if not value.strip():
        raise ValueError(f"'{value}' Blank strings are not permitted")
    if len(value.splitlines()) > 1:
        raise ValueError(f"Multi-line string is not allowed: '{value}'")
    return value


def is_uuid(value: Any) -> bool:
    """As oslo.utils sees it: braces, "urn:" and dashes do not matter."""
    if not isinstance(value, str):
        return False
    bare = value.replace("urn:", "").replace("uuid:", "").strip("{}").replace("-", "").lower()
    return bool(_UUID.fullmatch(bare))


def check_uuid(value: Any) -> str:
    if not is_uuid(value):
        raise ValueError(f"'{value}' is not a valid UUID")
    return value


def check_choice(value: Any, allowed: tuple[Any, ...]) -> Any:
    if value not in allowed:
        raise ValueError(f"{value} is not in valid_values")
    return value


def check_protocol(value: Any) -> str:
    """The name of a transport protocol; Neutron first looks whether it is a protocol at all, then whether it is one of these."""
    if str(value).lower() not in TRANSPORTS:
        try:
            check_number(value, 0, 255)
        except ValueError:
            text = f"IP protocol '{value}' is not supported. Only protocol names and their integer representation (0 to 255) are supported"
            raise invalid(text) from None
    return check_choice(value, TRANSPORTS)


def check_labels(value: str, maximum: int = 255) -> None:
    """A DNS name, qualified or not. Source: RFC 1035, RFC 1123."""
    bare = value.removesuffix(".")
    labels = bare.split(".")
    reason = None
    if len(bare) > maximum:
        reason = f"'{bare}' exceeds the {maximum} character FQDN limit"
    for label in labels if reason is None else ():
        if not label:
            reason = "Encountered an empty component"
        elif label[0] == "-" or label[-1] == "-":
            reason = f"Name '{label}' must not start or end with a hyphen"
        elif not _LABEL.match(label):
            reason = f"Name '{label}' must be 1-63 characters long, each of which can only be alphanumeric or a hyphen"
        if reason is not None:
            break
    if reason is None and len(labels) > 1 and labels[-1].isdigit():
        reason = f"TLD '{labels[-1]}' must not be all numeric"
    if reason is not None:
        raise ValueError(f"'{value}' not a valid PQDN or FQDN. Reason: {reason}")


def _lowered(value: Any) -> str:
    if not isinstance(value, str):
        raise invalid(f"Input value {value} must be string type")
    return value.lower()


def _dns_domain(value: Any) -> str:
    value = _lowered(value)
    if value:
        if not value.endswith("."):
            raise ValueError(f"'{value}' is not a FQDN")
        check_labels(value)
    return value


def _dns_name(value: Any) -> str:
    value = _lowered(value)
    if value:
        check_labels(value)
    return value


# --- kinds -------------------------------------------------------------------------------------------------------------


def text(maximum: int = 255) -> Kind:
    return Kind(sa.String(maximum), {"type": "string", "maxLength": maximum}, accept=lambda value: check_text(value, maximum))


def name(maximum: int = 255) -> Kind:
    return Kind(sa.String(maximum), {"type": "string", "maxLength": maximum}, accept=lambda value: check_name(value, maximum))


def dns_domain() -> Kind:
    return Kind(sa.String(255), {"type": "string", "maxLength": 255}, accept=_dns_domain)


def dns_name() -> Kind:
    return Kind(sa.String(255), {"type": "string", "maxLength": 255}, accept=_dns_name)


def uuid() -> Kind:
    return Kind(sa.String(64), {"type": "string", "format": "uuid"}, accept=check_uuid)


def boolean() -> Kind:
    return Kind(sa.Boolean(), {"type": "boolean"}, to_boolean, accept=to_boolean)


def number(minimum: int = 0, maximum: int = 2**31 - 1) -> Kind:
    """An integer that is not negative."""

    def accept(value: Any) -> int:
        value = to_int(value)
        if value < minimum:
            raise ValueError(f"'{value}' should be non-negative")
        if value > maximum:
            raise ValueError(f"'{value}' is too large - must be no larger than '{maximum}'")
        return value

    return Kind(sa.Integer(), {"type": "integer", "minimum": minimum}, to_int, accept=accept)


def between(minimum: int, maximum: int) -> Kind:
    """An integer of a range, both ends included."""
    schema = {"type": "integer", "minimum": minimum, "maximum": maximum}
    return Kind(sa.Integer(), schema, to_int, accept=lambda value: check_number(value, minimum, maximum))


def check_keys(value: Mapping[str, Any], known: Collection[str]) -> None:
    """Raises ValueError for keys that are not known."""
    unexpected = [key for key in value if key not in known]
    if unexpected:
        raise ValueError(f"Unexpected keys supplied: {', '.join(unexpected)}")


def choice(*allowed: Any) -> Kind:
    return Kind(sa.String(64), {"enum": list(allowed)}, accept=lambda value: check_choice(value, allowed))


def ip_version() -> Kind:
    return Kind(sa.Integer(), {"enum": [4, 6]}, to_int, accept=lambda value: check_choice(to_int(value), (4, 6)))


def object_or_none() -> Kind:
    def accept(value: Any) -> dict[str, Any] | None:
        if value is not None and not isinstance(value, dict):
            raise ValueError(f"'{value}' is not a dictionary")
        return value

    return Kind(Json(), {"type": ["object", "null"]}, accept=accept, answer={"type": "object"})


_HINTS = {"openvswitch": {"other_config": {"tx-steering": ("thread", "hash")}}}


def _check_hints(value: Any, known: Any) -> None:
    if isinstance(known, tuple):
        check_choice(value, known)
        return
    if not isinstance(value, dict):
        raise ValueError(f"'{value}' is not a dictionary")
    check_keys(value, known)
    for key, item in value.items():
        _check_hints(item, known[key])


def backend_hints() -> Kind:
    """What a port's back end may do better, by the back end's name; null is nothing."""

    def accept(value: Any) -> dict[str, Any] | None:
        if value is not None:
            _check_hints(value, _HINTS)
        return value

    return Kind(Json(), {"type": ["object", "null"]}, accept=accept)


def host() -> Kind:
    """A host's name; null is none."""
    return Kind(
        sa.String(255), {"type": ["string", "null"]}, accept=lambda value: "" if value is None else check_text(value, 255), answer=TEXT
    )


def nullable(kind: Kind) -> Kind:
    """The same, or null."""
    inner = kind.accept
    assert inner is not None
    schema = dict(kind.schema)
    if isinstance(schema.get("type"), str):
        schema["type"] = [schema["type"], "null"]
    answer = maybe(kind.answer) if kind.answer is not None else None
    return Kind(kind.column, schema, kind.parse, accept=lambda value: None if value is None else inner(value), answer=answer)
