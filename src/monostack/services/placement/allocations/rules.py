"""Allocations: what a consumer holds of a provider's inventory. Usage is always the sum of these rows; nothing else counts it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from monostack.core import clock
from monostack.core.errors import Conflict
from monostack.db import Name, Timestamp, Transaction, table
from monostack.services.placement.allocations import consumers
from monostack.services.placement.inventories.table import NAMES, Inventory, inventories
from monostack.services.placement.providers import table as providers

allocations = table(
    "allocations",
    sa.Column("consumer_uuid", sa.ForeignKey("consumers.uuid"), primary_key=True),
    sa.Column("provider_uuid", sa.ForeignKey("resource_providers.uuid"), primary_key=True),
    sa.Column("resource_class", Name(), primary_key=True),
    sa.Column("used", sa.Integer, nullable=False),
    sa.Column("created_at", Timestamp, nullable=False),
    # Usage of a class on a provider is read from this index alone.
    sa.Index("ix_allocations_usage", "provider_uuid", "resource_class", "used"),
)

Amounts = Mapping[str, Mapping[str, int]]  # provider uuid -> resource class -> amount


@dataclass(frozen=True, slots=True)
class Claim:
    """All that one consumer is to hold from now on; no amounts releases everything."""

    consumer_uuid: str
    amounts: Amounts
    project_id: str
    user_id: str
    consumer_type: str | None = None


_a, _i = allocations.c, inventories.c
_USED = (
    sa.select(sa.func.coalesce(sa.func.sum(_a.used), 0))
    .where(_a.provider_uuid == _i.provider_uuid, _a.resource_class == _i.resource_class)
    .correlate(inventories)
    .scalar_subquery()
)
ROOM = (  # what each provider has of the classes, and how much of it is taken
    sa.select(_i.provider_uuid, _i.resource_class, *[_i[name] for name in NAMES], _USED.label("used"))
    .where(
        _i.provider_uuid.in_(sa.bindparam("the_providers", expanding=True)),
        _i.resource_class.in_(sa.bindparam("the_classes", expanding=True)),
    )
    .order_by(_i.provider_uuid, _i.resource_class)
)
OF_PROVIDERS = (  # the same, of all classes
    sa.select(_i.provider_uuid, _i.resource_class, *[_i[name] for name in NAMES], _USED.label("used"))
    .where(_i.provider_uuid.in_(sa.bindparam("the_providers", expanding=True)))
    .order_by(_i.provider_uuid, _i.resource_class)
)
OF_CONSUMERS = sa.select(allocations).where(_a.consumer_uuid.in_(sa.bindparam("the_consumers", expanding=True)))
IN_USE = sa.select(_a.resource_class).where(_a.provider_uuid == sa.bindparam("the_provider")).distinct()
INSERT = sa.insert(allocations)
DELETE = sa.delete(allocations).where(_a.consumer_uuid.in_(sa.bindparam("the_consumers", expanding=True)))


def replace(tx: Transaction, claims: Iterable[Claim]) -> None:
    """Let each consumer hold exactly what its claim says, or change nothing.

    Raises Conflict when an inventory is missing, would be exceeded, or is not given away in such portions. A claim that takes no more
    than the consumers already hold is granted even where the provider is over capacity, so that they can shrink and move away.
    """
    claims = list(claims)
    names = [claim.consumer_uuid for claim in claims]
    held: dict[tuple[str, str], int] = defaultdict(int)
    before = tx.rows(OF_CONSUMERS, {"the_consumers": names})
    for row in before:
        held[row.provider_uuid, row.resource_class] += row.used
    _check(tx, claims, held)
    now = clock.now()
    if before:
        tx.execute(DELETE, {"the_consumers": names})
    _write_consumers(tx, claims)
    rows = [
        {"consumer_uuid": c.consumer_uuid, "provider_uuid": provider, "resource_class": name, "used": used, "created_at": now}
        for c in claims
        for provider, wanted in c.amounts.items()
        for name, used in wanted.items()
    ]
    if rows:
        tx.execute(INSERT, rows)
    emptied = {claim.consumer_uuid for claim in claims if not claim.amounts}
    touched = {row["provider_uuid"] for row in rows} | {row.provider_uuid for row in before if row.consumer_uuid in emptied}
    if touched:
        tx.execute(providers.AGE, {"the_uuids": sorted(touched), "the_time": now})


def _check(tx: Transaction, claims: list[Claim], held: Mapping[tuple[str, str], int]) -> None:
    wanted: dict[tuple[str, str], list[int]] = defaultdict(list)
    for claim in claims:
        for provider, amounts in claim.amounts.items():
            for name, amount in amounts.items():
                wanted[provider, name].append(amount)
    if not wanted:
        return
    params = {"the_providers": sorted({p for p, _ in wanted}), "the_classes": sorted({c for _, c in wanted})}
    room = {(row.provider_uuid, row.resource_class): row for row in tx.rows(ROOM, params)}
    stocked = {provider for provider, _ in room}
    for (provider, name), amounts in wanted.items():
        row = room.get((provider, name))
        if row is None:
            classes = name if provider in stocked else ", ".join(dict.fromkeys(c for _, c in wanted))
            raise Conflict(f"Inventory for '{classes}' on resource provider '{provider}' invalid.")
        inventory = Inventory(*row[2:8])
        where = f"Unable to create allocation for '{name}' on resource provider '{provider}'."
        if not all(inventory.portions(amount) for amount in amounts):
            raise Conflict(f"{where} The requested amount would violate inventory constraints.")
        others, mine = row.used - held.get((provider, name), 0), sum(amounts)
        if others + mine > inventory.capacity and mine > held.get((provider, name), 0):
            raise Conflict(f"{where} The requested amount would exceed the capacity.")


def _write_consumers(tx: Transaction, claims: list[Claim]) -> None:
    """Make, change or, where they hold nothing any more, remove the consumers."""
    now = clock.now()
    known = {row.uuid: row for row in tx.rows(consumers.BY_UUIDS, {"the_consumers": [c.consumer_uuid for c in claims]})}
    for claim in claims:
        row = known.get(claim.consumer_uuid)
        if row is not None and claim.amounts:
            params = {"the_consumer": row.uuid, "the_project": claim.project_id, "the_user": claim.user_id, "the_time": now}
            tx.execute(consumers.UPDATE, {**params, "the_type": claim.consumer_type or row.consumer_type})
        elif claim.amounts:
            new = {"uuid": claim.consumer_uuid, "project_id": claim.project_id, "user_id": claim.user_id, "generation": 1}
            tx.execute(consumers.INSERT, {**new, "consumer_type": claim.consumer_type, "created_at": now, "updated_at": now})
    gone = [claim.consumer_uuid for claim in claims if not claim.amounts and claim.consumer_uuid in known]
    if gone:
        tx.execute(consumers.DELETE, {"the_consumers": gone})


def release(tx: Transaction, consumer_uuids: Iterable[str]) -> bool:
    """Take everything back from the consumers. False if none of them held anything."""
    names = list(consumer_uuids)
    freed = tx.execute(DELETE, {"the_consumers": names}).rowcount > 0
    tx.execute(consumers.DELETE, {"the_consumers": names})
    return freed
