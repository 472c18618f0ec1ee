"""Allocation candidates: for each tree (with what is shared with it) the ways to meet all groups of a request.

Each group is answered alone first; the answers of all groups that are anchored in the same tree are then combined, and combinations that
take more than there is, or break the policy of the request, are dropped.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice, product

from monostack.db import Transaction
from monostack.services.placement.candidates.groups import Group, Wanted
from monostack.services.placement.candidates.landscape import Provider, anchors, is_nested, load, sharers
from monostack.services.placement.candidates.parameters import root_of
from monostack.services.placement.candidates.search import Search, matching, sample

MOST = 100_000  # combinations looked at; beyond that the answer is one of the many that there are

Taken = frozenset[tuple[str, str]]  # (provider uuid, resource class)


@dataclass(frozen=True, slots=True)
class Part:
    """One way to meet one group: from which provider each resource class comes."""

    suffix: str
    sources: Mapping[str, str]  # resource class -> provider uuid
    providers: frozenset[str]


@dataclass(frozen=True, slots=True)
class Answer:
    """One way to meet the whole request."""

    amounts: dict[str, dict[str, int]]  # provider uuid -> resource class -> amount
    mappings: dict[str, frozenset[str]]  # suffix -> provider uuids

    def key(self) -> tuple[frozenset[tuple[str, str, int]], frozenset[tuple[str, frozenset[str]]]]:
        taken = frozenset((uuid, name, amount) for uuid, one in self.amounts.items() for name, amount in one.items())
        return taken, frozenset(self.mappings.items())


@dataclass(slots=True)
class Found:
    answers: list[Answer] = field(default_factory=list[Answer])
    providers: dict[str, Provider] = field(default_factory=dict[str, Provider])  # of all trees the answers touch


def find(tx: Transaction, wanted: Wanted, *, nested_aware: bool) -> Found:
    """The answers, at most `wanted.limit`. Clients that are not aware of nested providers get none that use two of one tree."""
    nested, sharing = is_nested(tx), sharers(tx)
    roots = _roots(tx, wanted)
    by_anchor: dict[str, dict[str, list[Part]]] = defaultdict(lambda: defaultdict(list))
    flat = not nested and not sharing
    single = flat and len(wanted.groups) == 1 and roots is None
    for suffix, group in wanted.groups.items():
        root = root_of(tx, group.in_tree) if group.in_tree else None
        if group.in_tree and root is None:
            return Found()
        if suffix or flat:
            parts = _alone(tx, suffix, group, root, sharing, wanted.limit if single else None)
        else:
            parts = _together(tx, group, root, sharing)
        for anchor, part in parts:
            if roots is None or anchor in roots:
                by_anchor[anchor][suffix].append(part)
    complete = {anchor: parts for anchor, parts in by_anchor.items() if len(parts) == len(wanted.groups)}
    known = load(tx, {*complete, *_foreign_roots(tx, complete)})
    answers = _limited(_combined(wanted, complete, known), wanted, known, one_of_a_tree=nested and not nested_aware)
    used = {uuid for answer in answers for uuid in (*answer.amounts, *set().union(*answer.mappings.values()))}
    trees = {known[uuid].root for uuid in used if any(uuid in answer.amounts for answer in answers)}
    shown = {uuid: one for uuid, one in known.items() if (uuid in used if nested and not nested_aware else one.root in trees)}
    return Found(answers, shown)


def _roots(tx: Transaction, wanted: Wanted) -> set[str] | None:
    """The roots that the request accepts; None: all."""
    if not wanted.root_required and not wanted.root_forbidden:
        return None
    search = Search({}, [(name,) for name in sorted(wanted.root_required)], wanted.root_forbidden)
    return {row.uuid for row in matching(tx, search) if row.parent_uuid is None}


# --- one group -------------------------------------------------------------------------------------------------------


def _alone(
    tx: Transaction, suffix: str, group: Group, root: str | None, sharing: set[str], limit: int | None
) -> Iterator[tuple[str, Part]]:
    """Providers that meet the group by themselves, each with the roots it may be used with."""
    search = Search(group.resources, group.required, group.forbidden, group.member_of, group.not_member_of, None, root)
    rows = matching(tx, search) if limit is None else sample(tx, search, limit)
    shared = anchors(tx, sharing & {row.uuid for row in rows})
    for row in rows:
        part = Part(suffix, {name: row.uuid for name in group.resources}, frozenset((row.uuid,)))
        for anchor in {row.root_uuid, *shared.get(row.uuid, ())}:
            yield anchor, part


def _together(tx: Transaction, group: Group, root: str | None, sharing: set[str]) -> Iterator[tuple[str, Part]]:
    """Ways in which the providers of a tree, and those that share with it, meet the group together."""
    by_anchor: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    members = _members(tx, group)
    lenders = sharing if members is None else sharing & members  # to share with a tree in the aggregate one must be in it oneself
    strangers = {row.uuid for row in matching(tx, Search({}, member_of=[group.not_member_of]))} if group.not_member_of else set()
    for name, amount in group.resources.items():
        rows = matching(tx, Search({name: amount}, forbidden=group.forbidden, root=root))
        shared = {} if root is not None else anchors(tx, lenders & {row.uuid for row in rows})
        for row in rows:
            for anchor in {row.root_uuid, *shared.get(row.uuid, ())}:
                # An aggregate of the root is one of the whole tree.
                if (members is None or row.uuid in members or anchor in members) and not {row.uuid, anchor} & strangers:
                    by_anchor[anchor][name].append(row.uuid)
    complete = {anchor: found for anchor, found in by_anchor.items() if len(found) == len(group.resources)}
    traits = _traits(tx, complete) if group.required else {}
    for anchor, found in complete.items():
        for uuids in islice(product(*(found[name] for name in group.resources)), MOST):
            together: set[str] = set().union(*(traits.get(uuid, ()) for uuid in uuids))
            if all(names & together for names in group.required):
                yield anchor, Part("", dict(zip(group.resources, uuids, strict=True)), frozenset(uuids))


def _members(tx: Transaction, group: Group) -> set[str] | None:
    if not group.member_of:
        return None
    return {row.uuid for row in matching(tx, Search({}, member_of=group.member_of))}


def _traits(tx: Transaction, by_anchor: Mapping[str, Mapping[str, list[str]]]) -> dict[str, set[str]]:
    used = {uuid for found in by_anchor.values() for uuids in found.values() for uuid in uuids}
    roots = {row.root_uuid for row in matching(tx, Search({}, only=sorted(used)))}
    return {uuid: provider.traits for uuid, provider in load(tx, roots).items()}


# --- all groups ------------------------------------------------------------------------------------------------------


def _foreign_roots(tx: Transaction, by_anchor: Mapping[str, Mapping[str, list[Part]]]) -> set[str]:
    """Roots of the trees that shared providers are in."""
    used = {uuid for parts in by_anchor.values() for many in parts.values() for part in many for uuid in part.providers}
    rest = sorted(used - set(by_anchor))
    return {row.root_uuid for row in matching(tx, Search({}, only=rest))} if rest else set()


def _combined(wanted: Wanted, by_anchor: Mapping[str, Mapping[str, list[Part]]], known: Mapping[str, Provider]) -> Iterator[Answer]:
    seen = set()
    for parts in by_anchor.values():
        for chosen in islice(product(*parts.values()), MOST):
            if wanted.isolate and _crowded(chosen):
                continue
            if not all(_in_one_subtree(chosen, suffixes, known) for suffixes in wanted.same_subtrees):
                continue
            answer = _merged(wanted, chosen)
            if _fits(answer, known) and answer.key() not in seen:
                seen.add(answer.key())
                yield answer


def _crowded(chosen: Iterable[Part]) -> bool:
    """Do two groups with a suffix share a provider?"""
    alone = [part for part in chosen if part.suffix]
    return len(frozenset().union(*(part.providers for part in alone))) != len(alone)


def _in_one_subtree(chosen: Iterable[Part], suffixes: set[str], known: Mapping[str, Provider]) -> bool:
    """Is one of the providers of these groups above (or the same as) all others?"""
    uuids: set[str] = set().union(*(part.providers for part in chosen if part.suffix in suffixes))
    above = [_ancestry(uuid, known) for uuid in uuids]
    return bool(set.intersection(*above) & uuids)


def _ancestry(uuid: str, known: Mapping[str, Provider]) -> set[str]:
    found: set[str] = set()
    at: str | None = uuid
    while at is not None:
        found.add(at)
        at = known[at].parent
    return found


def _merged(wanted: Wanted, chosen: Iterable[Part]) -> Answer:
    amounts: dict[str, dict[str, int]] = {}
    for part in chosen:
        for name, uuid in part.sources.items():
            one = amounts.setdefault(uuid, {})
            one[name] = one.get(name, 0) + wanted.groups[part.suffix].resources[name]
    return Answer(amounts, {part.suffix: part.providers for part in chosen})


def _fits(answer: Answer, known: Mapping[str, Provider]) -> bool:
    for uuid, amounts in answer.amounts.items():
        for name, amount in amounts.items():
            room = known[uuid].room[name]
            if amount > room.free or amount > room.inventory.max_unit:
                return False
    return True


def _limited(answers: Iterator[Answer], wanted: Wanted, known: Mapping[str, Provider], *, one_of_a_tree: bool) -> list[Answer]:
    if one_of_a_tree:
        answers = (a for a in answers if len({known[uuid].root for uuid in a.amounts}) == len(a.amounts))
    return list(islice(answers, wanted.limit))
