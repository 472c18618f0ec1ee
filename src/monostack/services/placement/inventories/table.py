"""Inventories: how much of a resource class a provider has, and in what portions it may be given away."""

from dataclasses import dataclass

import sqlalchemy as sa

from monostack.db import Name, Timestamp, table

MAX_INT = 0x7FFFFFFF

inventories = table(
    "inventories",
    sa.Column("provider_uuid", sa.ForeignKey("resource_providers.uuid", ondelete="CASCADE"), primary_key=True),
    sa.Column("resource_class", Name(), primary_key=True),
    sa.Column("total", sa.Integer, nullable=False),
    sa.Column("reserved", sa.Integer, nullable=False),
    sa.Column("min_unit", sa.Integer, nullable=False),
    sa.Column("max_unit", sa.Integer, nullable=False),
    sa.Column("step_size", sa.Integer, nullable=False),
    sa.Column("allocation_ratio", sa.Float, nullable=False),
    sa.Column("created_at", Timestamp, nullable=False),
    sa.Column("updated_at", Timestamp, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Inventory:
    """A quantity in the units of its resource class (MEMORY_MB: MiB, DISK_GB: GiB).

    An allocation is at least `min_unit`, at most `max_unit`, and a multiple of `step_size`; all of them together are at most
    (total - reserved) * allocation_ratio.
    """

    total: int
    reserved: int = 0
    min_unit: int = 1
    max_unit: int = MAX_INT
    step_size: int = 1
    allocation_ratio: float = 1.0

    @property
    def capacity(self) -> float:
        return (self.total - self.reserved) * self.allocation_ratio

    def portions(self, amount: int) -> bool:
        """May `amount` be given away in one piece?"""
        return self.min_unit <= amount <= self.max_unit and amount % self.step_size == 0


_i = inventories.c
NAMES = ("total", "reserved", "min_unit", "max_unit", "step_size", "allocation_ratio")
OF_PROVIDER = sa.select(inventories).where(_i.provider_uuid == sa.bindparam("the_provider"))
INSERT = sa.insert(inventories)
UPDATE = (
    sa.update(inventories)
    .where(_i.provider_uuid == sa.bindparam("the_provider"), _i.resource_class == sa.bindparam("the_class"))
    .values({**{name: sa.bindparam(f"v_{name}") for name in NAMES}, "updated_at": sa.bindparam("the_time")})
)
DELETE = sa.delete(inventories).where(
    _i.provider_uuid == sa.bindparam("the_provider"), _i.resource_class.in_(sa.bindparam("classes", expanding=True))
)
