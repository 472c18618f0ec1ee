"""Bodies and queries against JSON schemas: jsonschema-rs decides quickly, Python's jsonschema words what is wrong (http.refusal).

The two differ at the edges (jsonschema-rs was only ever the stricter one), so what the fast one refuses the slow one decides. Texts are
Python jsonschema's because OpenStack's are.
"""

import re
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import jsonschema_rs
from netaddr import AddrFormatError, IPAddress, IPNetwork

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError
else:
    ValidationError = Any  # the real one takes long to load

_UUID = re.compile(r"^[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}$")


def number(value: Any) -> int | float | None:
    """A number, also one in a string."""
    for kind in (int, float):
        try:
            return kind(value)
        except (TypeError, ValueError, OverflowError):
            continue
    return None


class _Minimum:
    """`minimum` that also holds for numbers in strings, as Nova and Cinder take them."""

    def __init__(self, parent: Any, limit: Any, path: Any) -> None:
        self.limit = limit

    def validate(self, instance: Any) -> None:
        value = number(instance)
        if value is not None and value < self.limit:
            raise ValueError("less than the minimum")


class _Maximum(_Minimum):
    def validate(self, instance: Any) -> None:
        value = number(instance)
        if value is not None and value > self.limit:
            raise ValueError("greater than the maximum")


def _is_uuid(value: Any) -> bool:
    return not isinstance(value, str) or bool(_UUID.match(value))


def _parses(kind: Any) -> Any:
    def check(value: Any) -> bool:
        if not isinstance(value, str):
            return True
        try:
            kind(value)
        except (AddrFormatError, ValueError):
            return False
        return True

    return check


def _is_ipv4(value: Any) -> bool:
    return not isinstance(value, str) or (_parses(IPAddress)(value) and value.count(".") == 3 and ":" not in value)


def _is_ipv6(value: Any) -> bool:
    return not isinstance(value, str) or (":" in value and _parses(IPAddress)(value))


CHECKS: dict[str, Callable[[Any], bool]] = {
    "uuid": _is_uuid,
    "ip-address": _parses(IPAddress),
    "ipv4": _is_ipv4,
    "ipv6": _is_ipv6,
    "cidr": _parses(IPNetwork),
}
_telling: dict[str, tuple[Callable[[Any], bool], type[ValueError] | tuple[()]]] = {name: (check, ()) for name, check in CHECKS.items()}


def add_format(name: str, check: Callable[[Any], bool], fault: type[ValueError] | None = None) -> None:
    """Make a format known to every schema. A check that raises `fault` words what is wrong itself: it is the error's `cause`."""

    def silent(value: Any) -> bool:
        try:
            return check(value)
        except ValueError:
            return False

    CHECKS[name] = silent
    _telling[name] = check, fault or ()


class Schema:
    """One JSON schema (draft 2020-12; formats as in CHECKS)."""

    __slots__ = ("__dict__", "document")

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document

    @cached_property
    def _fast(self) -> Any:
        return jsonschema_rs.Draft202012Validator(
            self.document, validate_formats=True, formats=dict(CHECKS), keywords=cast(Any, {"minimum": _Minimum, "maximum": _Maximum})
        )

    @cached_property
    def _exact(self) -> Any:
        # jsonschema takes long to load, and not every cloud refuses something.
        from monostack.http import refusal

        return refusal.Validator(self.document, _telling)

    def error(self, value: Any, *, first: bool = False) -> ValidationError | None:
        """None if the value is valid, else the most relevant error with its path, or the `first` in the order of the schema."""
        if self._fast.is_valid(value):
            return None
        return self._exact.error(value, first)
