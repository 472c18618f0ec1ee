"""The check kinds Neutron adds to the policy language: ownership of the resource or of its parent, and values of its fields.

Neutron reads a parent from its database in the middle of a check. Here whoever asks puts what is known of the parent into the target, under
the key the rule names: `network:project_id` (or `security_group:project_id`, `ext_parent:project_id`) is the owner of the parent,
`network:shared` says whether the port's or subnet's network is shared. What is not there denies.

Source: neutron/policy.py (OwnerCheck, FieldCheck) and the tables of Neutron's default policies.
"""

import re
from collections.abc import Mapping

from monostack.authz.checks import CheckKind, Closure, Creds, Target

_TARGET_FIELD = re.compile(r"%\((.*)\)s")
_TRUE = frozenset({"true", "1", "yes", "on", "t", "y"})
_OWNER_NAMES = {"tenant_id": "project_id", "project_id": "tenant_id"}


def _target_names(field: str) -> tuple[str, ...]:
    """The field, and the same under the other name of a project: `network:tenant_id` is also `network:project_id`."""
    parent, colon, name = field.rpartition(":")
    return (field, f"{parent}{colon}{_OWNER_NAMES[name]}") if name in _OWNER_NAMES else (field,)


def owner(kind: str, match: str) -> Closure:
    """`project_id:%(FIELD)s` and `tenant_id:%(FIELD)s`: the caller's project owns the target, or its parent as `PARENT:project_id`."""
    field = _TARGET_FIELD.fullmatch(match)
    if field is None:
        raise ValueError(f"{kind}:{match}: an owner is compared with a field, as in {kind}:%(project_id)s")
    names = _target_names(field[1])

    def check(creds: Creds, target: Target) -> bool:
        if kind not in creds:
            return False
        for name in names:
            if name in target:
                return str(target[name]) == str(creds[kind])
        return False

    return check


def field(kind: str, match: str) -> Closure:
    """`field:RESOURCE:FIELD=VALUE`, or `=~REGEX` anchored at the beginning. VALUE is read as the type the field has in the target."""
    resource, colon, rest = match.partition(":")
    name, equals, value = rest.partition("=")
    if not (colon and equals):
        raise ValueError(f"field:{match}: expected field:RESOURCE:FIELD=VALUE")
    # What is not shown of a resource, or is its network's, is under a name of its own.
    singular = {"networks": "network", "address_groups": "address_group"}.get(resource)
    names = ("shared", f"{singular}:shared") if singular and name == "shared" else _target_names(name)
    if value.startswith("~"):
        try:
            pattern = re.compile(value[1:])
        except re.error as error:
            raise ValueError(f"field:{match}: {error}") from error
        return lambda creds, target: isinstance(found := _first(target, names), str) and pattern.match(found) is not None
    truth = value.lower() in _TRUE

    def check(creds: Creds, target: Target) -> bool:
        found = _first(target, names)
        if found is None:
            return False
        return found is truth if isinstance(found, bool) else str(found) == value

    return check


def _first(target: Target, names: tuple[str, ...]) -> object:
    for name in names:
        if name in target:
            return target[name]
    return None


NETWORK_KINDS: Mapping[str, CheckKind] = {"project_id": owner, "tenant_id": owner, "field": field}
