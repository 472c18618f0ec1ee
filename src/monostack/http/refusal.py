"""What is wrong with a value, in the words of Python's jsonschema. Loaded when the first value is refused."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

import jsonschema
import jsonschema.exceptions
import jsonschema.validators
from jsonschema.exceptions import ValidationError

from monostack.http.schema import number

Formats = Mapping[str, tuple[Callable[[Any], bool], Any]]  # a check, and what it raises to word what is wrong


def _numeric(name: str) -> Any:
    def check(validator: Any, limit: Any, instance: Any, schema: Any) -> Any:
        value = number(instance) if isinstance(instance, str) else instance
        if value is not None:
            yield from jsonschema.Draft202012Validator.VALIDATORS[name](validator, limit, value, schema)

    return check


_EXACT: Any = cast(Any, jsonschema.validators).extend(
    jsonschema.Draft202012Validator, {name: _numeric(name) for name in ("minimum", "maximum")}
)
best_match: Callable[[Iterable[ValidationError]], ValidationError | None] = jsonschema.exceptions.best_match  # pyright: ignore


class Validator:
    """One JSON schema (draft 2020-12)."""

    def __init__(self, document: dict[str, Any], formats: Formats) -> None:
        checker = jsonschema.FormatChecker(formats=())
        for name, (check, raises) in formats.items():
            checker.checks(name, raises=raises)(check)
        self._validator = _EXACT(document, format_checker=checker)

    def error(self, value: Any, first: bool) -> ValidationError | None:
        """The most relevant error, or the `first` in the order of the schema; None if the value is valid."""
        errors = self._validator.iter_errors(value)
        return next(errors, None) if first else best_match(errors)
