"""What other services may call of the placement service. Plain functions on the caller's transaction."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

import sqlalchemy as sa

from monostack.core import clock
from monostack.core.errors import Conflict
from monostack.db import Row, Transaction
from monostack.services.placement import aggregates, traits
from monostack.services.placement.allocations import rules as allocations
from monostack.services.placement.allocations.consumers import BY_UUIDS as CONSUMERS
from monostack.services.placement.allocations.consumers import consumers
from monostack.services.placement.allocations.rules import Amounts, Claim
from monostack.services.placement.candidates.arrangements import RequestGroup, arrangements
from monostack.services.placement.candidates.search import Candidate, Room, Search, find
from monostack.services.placement.inventories import rules as inventory_rules
from monostack.services.placement.inventories import table as inventories
from monostack.services.placement.inventories.table import Inventory
from monostack.services.placement.providers import table as providers

__all__ = [
    "Amounts", "Candidate", "Inventory", "RequestGroup", "Room", "adjust", "allocations_of", "arrangements", "candidates", "claim",
    "ensure_provider", "inventories_of", "move", "release", "remove_provider", "remove_unnamed", "set_aggregates", "set_traits",
    "traits_of", "usages", "usages_of_project",
]  # fmt: skip

_A = allocations.allocations.c
_USAGES = sa.select(_A.provider_uuid, _A.resource_class, sa.func.sum(_A.used).label("used")).group_by(_A.provider_uuid, _A.resource_class)
_USAGES_OF = _USAGES.where(_A.provider_uuid.in_(sa.bindparam("the_providers", expanding=True)))
_USAGES_OF_PROJECT = (
    sa.select(_A.resource_class, sa.func.sum(_A.used))
    .join(consumers, consumers.c.uuid == _A.consumer_uuid)
    .where(consumers.c.project_id == sa.bindparam("the_project"))
    .group_by(_A.resource_class)
)
_INVENTORIES_OF = sa.select(inventories.inventories).where(
    inventories.inventories.c.provider_uuid.in_(sa.bindparam("the_providers", expanding=True))
)


def ensure_provider(
    tx: Transaction,
    uuid: str,
    name: str,
    stock: Mapping[str, Inventory],
    having: Iterable[str] = (),
    *,
    keep: Collection[str] = (),
    parent: str | None = None,
) -> str:
    """Make or refresh a provider with these inventories and traits, below `parent` or as a root. Returns its uuid.

    Fields of existing inventories named in `keep` ("allocation_ratio", "reserved") stay as they are: an operator may have changed them.
    An inventory that is no longer given goes, unless it is in use. Traits that administrators set (CUSTOM_*, COMPUTE_STATUS_DISABLED) stay.
    """
    row = tx.row(providers.BY_UUID, {"the_uuid": uuid})
    now = clock.now()
    if row is None:
        root = providers.get(tx, parent).root_uuid if parent is not None else uuid
        new = {"uuid": uuid, "name": name, "generation": 0, "root_uuid": root, "parent_uuid": parent, "created_at": now, "updated_at": now}
        tx.execute(providers.INSERT, new)
    elif row.name != name:
        tx.execute(providers.RENAME, {"the_uuid": uuid, "the_name": name})
    changed = _set_inventories(tx, uuid, stock, keep)
    present = {t[0] for t in tx.rows(traits.OF_PROVIDER, {"the_provider": uuid})}
    kept = {t for t in present if t.startswith("CUSTOM_") or t == "COMPUTE_STATUS_DISABLED"}
    changed |= set_traits(tx, uuid, {*having, *kept})
    if changed:
        tx.execute(providers.AGE, {"the_uuids": [uuid], "the_time": now})
    return uuid


def _set_inventories(tx: Transaction, uuid: str, stock: Mapping[str, Inventory], keep: Collection[str]) -> bool:
    existing = inventory_rules.present(tx, uuid)
    changed = False
    for name, inventory in stock.items():
        row = existing.get(name)
        if row is not None:
            inventory = replace(inventory, **{field: row._mapping[field] for field in keep})
        changed |= inventory_rules.write(tx, uuid, name, inventory, row)
    gone = set(existing) - set(stock)
    gone -= inventory_rules.in_use(tx, uuid) if gone else set()
    inventory_rules.remove(tx, uuid, gone)
    return changed or bool(gone)


def set_traits(tx: Transaction, uuid: str, wanted: Collection[str]) -> bool:
    """Give a provider exactly these traits; CUSTOM_* ones are made as needed. True if that changed anything."""
    missing = traits.unknown(tx, wanted)
    traits.make_custom(tx, [name for name in missing if name.startswith("CUSTOM_")])
    traits.check_known(tx, missing)
    return traits.replace(tx, uuid, wanted)


def set_aggregates(tx: Transaction, uuid: str, wanted: Collection[str]) -> bool:
    """Put a provider into exactly these aggregates. True if that changed anything."""
    return aggregates.replace(tx, uuid, wanted)


def remove_provider(tx: Transaction, uuid: str) -> None:
    """Remove a root provider and all below it. Raises Conflict while anything is allocated from them; a missing one is no error."""
    for row in _tree(tx, uuid):
        if tx.row(allocations.IN_USE, {"the_provider": row.uuid}) is not None:
            raise Conflict("Resource provider has allocations.")
        tx.execute(providers.DELETE, {"the_uuid": row.uuid})


def remove_unnamed(tx: Transaction, root: str, prefix: str, named: Collection[str]) -> None:
    """Of the providers of a tree whose names begin with `prefix`, remove those that are not named and that nothing is allocated from."""
    for row in _tree(tx, root):
        if row.name.startswith(prefix) and row.uuid not in named and tx.row(allocations.IN_USE, {"the_provider": row.uuid}) is None:
            tx.execute(providers.DELETE, {"the_uuid": row.uuid})


def _tree(tx: Transaction, root: str) -> list[Row]:
    """The providers of a tree, each before its parent."""
    rows = {row.uuid: row for row in tx.rows(providers.IN_TREES, {"the_roots": [root]})}

    def depth(uuid: str) -> int:
        parent = rows[uuid].parent_uuid
        return 0 if parent is None else 1 + depth(parent)

    return [rows[uuid] for uuid in sorted(rows, key=depth, reverse=True)]


def claim(
    tx: Transaction, consumer_id: str, amounts: Amounts, project_id: str, user_id: str, consumer_type: str | None = "INSTANCE"
) -> None:
    """Let a consumer hold exactly `amounts` ({provider uuid: {resource class: amount}}) instead of what it holds.

    Raises Conflict when it does not fit, with nothing changed: another provider may be tried in the same transaction.
    """
    allocations.replace(tx, [Claim(consumer_id, amounts, project_id, user_id, consumer_type)])


def move(tx: Transaction, source: str, target: str, amounts: Amounts, project_id: str, user_id: str) -> None:
    """Hand all that `source` holds over to `target` (a migration) and let `source` claim `amounts` instead. Raises Conflict."""
    held = allocations_of(tx, [source]).get(source, {})
    allocations.replace(
        tx, [Claim(target, held, project_id, user_id, "MIGRATION"), Claim(source, amounts, project_id, user_id, "INSTANCE")]
    )


def adjust(tx: Transaction, consumer_id: str, changes: Amounts) -> None:
    """Add amounts to what a consumer holds; negative ones take from it, at most all. A consumer that holds nothing stays so.

    Raises Conflict when it does not fit.
    """
    consumer = tx.row(CONSUMERS, {"the_consumers": [consumer_id]})
    if consumer is None:
        return
    held = allocations_of(tx, [consumer_id]).get(consumer_id, {})
    for provider, amounts in changes.items():
        for name, amount in amounts.items():
            one = held.setdefault(provider, {})
            one[name] = max(0, one.get(name, 0) + amount)
    left = {provider: {name: amount for name, amount in amounts.items() if amount} for provider, amounts in held.items()}
    left = {provider: amounts for provider, amounts in left.items() if amounts}
    allocations.replace(tx, [Claim(consumer_id, left, consumer.project_id, consumer.user_id, consumer.consumer_type)])


def release(tx: Transaction, consumer_id: str) -> None:
    """Take back everything a consumer holds. One that holds nothing is no error."""
    allocations.release(tx, [consumer_id])


def candidates(
    tx: Transaction,
    resources: Mapping[str, int],
    required: Iterable[str] = (),
    forbidden: Collection[str] = (),
    member_of: Sequence[Collection[str]] = (),
    limit: int = 100,
    *,
    not_member_of: Collection[str] = (),
    only: Collection[str] | None = None,
) -> list[Candidate]:
    """Providers that could each give all of `resources` now, at most `limit`, beginning at a random one.

    They have every required trait and no forbidden one, and for each group of `member_of` are in one of its aggregates. `only` narrows the
    search to some providers. Amounts of 0 are ignored, as they ask for nothing.
    """
    asked = {name: amount for name, amount in resources.items() if amount > 0}
    search = Search(asked, [(trait,) for trait in required], forbidden, member_of, not_member_of, only)
    return find(tx, search, limit)


def allocations_of(tx: Transaction, consumer_ids: Iterable[str]) -> dict[str, dict[str, dict[str, int]]]:
    """consumer -> provider -> resource class -> amount, for the consumers that hold anything."""
    found: dict[str, dict[str, dict[str, int]]] = {}
    for row in tx.rows(allocations.OF_CONSUMERS, {"the_consumers": list(consumer_ids)}):
        found.setdefault(row.consumer_uuid, {}).setdefault(row.provider_uuid, {})[row.resource_class] = row.used
    return found


def traits_of(tx: Transaction, provider_uuids: Iterable[str]) -> dict[str, set[str]]:
    """provider -> its traits; those without any are missing."""
    found: dict[str, set[str]] = {}
    for row in tx.rows(traits.OF_PROVIDERS, {"the_providers": list(provider_uuids)}):
        found.setdefault(row.provider_uuid, set()).add(row.trait)
    return found


def usages(tx: Transaction, provider_uuids: Collection[str] | None = None) -> dict[str, dict[str, int]]:
    """provider -> resource class -> allocated amount; of all providers without a list. Classes nobody uses are left out."""
    rows = tx.rows(_USAGES) if provider_uuids is None else tx.rows(_USAGES_OF, {"the_providers": list(provider_uuids)})
    found: dict[str, dict[str, int]] = {}
    for row in rows:
        found.setdefault(row.provider_uuid, {})[row.resource_class] = int(row.used)
    return found


def usages_of_project(tx: Transaction, project_id: str) -> dict[str, int]:
    """resource class -> amount allocated to the project's consumers. Classes it does not use are left out."""
    return {name: int(used) for name, used in tx.rows(_USAGES_OF_PROJECT, {"the_project": project_id})}


def inventories_of(tx: Transaction, provider_uuids: Iterable[str]) -> dict[str, dict[str, Inventory]]:
    """provider -> resource class -> inventory."""
    found: dict[str, dict[str, Inventory]] = {}
    for row in tx.rows(_INVENTORIES_OF, {"the_providers": list(provider_uuids)}):
        found.setdefault(row.provider_uuid, {})[row.resource_class] = Inventory(*[row._mapping[name] for name in inventories.NAMES])
    return found
