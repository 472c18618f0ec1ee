"""From a request's body to the values of a resource, as Neutron's API layer reads it.

The order of checks is Neutron's, since the first that fails is the answer: shape of the body, owner, unknown attributes, required and
forbidden ones, values, and only then the policies. A field's `create` or `update` that is a text names the policy rule of the attribute.
"""

from collections.abc import Mapping
from typing import Any

from monostack.core.errors import Fault
from monostack.http import Request
from monostack.resources import Field, Resource
from monostack.resources.fields import REQUIRED
from monostack.services.network.words import UNREADABLE, bad, forbidden

Values = dict[str, Any]


def is_admin(request: Request) -> bool:
    """May the caller do what Neutron leaves to administrators without asking a rule of its own?"""
    return request.allows("context_is_admin")


def bodies(request: Request, resource: Resource) -> tuple[list[Values], bool]:
    """The resources a POST asks for, and whether as a list."""
    body = request.body
    if body is not None and not isinstance(body, dict):
        raise bad(UNREADABLE)
    if body and resource.plural in body:
        many = body[resource.plural]
        if not many:
            raise bad("Resources required")
        if not isinstance(many, list) or not all(isinstance(one, dict) for one in many):
            raise bad(UNREADABLE)
        return [_inner(one if resource.singular in one else {resource.singular: one}, resource) for one in many], True
    return [_inner(body, resource)], False


def body(request: Request, resource: Resource) -> Values:
    """The one resource a PUT asks for."""
    if request.body is not None and not isinstance(request.body, dict):
        raise bad(UNREADABLE)
    if request.body and resource.plural in request.body:
        raise bad("Bulk operation not supported")
    return _inner(request.body, resource)


def _inner(envelope: Mapping[str, Any] | None, resource: Resource) -> Values:
    given = envelope.get(resource.singular) if envelope else None
    if given is None:
        raise bad(f"Unable to find '{resource.singular}' in request body")
    if not isinstance(given, dict):
        raise bad(f"Object '{resource.singular}' contains invalid data")
    return dict(given)


# --- values ------------------------------------------------------------------------------------------------------------


def accept_create(request: Request, resource: Resource, given: Values) -> Values:
    """Values for a new resource: what was given, checked, and defaults. What has neither is absent. Policies are not asked yet."""
    _set_owner(request, resource, given, creating=True)
    _refuse_unknown(resource, given)
    values: Values = {}
    for field in resource.fields:
        name = field.name
        if field.create:
            if name in given:
                values[name] = given[name]
            elif field.default is REQUIRED:
                raise bad(f"Failed to parse request. Required attribute '{name}' not specified")
            elif field.default is not None:
                values[name] = field.default() if callable(field.default) else field.default
        elif name in given:
            raise bad(f"Attribute '{name}' not allowed in POST")
    return _checked(resource, values)


def accept_update(request: Request, resource: Resource, given: Values) -> Values:
    """Changed values, checked. Policies are not asked yet."""
    _set_owner(request, resource, given, creating=False)
    _refuse_unknown(resource, given)
    for field in resource.fields:
        if field.name in given and not field.update:
            raise bad(f"Cannot update read-only attribute {'tenant_id' if field.name == 'project_id' else field.name}")
    return _checked(resource, given)


def _set_owner(request: Request, resource: Resource, given: Values, *, creating: bool) -> None:
    if "tenant_id" in given and "project_id" in given and given["tenant_id"] != given["project_id"]:
        raise bad("'project_id' and 'tenant_id' do not match")
    if "tenant_id" in given:
        given["project_id"] = given.pop("tenant_id")
    caller = request.caller
    if "project_id" in given:
        if given["project_id"] != caller.project_id and not (is_admin(request) or "service" in caller.roles):
            raise bad("Specifying 'project_id' other than the authenticated project in request is not allowed for the current user.")
    elif creating and "project_id" in resource.by_name:
        if caller.project_id is None:
            raise bad("Running without keystone AuthN requires that project_id is specified")
        given["project_id"] = caller.project_id


def _refuse_unknown(resource: Resource, given: Values) -> None:
    unknown = [name for name in given if name not in resource.by_name]
    if unknown:
        raise bad("Unrecognized attribute(s) '{}'".format(", ".join(unknown)))


def _checked(resource: Resource, values: Values) -> Values:
    for name, value in values.items():
        accept = resource.by_name[name].kind.accept
        if accept is None:
            continue
        try:
            values[name] = accept(value)
        except ValueError as reason:
            raise bad(f"Invalid input for {name}. Reason: {reason}.") from None
    return values


# --- policies ----------------------------------------------------------------------------------------------------------


class _Rule:
    """A rule, or several of which all must hold, that can say which they were."""

    __slots__ = ("names", "text")

    def __init__(self, name: str) -> None:
        self.names = [name]
        self.text = f"rule:{name}"

    def also(self, other: "_Rule") -> None:
        self.names += other.names
        self.text = f"({self.text} and {other.text})"


def _attribute_rule(rule: str, value: Any) -> _Rule:
    """The rule of an attribute, and of each part of it that is given where it has parts (`fixed_ips:ip_address`)."""
    found = _Rule(rule)
    parts: list[str] = []
    if isinstance(value, list):
        parts = [part for entry in value if isinstance(entry, dict) for part in entry]
    elif isinstance(value, dict) and rule.endswith(":external_gateway_info"):
        parts = list(value)
    if parts:
        inner = [f"{rule}:{part}" for part in parts]
        found.names += inner
        found.text = f"({found.text} and ({' and '.join(f'rule:{name}' for name in inner)}))"
    return found


def _is_set(field: Field, value: Any) -> bool:
    """Neutron does not ask the rule of an attribute that is given its default."""
    if field.default is None or field.default is REQUIRED:
        return True
    return value != (field.default() if callable(field.default) else field.default)


def creation_fault(request: Request, resource: Resource, name: str, values: Values, facts: Mapping[str, Any]) -> Fault | None:
    """What to answer a caller whom the rule does not let create this; None if it does. `facts` are what policies read of parents."""
    rule = _Rule(name)
    for field in resource.fields:
        if isinstance(field.create, str) and field.name in values and _is_set(field, values[field.name]):
            rule.also(_attribute_rule(field.create, values[field.name]))
    return _refusal(request, rule, {**values, "tenant_id": values.get("project_id"), **facts})


def update_fault(request: Request, resource: Resource, name: str, item: Mapping[str, Any], changes: Values) -> Fault | None:
    """What to answer a caller whom the rule does not let make these changes; None if it does. `item` is the resource as he sees it."""
    rule = _Rule(name)
    for field in resource.fields:
        if isinstance(field.update, str) and field.name in changes:
            rule.also(_attribute_rule(field.update, changes[field.name]))
    return _refusal(request, rule, {**item, **changes})


def action_fault(request: Request, name: str, attribute: str, value: Any, item: Mapping[str, Any]) -> Fault | None:
    """What to answer a caller whom the rule of an action on `item` does not let have this attribute of it changed; None if it does."""
    rule = _Rule(name)
    rule.also(_attribute_rule(f"{name}:{attribute}", value))
    return _refusal(request, rule, item)


def _refusal(request: Request, rule: _Rule, target: Mapping[str, Any]) -> Fault | None:
    if all(request.allows(name, target) for name in rule.names):
        return None
    return forbidden(rule.text)
