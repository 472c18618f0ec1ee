"""The providers that answers are made of: their trees, who shares with whom, what they have, use and can do."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa

from monostack.db import Row, Transaction
from monostack.services.placement.aggregates import provider_aggregates
from monostack.services.placement.allocations.rules import OF_PROVIDERS as ROOM_OF_PROVIDERS
from monostack.services.placement.candidates.search import Room
from monostack.services.placement.inventories.table import Inventory
from monostack.services.placement.providers.table import IN_TREES, resource_providers
from monostack.services.placement.traits import OF_PROVIDERS as TRAITS_OF_PROVIDERS
from monostack.services.placement.traits import provider_traits

SHARING = "MISC_SHARES_VIA_AGGREGATE"
_p, _pt = resource_providers.c, provider_traits.c
_NESTED = sa.select(_p.uuid).where(_p.parent_uuid.is_not(None)).limit(1)
_SHARERS = sa.select(_pt.provider_uuid).where(_pt.trait == SHARING)
_theirs, _others = provider_aggregates.alias("theirs").c, provider_aggregates.alias("others").c
_ANCHORS = (  # the roots of trees with a provider that is in an aggregate with the sharing one
    sa.select(_theirs.provider_uuid, _p.root_uuid)
    .join_from(_theirs.provider_uuid.table, _others.provider_uuid.table, _theirs.aggregate_uuid == _others.aggregate_uuid)
    .join(resource_providers, _p.uuid == _others.provider_uuid)
    .where(_theirs.provider_uuid.in_(sa.bindparam("the_providers", expanding=True)))
    .distinct()
)


@dataclass(slots=True)
class Provider:
    """A provider as answers show it."""

    uuid: str
    root: str
    parent: str | None
    room: dict[str, Room] = field(default_factory=dict[str, Room])
    traits: set[str] = field(default_factory=set[str])


def is_nested(tx: Transaction) -> bool:
    """Is any provider below another one?"""
    return tx.row(_NESTED) is not None


def sharers(tx: Transaction) -> set[str]:
    """The providers that share what they have through aggregates."""
    return {row[0] for row in tx.rows(_SHARERS)}


def anchors(tx: Transaction, uuids: Collection[str]) -> dict[str, set[str]]:
    """Sharing provider -> roots of the trees it shares with."""
    found: dict[str, set[str]] = defaultdict(set)
    if uuids:
        for row in tx.rows(_ANCHORS, {"the_providers": list(uuids)}):
            found[row.provider_uuid].add(row.root_uuid)
    return found


def load(tx: Transaction, roots: Iterable[str]) -> dict[str, Provider]:
    """All providers of the trees with these roots. Three statements for each thousand of them."""
    found: dict[str, Provider] = {}
    for some in batched(sorted(roots)):
        rows: Iterable[Row] = tx.rows(IN_TREES, {"the_roots": some})
        found.update((row.uuid, Provider(row.uuid, row.root_uuid, row.parent_uuid)) for row in rows)
    for some in batched(list(found)):
        params = {"the_providers": some}
        for row in tx.rows(ROOM_OF_PROVIDERS, params):
            found[row.provider_uuid].room[row.resource_class] = Room(Inventory(*row[2:8]), int(row.used))
        for row in tx.rows(TRAITS_OF_PROVIDERS, params):
            found[row.provider_uuid].traits.add(row.trait)
    return found


def batched(values: Sequence[str], size: int = 1000) -> Iterator[Sequence[str]]:
    """Slices small enough to be parameters of a statement."""
    for start in range(0, len(values), size):
        yield values[start : start + size]
