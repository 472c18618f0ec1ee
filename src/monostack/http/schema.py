"""Bodies and queries against JSON schemas: jsonschema-rs decides quickly, Python's jsonschema words what is wrong.

The two differ at the edges (jsonschema-rs was only ever the stricter one), so what the fast one refuses the slow one decides. Texts are
Python jsonschema's because OpenStack's are.
"""

import re
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any, cast

import jsonschema
import jsonschema.exceptions
import jsonschema_rs
from jsonschema.exceptions import ValidationError
from netaddr import AddrFormatError, IPAddress, IPNetwork

FORMATS = jsonschema.FormatChecker(formats=())
_UUID = re.compile(r"^[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}$")


def _checked(name: str, check: Any) -> None:
    FORMATS.checks(name)(check)


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


best_match: Callable[[Iterable[ValidationError]], ValidationError | None] = cast(Any, jsonschema.exceptions).best_match

CHECKS = {"uuid": _is_uuid, "ip-address": _parses(IPAddress), "ipv4": _is_ipv4, "ipv6": _is_ipv6, "cidr": _parses(IPNetwork)}
for _name, _check in CHECKS.items():
    _checked(_name, _check)


class Schema:
    """One JSON schema (draft 2020-12; formats as in CHECKS)."""

    __slots__ = ("__dict__", "document")

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document

    @cached_property
    def _fast(self) -> Any:
        return jsonschema_rs.Draft202012Validator(self.document, validate_formats=True, formats=dict(CHECKS))

    @cached_property
    def _exact(self) -> Any:
        return jsonschema.Draft202012Validator(self.document, format_checker=FORMATS)

    def error(self, value: Any) -> ValidationError | None:
        """None if the value is valid, else the most relevant error with its path."""
        if self._fast.is_valid(value):
            return None
        errors = sorted(self._exact.iter_errors(value), key=lambda e: (list(map(str, e.path)), str(e.validator)))
        return best_match(errors) if errors else None
