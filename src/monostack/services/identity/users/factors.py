"""Users who must show more than one thing to log in: the options multi_factor_auth_enabled and multi_factor_auth_rules."""

from collections.abc import Mapping, Sequence
from typing import Any

from monostack.core.errors import BadRequest
from monostack.services.identity.tokens import payload


def check_rules(options: Mapping[str, Any]) -> None:
    """A rule that names a method this cloud does not have could not be kept, so it is refused."""
    unknown = {method for rule in options.get("multi_factor_auth_rules") or () for method in rule} - set(payload.METHODS)
    if unknown:
        raise BadRequest(
            f"multi_factor_auth_rules name methods that are not supported: {', '.join(sorted(unknown))}."
            f" Supported are {', '.join(payload.METHODS)}."
        )


def enough(options: Mapping[str, Any] | None, shown: Sequence[str]) -> bool:
    """Whether the methods a user has shown satisfy one of his rules. Without rules, or with them turned off, any do."""
    rules = (options or {}).get("multi_factor_auth_rules")
    if not rules or not (options or {}).get("multi_factor_auth_enabled", True):
        return True
    return any(set(rule) <= set(shown) for rule in rules)
