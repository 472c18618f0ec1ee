"""Users who must show more than one thing to log in: the options multi_factor_auth_enabled and multi_factor_auth_rules.

Methods that this cloud does not have count for nothing in a rule: nobody is locked out by one. Source: keystone/auth/core.py.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from monostack.services.identity.tokens.payload import METHODS


def _rules(options: Mapping[str, Any] | None) -> list[list[str]]:
    """What there is of each of a user's rules."""
    rules = [[method for method in rule if method in METHODS] for rule in (options or {}).get("multi_factor_auth_rules") or ()]
    return [rule for rule in rules if rule]


def enough(options: Mapping[str, Any] | None, shown: Sequence[str]) -> bool:
    """Whether the methods a user has shown satisfy one of his rules. Without rules, or with them turned off, any do."""
    rules = _rules(options)
    if not rules or (options or {}).get("multi_factor_auth_enabled", True) is False:
        return True
    return any(set(rule) <= set(shown) for rule in rules)


def required(options: Mapping[str, Any] | None, shown: Sequence[str]) -> list[list[str]]:
    """The rules that can be satisfied with more beside what was shown."""
    return [rule for rule in _rules(options) if set(rule) & set(shown)]
