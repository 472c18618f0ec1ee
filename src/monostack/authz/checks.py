"""The checks of the policy language, each as a closure `(creds, target) -> bool`.

`creds` is what is known of the caller (`Caller.creds()`), `target` what is acted on. A target may be nested: `%(target.user.id)s` reads
`target["target.user.id"]` or `target["target"]["user"]["id"]`. A key the target lacks denies.

An evaluation that has no meaning (walking into something that is not a mapping) raises and does not return False: under a `not`,
False would become "allowed". The enforcer turns such an error into a refusal of the whole rule.
"""

import ast
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

Creds = Mapping[str, Any]
Target = Mapping[str, Any]
Closure = Callable[[Creds, Target], bool]
CheckKind = Callable[[str, str], Closure]  # from kind and match; raises ValueError when the match has no meaning

_LISTS = (list, tuple, frozenset, set)
_ONE_KEY = re.compile(r"%\(([^()]*)\)s")


def always(creds: Creds, target: Target) -> bool:
    """`@`"""
    return True


def never(creds: Creds, target: Target) -> bool:
    """`!`"""
    return False


def flatten(target: Target, prefix: str = "") -> dict[str, Any]:
    """Nested mappings as one mapping with dotted keys; an empty inner mapping leaves nothing behind."""
    flat: dict[str, Any] = {}
    for key, value in target.items():
        if isinstance(value, dict):
            flat.update(flatten(cast("Target", value), f"{prefix}{key}."))
        else:
            flat[prefix + key] = value
    return flat


def _wanted(match: str) -> Callable[[Target], str]:
    """The right-hand side of a check with the target filled in. The function raises KeyError when the target lacks a key."""
    if "%" not in match:
        return lambda target: match
    one_key = _ONE_KEY.fullmatch(match)
    return _target_value(one_key[1]) if one_key else lambda target: match % flatten(target)


def _target_value(key: str) -> Callable[[Target], str]:
    """Reads one key, a dotted one through nested mappings too: what `match % flatten(target)` gives, without copying the target."""
    path = key.split(".")

    def read(target: Target) -> str:
        try:
            value: Any = target[key]
        except KeyError:
            value = target
            for name in path:
                if not isinstance(value, dict):
                    raise
                value = cast("Target", value)[name]
        if isinstance(value, dict):
            raise KeyError(key)  # flattening would have left only what is inside
        return str(value)

    return read


def role(kind: str, match: str) -> Closure:
    """`role:NAME`: the caller holds the role; upper and lower case are the same."""
    if "%" not in match:
        name = match.lower()
        return lambda creds, target: _holds(creds, name)
    wanted = _wanted(match)

    def check(creds: Creds, target: Target) -> bool:
        try:
            held = wanted(target).lower()
        except KeyError:
            return False
        return _holds(creds, held)

    return check


def _holds(creds: Creds, name: str) -> bool:
    if "roles" not in creds:
        return False
    roles = creds["roles"]
    return name in roles or name in map(str.lower, roles)


def generic(kind: str, match: str) -> Closure:
    """`ATTRIBUTE:VALUE` compares an attribute of the caller, `LITERAL:VALUE` a Python literal, with a value that may name the target."""
    wanted = _wanted(match)
    try:
        literal = str(ast.literal_eval(kind))
    except ValueError:
        return _attribute(kind, wanted)
    except (SyntaxError, TypeError, MemoryError, RecursionError) as error:
        raise ValueError(f"{kind!r} is neither an attribute nor a literal") from error

    def check(creds: Creds, target: Target) -> bool:
        try:
            return wanted(target) == literal
        except KeyError:
            return False

    return check


def _attribute(kind: str, wanted: Callable[[Target], str]) -> Closure:
    first, *rest = kind.split(".")

    def check(creds: Creds, target: Target) -> bool:
        try:
            value = wanted(target)
            held = creds[first]
        except KeyError:
            return False
        return value == str(held) if not rest and not isinstance(held, _LISTS) else _found(held, rest, value)

    return check


def _found(value: Any, path: Sequence[str], wanted: str) -> bool:
    """Whether the attribute at `path` below `value` is `wanted`; for a list on the way, whether that is so for any of its elements."""
    if isinstance(value, _LISTS):
        return any(_found(element, path, wanted) for element in cast("Sequence[Any]", value))
    if not path:
        return wanted == str(value)
    try:
        below = value[path[0]]
    except KeyError:
        return False
    return _found(below, path[1:], wanted)


STANDARD: Mapping[str, CheckKind] = {"role": role}
"""The kinds every service knows besides `rule:`; any other kind is `generic`."""
