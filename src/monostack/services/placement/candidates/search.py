"""Which single providers could give what is asked for.

`find` walks the providers in the order of their uuid from a random place on and stops at the limit, asking the indexes of each one
alone: with room in the cloud it costs the same whether there are a hundred providers or ten thousand, and no two callers crowd the
same ones.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from monostack.core import ids
from monostack.db import Row, Select, Transaction
from monostack.services.placement.aggregates import provider_aggregates
from monostack.services.placement.allocations.rules import ROOM, allocations
from monostack.services.placement.inventories.table import Inventory, inventories
from monostack.services.placement.providers.table import resource_providers
from monostack.services.placement.traits import provider_traits

ALL = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Room:
    """An inventory and how much of it is taken."""

    inventory: Inventory
    used: int

    @property
    def free(self) -> int:
        """What could still be allocated, allocation ratio included. Negative where too much was promised."""
        return int(self.inventory.capacity) - self.used


@dataclass(frozen=True, slots=True)
class Candidate:
    uuid: str
    name: str
    room: Mapping[str, Room]  # by resource class, of the classes asked for


@dataclass(frozen=True, slots=True)
class Search:
    """What a single provider must satisfy. Each group of `required` and of `member_of` is met by any one of its names."""

    resources: Mapping[str, int]
    required: Sequence[Collection[str]] = ()
    forbidden: Collection[str] = ()
    member_of: Sequence[Collection[str]] = ()
    not_member_of: Collection[str] = ()
    only: Collection[str] | None = None  # provider uuids
    root: str | None = None  # of the tree it must be in
    name: str | None = None

    def shape(self) -> tuple[Any, ...]:
        counts = (len(self.resources), len(self.required), bool(self.forbidden), len(self.member_of), bool(self.not_member_of))
        return (*counts, self.only is not None, self.root is not None, self.name is not None)

    def params(self) -> dict[str, Any]:
        found: dict[str, Any] = {"forbidden": list(self.forbidden), "strangers": list(self.not_member_of), "only": list(self.only or ())}
        found.update(the_root=self.root, the_name=self.name)
        for i, (name, amount) in enumerate(self.resources.items()):
            found[f"class{i}"], found[f"amount{i}"] = name, amount
        found.update({f"required{i}": list(group) for i, group in enumerate(self.required)})
        found.update({f"member{i}": list(group) for i, group in enumerate(self.member_of)})
        return found


def _has_room(index: int) -> sa.ColumnElement[bool]:
    i, a, p = inventories.alias(f"i{index}").c, allocations.alias(f"a{index}").c, resource_providers.c
    name, amount = sa.bindparam(f"class{index}", type_=sa.String), sa.bindparam(f"amount{index}", type_=sa.Integer)
    used = (
        sa.select(sa.func.coalesce(sa.func.sum(a.used), 0))
        .where(a.provider_uuid == p.uuid, a.resource_class == name)
        .correlate(resource_providers)
        .scalar_subquery()
    )
    return (
        sa.select(sa.literal(1))
        .where(
            i.provider_uuid == p.uuid,
            i.resource_class == name,
            i.min_unit <= amount,
            i.max_unit >= amount,
            amount % i.step_size == 0,
            used + amount <= (i.total - i.reserved) * i.allocation_ratio,
        )
        .correlate(resource_providers)
        .exists()
    )


def _linked(link: sa.Table[Any], column: str, parameter: str) -> sa.ColumnElement[bool]:
    """The provider has one of the traits, or is in one of the aggregates, that the parameter lists."""
    return (
        sa.select(sa.literal(1))
        .where(link.c.provider_uuid == resource_providers.c.uuid, link.c[column].in_(sa.bindparam(parameter, expanding=True)))
        .correlate(resource_providers)
        .exists()
    )


@lru_cache(maxsize=256)
def _statement(shape: tuple[Any, ...], wrapped: bool) -> Select:
    classes, required, forbidden, members, strangers, only, root, name = shape
    p = resource_providers.c
    clauses = [_has_room(i) for i in range(classes)]
    clauses += [_linked(provider_traits, "trait", f"required{i}") for i in range(required)]
    clauses += [_linked(provider_aggregates, "aggregate_uuid", f"member{i}") for i in range(members)]
    if forbidden:
        clauses.append(~_linked(provider_traits, "trait", "forbidden"))
    if strangers:
        clauses.append(~_linked(provider_aggregates, "aggregate_uuid", "strangers"))
    if only:
        clauses.append(p.uuid.in_(sa.bindparam("only", expanding=True)))
    if root:
        clauses.append(p.root_uuid == sa.bindparam("the_root", type_=sa.String))
    if name:
        clauses.append(p.name == sa.bindparam("the_name", type_=sa.String))
    start = sa.bindparam("start", type_=sa.String)
    clauses.append(p.uuid < start if wrapped else p.uuid >= start)
    return sa.select(resource_providers).where(*clauses).order_by(p.uuid).limit(sa.bindparam("many", type_=sa.Integer))


def matching(tx: Transaction, search: Search) -> Sequence[Row]:
    """All providers that satisfy the search alone."""
    return tx.rows(_statement(search.shape(), False), {**search.params(), "start": "", "many": ALL})


def sample(tx: Transaction, search: Search, limit: int) -> list[Row]:
    """At most `limit` providers that satisfy the search alone, from a random one on."""
    params = {**search.params(), "start": ids.new_uuid(), "many": limit}
    found = list(tx.rows(_statement(search.shape(), False), params))
    if len(found) < limit:
        found += tx.rows(_statement(search.shape(), True), {**params, "many": limit - len(found)})
    return found


def find(tx: Transaction, search: Search, limit: int) -> list[Candidate]:
    """At most `limit` providers that satisfy the search alone, with their room. Three statements."""
    found = sample(tx, search, limit)
    if not found:
        return []
    room: dict[str, dict[str, Room]] = {row.uuid: {} for row in found}
    for row in tx.rows(ROOM, {"the_providers": list(room), "the_classes": list(search.resources)}):
        room[row.provider_uuid][row.resource_class] = Room(Inventory(*row[2:8]), row.used)
    return [Candidate(row.uuid, row.name, room[row.uuid]) for row in found]
