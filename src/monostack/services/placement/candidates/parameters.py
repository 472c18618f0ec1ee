"""The parameters that say what is wanted of a provider: resources, required, member_of, in_tree."""

import re
from collections.abc import Mapping
from typing import Any

from monostack.core.errors import BadRequest, NotFound
from monostack.db import Transaction
from monostack.http import Request
from monostack.services.placement import resource_classes, traits
from monostack.services.placement.candidates.search import Search
from monostack.services.placement.providers.table import BY_UUID

_UUID = re.compile(r"^[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}$")
_MAX_AMOUNT = 2**31 - 1


def resources(value: str) -> dict[str, int]:
    """`VCPU:2,MEMORY_MB:1024`"""
    form = "Badly formed resources parameter. Expected resources query string parameter in form: ?resources=VCPU:2,MEMORY_MB:1024."
    if not value.strip():
        raise BadRequest(f"{form} Got: empty string.")
    found: dict[str, int] = {}
    for part in value.split(","):
        name, separator, text = part.partition(":")
        if not separator or ":" in text:
            raise BadRequest(f"{form} Got: {part}.")
        try:
            amount = int(text)
        except ValueError:
            raise BadRequest(f"Requested resource {name} expected positive integer amount. Got: {text}.") from None
        if amount < 1:
            raise BadRequest(f"Requested resource {name} requires amount >= 1. Got: {amount}.")
        found[name] = min(amount, _MAX_AMOUNT)  # nobody has more
    return found


def _any_of(request: Request, value: str) -> frozenset[str]:
    """`in:A,B`"""
    bad = "Invalid query string parameters: "
    if not request.at_least(1, 39):
        raise BadRequest(f"{bad}The format 'in:HW_CPU_X86_VMX,CUSTOM_MAGIC' only supported since microversion 1.39. Got: {value}")
    names = frozenset(name.strip() for name in value[3:].split(","))
    if "" in names:
        form = "Expected 'required' parameter value of the form: in:HW_CPU_X86_VMX,CUSTOM_MAGIC."
        raise BadRequest(f"{bad}{form} Got an empty trait in: {value}")
    if any(name.startswith("!") for name in names):
        raise BadRequest(f"{bad}The format 'in:HW_CPU_X86_VMX,CUSTOM_MAGIC' does not support forbidden traits. Got: {value}")
    return names


def trait_list(request: Request, value: str, *, may_forbid: bool) -> tuple[list[frozenset[str]], set[str]]:
    """`A,!B`: the required traits, each alone, and the forbidden ones."""
    names = [name.strip() for name in value.split(",")]
    forbidden = {name.lstrip("!") for name in names if name.startswith("!")}
    form = "HW_CPU_X86_VMX,!CUSTOM_MAGIC" if may_forbid else "HW_CPU_X86_VMX,CUSTOM_MAGIC"
    bad = f"Invalid query string parameters: Expected 'required' parameter value of the form: {form}."
    if "" in names or "" in forbidden:
        raise BadRequest(f"{bad} Got an empty trait in: {value}")
    if forbidden and not may_forbid:
        raise BadRequest(f"{bad} Got: {value}")
    return [frozenset((name,)) for name in names if not name.startswith("!")], forbidden


def required(request: Request, suffix: str = "") -> tuple[list[frozenset[str]], set[str]]:
    """Groups of traits of which one each is required, and the forbidden traits."""
    values = request.query_all(f"required{suffix}")
    if not request.at_least(1, 39):
        values = values[-1:]
    groups: list[frozenset[str]] = []
    forbidden: set[str] = set()
    for value in values:
        if value.startswith("in:"):
            groups.append(_any_of(request, value))
            continue
        more, never = trait_list(request, value, may_forbid=request.at_least(1, 22))
        groups += more
        forbidden |= never
    return groups, forbidden


def member_of(request: Request, suffix: str = "") -> tuple[list[frozenset[str]], set[str]]:
    """Groups of aggregates of which one each is wanted, and the forbidden aggregates."""
    values = request.query_all(f"member_of{suffix}")
    if len(values) > 1 and not request.at_least(1, 24):
        raise BadRequest(f"Multiple member_of{suffix} parameters are not supported")
    groups: list[frozenset[str]] = []
    forbidden: set[str] = set()
    for value in values:
        names, negative = _aggregates(value)
        if negative and not request.at_least(1, 32):
            raise BadRequest(f"Forbidden member_of{suffix} parameters are not supported in the specified microversion")
        if negative:
            forbidden |= names
        else:
            groups.append(names)
    return groups, forbidden


def _aggregates(value: str) -> tuple[frozenset[str], bool]:
    negative = value.startswith("!")
    rest = value.removeprefix("!")
    if "," in value and not rest.startswith("in:"):
        raise BadRequest(
            f"Multiple values for 'member_of' must be prefixed with the 'in:' or '!in:' keyword using the valid microversion. Got: {value}"
        )
    names = frozenset(rest[3:].split(",") if rest.startswith("in:") else [rest])
    for name in sorted(names):
        if not _UUID.match(name):
            raise BadRequest(f"Invalid query string parameters: Expected 'member_of' parameter to contain valid UUID(s). Got: {name}")
    return names, negative


def in_tree(value: str) -> str:
    if not _UUID.match(value.strip()):
        raise BadRequest(f"Invalid query string parameters: Expected 'in_tree' parameter to be a format of uuid. Got: {value}")
    return value.strip()


def root_of(tx: Transaction, uuid: str) -> str | None:
    """The root of the tree a provider is in; None if there is no such provider."""
    row = tx.row(BY_UUID, {"the_uuid": uuid})
    return None if row is None else row.root_uuid


def searched(tx: Transaction, request: Request, given: Mapping[str, Any]) -> Search | None:
    """What GET /resource_providers asks for; None when nothing can match. Raises BadRequest for names that do not exist."""
    groups, forbidden = required(request)
    aggregates, strangers = member_of(request)
    wanted = resources(given["resources"]) if "resources" in given else {}
    root = root_of(tx, given["in_tree"]) if "in_tree" in given else None
    if "in_tree" in given and root is None:
        return None
    try:
        traits.check_known(tx, {*forbidden, *(name for group in groups for name in group)})
    except NotFound as missing:
        raise BadRequest(f'Invalid trait(s) in "required" parameter: {missing.message}') from None
    try:
        resource_classes.check_known(tx, wanted)
    except NotFound as missing:
        raise BadRequest(f"Invalid resource class in resources parameter: {missing.message}") from None
    only = [given["uuid"]] if given.get("uuid") else None
    return Search(wanted, groups, forbidden, aggregates, strangers, only, root, given.get("name") or None)
