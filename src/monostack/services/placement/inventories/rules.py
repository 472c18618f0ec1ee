"""Changing inventories: what is in use stays, the rest follows what is asked."""

from collections.abc import Mapping

from monostack.core import clock
from monostack.core.errors import Conflict
from monostack.db import Row, Transaction
from monostack.services.placement import dialect
from monostack.services.placement.allocations.rules import IN_USE
from monostack.services.placement.inventories import table
from monostack.services.placement.inventories.table import NAMES, Inventory
from monostack.services.placement.resource_classes import in_order


def present(tx: Transaction, uuid: str) -> dict[str, Row]:
    """The rows of a provider by resource class."""
    return {row.resource_class: row for row in tx.rows(table.OF_PROVIDER, {"the_provider": uuid})}


def in_use(tx: Transaction, uuid: str) -> set[str]:
    """The resource classes something is allocated of."""
    return {row[0] for row in tx.rows(IN_USE, {"the_provider": uuid})}


def write(tx: Transaction, uuid: str, name: str, inventory: Inventory, existing: Row | None) -> bool:
    """Make or change one inventory. True if that changed anything."""
    values = {field: getattr(inventory, field) for field in NAMES}
    now = clock.now()
    if existing is None:
        tx.execute(table.INSERT, {"provider_uuid": uuid, "resource_class": name, **values, "created_at": now, "updated_at": now})
        return True
    if all(existing._mapping[field] == value for field, value in values.items()):
        return False
    params = {f"v_{field}": value for field, value in values.items()}
    tx.execute(table.UPDATE, {"the_provider": uuid, "the_class": name, "the_time": now, **params})
    return True


def remove(tx: Transaction, uuid: str, names: set[str]) -> None:
    """Remove inventories. Raises Conflict if one of them is in use."""
    held = in_order(names & in_use(tx, uuid))
    if held:
        text = f"Inventory for '{', '.join(held)}' on resource provider '{uuid}' in use."
        raise Conflict(text, kind=dialect.INVENTORY_IN_USE)
    if names:
        tx.execute(table.DELETE, {"the_provider": uuid, "classes": sorted(names)})


def replace(tx: Transaction, uuid: str, stock: Mapping[str, Inventory]) -> None:
    """Let a provider have exactly this. Raises Conflict if what would go is in use."""
    existing = present(tx, uuid)
    remove(tx, uuid, set(existing) - set(stock))
    for name, inventory in stock.items():
        write(tx, uuid, name, inventory, existing.get(name))
