"""What the ports of servers hold of their hosts in placement.

The server holds it, so that it moves and goes with the server; the profile of a port's binding says under `allocation` which provider gives
each of the port's groups. Texts and rules of changed policies are Neutron's.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from monostack.core.errors import Conflict, NotBuilt
from monostack.db import Row, Transaction
from monostack.services.network.ports.table import PORTS, asked_of_hosts
from monostack.services.network.qos.requests import PACKET_RATE, amounts, group_id
from monostack.services.network.qos.rules import RESERVING, rules_of
from monostack.services.network.words import conflict, refused
from monostack.services.placement import facade as placement

ALLOCATION = "allocation"
SERVER = "compute:"
_p = PORTS.table.c
_SET = sa.update(PORTS.table).where(_p.id == sa.bindparam("the_id")).values(profile=sa.bindparam("the_profile", type_=_p.profile.type))


def write_down(tx: Transaction, rows: Sequence[Row], holder: str) -> None:
    """Note in these ports which of the providers that `holder` (a server, or a migration) has allocations of gives what they ask for."""
    asked = asked_of_hosts(tx, rows)
    if not asked:
        return
    held = placement.allocations_of(tx, [holder]).get(holder, {})
    traits = placement.traits_of(tx, held)
    for row in rows:
        found: dict[str, str] = {}
        for group in asked.get(row.id, ()):
            for provider, amounts_held in held.items():
                if group.resources.keys() <= amounts_held.keys() and traits.get(provider, set()).issuperset(group.required):
                    found[group.id] = provider
        if found != (row.profile or {}).get(ALLOCATION, {}):
            tx.execute(_SET, {"the_id": row.id, "the_profile": {**without(row.profile), **({ALLOCATION: found} if found else {})}})


def without(profile: Mapping[str, Any] | None) -> dict[str, Any]:
    """The profile of a port that holds nothing."""
    return {name: value for name, value in (profile or {}).items() if name != ALLOCATION}


def erase(tx: Transaction, rows: Sequence[Row]) -> None:
    """Note that these ports hold nothing."""
    for row in rows:
        if ALLOCATION in (row.profile or {}):
            tx.execute(_SET, {"the_id": row.id, "the_profile": without(row.profile)})


def give_back(tx: Transaction, row: Row) -> None:
    """Take from the port's server what it holds for the port."""
    allocation = (row.profile or {}).get(ALLOCATION)
    if not allocation or not row.device_id:
        return
    changes: dict[str, dict[str, int]] = {}
    for group in asked_of_hosts(tx, [row]).get(row.id, ()):
        if group.id in allocation:
            changes.setdefault(allocation[group.id], {}).update({name: -amount for name, amount in group.resources.items()})
    placement.adjust(tx, row.device_id, changes)


# --- another policy --------------------------------------------------------------------------------------------------------


def follow(tx: Transaction, row: Row, before: str | None, after: str | None) -> dict[str, Any] | None:
    """Let the port's server hold what the policy `after` asks for instead of `before`. Returns the port's new profile, or None.

    What was never held is not claimed now: the host was not chosen for it. Raises QosPlacementAllocationUpdateConflict if it does not fit.
    """
    allocation = (row.profile or {}).get(ALLOCATION)
    if before == after or not allocation or not row.device_owner.startswith(SERVER):
        return None
    found = rules_of(tx, [id for id in (before, after) if id], RESERVING)
    old, new = found.get(before or "", []), found.get(after or "", [])
    if not old:
        return None
    groups: dict[str, str] = {}
    changes: dict[str, dict[str, int]] = {}
    for kind in RESERVING:
        left, taken = [rule for rule in old if rule.kind is kind], [rule for rule in new if rule.kind is kind]
        provider = allocation.get(group_id(row.id, left)) if left else None
        if provider is None:
            continue
        if taken:
            groups[group_id(row.id, taken)] = provider
        changes.setdefault(provider, {}).update(_difference(amounts(kind, left), amounts(kind, taken)))
    _claim(tx, row.device_id, {provider: change for provider, change in changes.items() if change})
    return {**row.profile, ALLOCATION: groups}


def _difference(old: Mapping[str, int], new: Mapping[str, int]) -> dict[str, int]:
    either_way = PACKET_RATE["any"]
    if new and old.keys() & set(PACKET_RATE.values()) and (either_way in old) != (either_way in new):
        text = (
            "Changing from direction-less QoS minimum packet rate rule to a direction-oriented minimum packet rate rule, or vice versa, is "
            "not supported."
        )
        raise NotBuilt(text, kind="HTTPNotImplemented")
    changed = {name: new.get(name, 0) - old.get(name, 0) for name in {**old, **new}}
    return {name: amount for name, amount in changed.items() if amount}


def _claim(tx: Transaction, server_id: str, changes: dict[str, dict[str, int]]) -> None:
    """Raises PlacementAllocationRemoved, PlacementAllocationRpNotExists, QosPlacementAllocationUpdateConflict."""
    if not changes:
        return
    held = placement.allocations_of(tx, [server_id]).get(server_id)
    if not held:
        raise refused(f"Resource allocation is deleted for consumer {server_id}", "PlacementAllocationRemoved")
    for provider in changes:
        if provider not in held:
            raise refused(f"Resource provider {provider} for {server_id} does not exist", "PlacementAllocationRpNotExists")
    try:
        placement.adjust(tx, server_id, changes)
    except Conflict:
        text = (
            f"Updating placement allocation with {changes} for consumer {server_id} failed. The requested resources would exceed the "
            "capacity available."
        )
        raise conflict(text, "QosPlacementAllocationUpdateConflict") from None
