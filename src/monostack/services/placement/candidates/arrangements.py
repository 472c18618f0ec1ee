"""How trees of providers could give what several groups ask for, each group from one provider."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from monostack.db import Transaction
from monostack.services.placement.candidates.answers import find
from monostack.services.placement.candidates.groups import Group, Wanted


@dataclass(frozen=True, slots=True)
class RequestGroup:
    """Resources and traits of one provider. `id` is unique among those who ask together."""

    id: str
    resources: Mapping[str, int]
    required: tuple[str, ...] = ()


Request = Sequence[RequestGroup]
"""Groups whose providers are in one subtree: one of them is above the others."""


def arrangements(tx: Transaction, requests: Sequence[Request], tree: str | None = None) -> dict[str, dict[str, dict[str, int]]]:
    """Root provider -> amounts (provider -> resource class -> amount) that give all groups now. With `tree`, of that root alone."""
    groups = {
        group.id: Group(dict(group.resources), required=[frozenset((name,)) for name in group.required], in_tree=tree)
        for request in requests
        for group in request
    }
    wanted = Wanted(groups, same_subtrees=[{group.id for group in request} for request in requests])
    found = find(tx, wanted, nested_aware=True)
    ways: dict[str, dict[str, dict[str, int]]] = {}
    for answer in found.answers:
        ways.setdefault(found.providers[next(iter(answer.amounts))].root, answer.amounts)
    return ways
