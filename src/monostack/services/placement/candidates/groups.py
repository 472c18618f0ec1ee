"""What GET /allocation_candidates asks for: groups of resources with their traits, told apart by the suffix of their parameters.

The group without a suffix may be met by several providers of a tree together; every other group by one provider.
"""

import re
from dataclasses import dataclass, field

from monostack.core.errors import BadRequest
from monostack.http import Request
from monostack.services.placement import dialect
from monostack.services.placement.candidates import parameters

_KEY = re.compile(r"^(resources|required|member_of|in_tree)([1-9][0-9]*)?$")
_KEY_1_33 = re.compile(r"^(resources|required|member_of|in_tree)([a-zA-Z0-9_-]{1,64})?$")


@dataclass(slots=True)
class Group:
    resources: dict[str, int] = field(default_factory=dict[str, int])
    required: list[frozenset[str]] = field(default_factory=list[frozenset[str]])
    forbidden: set[str] = field(default_factory=set[str])
    member_of: list[frozenset[str]] = field(default_factory=list[frozenset[str]])
    not_member_of: set[str] = field(default_factory=set[str])
    in_tree: str | None = None


@dataclass(slots=True)
class Wanted:
    """The whole request. `root_required` and `root_forbidden` are about the root of the tree that an answer is in."""

    groups: dict[str, Group]
    limit: int | None = None
    isolate: bool = False
    root_required: set[str] = field(default_factory=set[str])
    root_forbidden: set[str] = field(default_factory=set[str])
    same_subtrees: list[set[str]] = field(default_factory=list[set[str]])

    def traits(self) -> set[str]:
        named = self.root_required | self.root_forbidden
        for group in self.groups.values():
            named |= group.forbidden.union(*group.required)
        return named


def parse(request: Request) -> Wanted:
    """Read the query string, which its schema has already accepted. Raises BadRequest."""
    wanted = Wanted(_groups(request))
    limits = request.query_all("limit")
    if limits:
        wanted.limit = int(limits[0])
    policy = (request.query_all("group_policy") or [None])[0]
    wanted.isolate = policy == "isolate"
    _read_root(request, wanted)
    wanted.same_subtrees = [_suffixes(value) for value in request.query_all("same_subtree")]
    _check(request, wanted)
    if policy is None and sum(bool(suffix) for suffix in wanted.groups) > 1:
        raise BadRequest('The "group_policy" parameter is required when specifying more than one "resources{N}" parameter.')
    return wanted


def _groups(request: Request) -> dict[str, Group]:
    found: dict[str, Group] = {}
    pattern = _KEY_1_33 if request.at_least(1, 33) else _KEY
    for key, value in request.query:
        match = pattern.match(key)
        if match is None:
            continue
        prefix, suffix = match[1], match[2] or ""
        group = found.setdefault(suffix, Group())
        if prefix == "resources":
            group.resources = parameters.resources(value)
        elif prefix == "required":
            group.required, group.forbidden = parameters.required(request, suffix)
        elif prefix == "member_of":
            group.member_of, group.not_member_of = parameters.member_of(request, suffix)
        else:
            group.in_tree = parameters.in_tree(value)
    return found


def _read_root(request: Request, wanted: Wanted) -> None:
    values = request.query_all("root_required")
    if not values:
        return
    if len(values) > 1:
        raise BadRequest("Query parameter 'root_required' may be specified only once.", kind=dialect.DUPLICATE_PARAMETER)
    groups, wanted.root_forbidden = parameters.trait_list(request, values[0], may_forbid=True)
    wanted.root_required = set().union(*groups)
    both = wanted.root_required & wanted.root_forbidden
    if both:
        text = f"Conflicting required and forbidden traits found in root_required: {', '.join(sorted(both))}"
        raise BadRequest(text, kind=dialect.BAD_PARAMETER)


def _suffixes(value: str) -> set[str]:
    names = {name.strip() for name in value.split(",")}
    if "" in names:
        text = "Empty string (unsuffixed group) can not be specified in `same_subtree` "
        raise BadRequest(text, kind=dialect.BAD_PARAMETER)
    return names


def _check(request: Request, wanted: Wanted) -> None:
    if request.at_least(1, 36):
        _check_subtrees(wanted)
    else:
        _check_orphans(wanted.groups)
    if not request.at_least(1, 22):
        return
    conflicts = [
        f"required{suffix}: ({', '.join(sorted(names))})"
        for suffix, group in wanted.groups.items()
        for names in group.required
        if names <= group.forbidden
    ]
    if conflicts:
        raise BadRequest(f"Conflicting required and forbidden traits found in the following traits keys: {', '.join(sorted(conflicts))}")


def _check_subtrees(wanted: Wanted) -> None:
    """From 1.36 on a group may ask for no resources, if it is named in same_subtree."""
    groups, named = wanted.groups, set().union(*wanted.same_subtrees)
    without = {suffix for suffix, group in groups.items() if not group.resources}
    if len(without) == len(groups):
        text = "There must be at least one resources or resources[$S] parameter."
        raise BadRequest(text, kind=dialect.MISSING_PARAMETER)
    bad = sorted(without - named)
    if bad:
        text = f"Resourceless suffixed group request should be specified in `same_subtree` query param: bad group(s) - {bad}."
        raise BadRequest(text, kind=dialect.BAD_PARAMETER)
    bad = sorted(named - set(groups))
    if bad:
        text = f"Real suffixes should be specified in `same_subtree`: {bad} not found in {list(groups)}."
        raise BadRequest(text, kind=dialect.BAD_PARAMETER)


def _check_orphans(groups: dict[str, Group]) -> None:
    orphans = [f"required{suffix}" for suffix, group in groups.items() if group.required and not group.resources]
    if orphans:
        raise BadRequest(
            f"All traits parameters must be associated with resources.  Found the following orphaned traits keys: {', '.join(orphans)}"
        )
    orphans = [f"member_of{s}" for s, group in groups.items() if not group.resources and (group.member_of or group.not_member_of)]
    if orphans:
        raise BadRequest(
            f"All member_of parameters must be associated with resources. Found the following orphaned member_of keys: {', '.join(orphans)}"
        )
    if not all(group.resources for group in groups.values()):
        raise BadRequest("All request groups must specify resources.")
    if not groups:
        raise BadRequest("At least one request group (`resources` or `resources{$S}`) is required.")
