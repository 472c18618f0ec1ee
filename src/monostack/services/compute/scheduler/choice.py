"""The choice itself."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from monostack.db import Transaction
from monostack.services.compute.hosts.known import Host, KnownHosts, known_hosts
from monostack.services.compute.hosts.table import DEFAULT_ZONE
from monostack.services.compute.scheduler.filters import enabled, enabled_of_images, objection
from monostack.services.compute.scheduler.landscape import Landscape, landscape
from monostack.services.compute.scheduler.weighers import Fit, best
from monostack.services.compute.scheduler.wish import Wish
from monostack.services.placement import facade as placement

# How many hosts with room are looked at: few, from a random one on, and only if none of them is fit, more.
LOOKS = (16, 256, 1_000_000)
EXPLAINED = 50  # hosts named in a refusal


class NoValidHost(Exception):
    """No host is fit. `details` names the hosts and what is against each; only administrators may read it."""

    code = 500  # of the fault

    def __init__(self, details: str, reason: str = "There are not enough hosts available.") -> None:
        self.message = f"No valid host was found. {reason}"
        self.details = details
        super().__init__(details)


class Contradictory(NoValidHost):
    """No host could be fit for what the flavor and the image ask for. Of an error that is the caller's there are no details."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message if code == 500 else "")
        self.message = message
        self.code = code


@dataclass(frozen=True, slots=True)
class Place:
    """A host, and what of it is to be claimed: provider -> resource class -> amount."""

    host: Host
    amounts: placement.Amounts


def pick(tx: Transaction, wish: Wish) -> Place:
    """The best host for what is wished. Raises NoValidHost."""
    _check_contradiction(wish)
    known = known_hosts(tx)
    land = landscape(tx)
    filters = enabled(land.settings)
    only = _only(known, wish)
    ways = placement.arrangements(tx, wish.asked_by_ports) if wish.asked_by_ports else None
    if ways is not None:
        only = [id for id in (ways if only is None else only) if id in ways]
    member_of, strangers = _aggregates(known, wish)
    for limit in LOOKS:
        found = placement.candidates(
            tx, wish.resources, wish.required, wish.forbidden, member_of, limit, not_member_of=strangers, only=only
        )
        fits = [Fit(host, candidate) for candidate in found if (host := known.by_id.get(candidate.uuid)) is not None]
        land.look_at(tx, [fit.host.name for fit in fits], found)
        fits = [fit for fit in fits if objection(filters, fit.host, wish, land) is None]
        if fits:
            host = best(fits, wish, land)
            own = {name: amount for name, amount in wish.resources.items() if amount}
            return Place(host, {**(ways[host.id] if ways is not None else {}), host.id: own})
        if len(found) < limit:
            break
    raise NoValidHost(_explain(tx, known, wish, land, ways))


def check_image(tx: Transaction, server_id: str, host: Host, wish: Wish, traits: Collection[str]) -> None:
    """May the server, on its host, have the image of the wish, which requires these traits? Raises NoValidHost."""
    _check_contradiction(wish)
    refused = set(traits) & wish.forbidden
    if refused:
        raise NoValidHost(
            f"the flavor forbids {', '.join(sorted(refused))}",
            "Image traits are part of forbidden traits in flavor associated with the server. Either specify a different image during "
            "rebuild or create a new server with the specified image and a compatible flavor.",
        )
    providers = placement.allocations_of(tx, [server_id]).get(server_id, {})
    missing = set(traits).difference(*placement.traits_of(tx, providers).values()) if traits else set()
    if missing:
        raise NoValidHost(
            f"{host.name} lacks {', '.join(sorted(missing))}",
            "Image traits cannot be satisfied by the current resource providers. Either specify a different image during rebuild or "
            "create a new server with the specified image.",
        )
    land = landscape(tx)
    reason = objection(enabled_of_images(land.settings), host, wish, land)
    if reason is not None:
        raise NoValidHost(f"{host.name}: {reason}")


def _check_contradiction(wish: Wish) -> None:
    if wish.contradiction is not None:
        raise Contradictory(wish.contradiction.message, wish.contradiction.code)


def _only(known: KnownHosts, wish: Wish) -> Collection[str] | None:
    """Narrow the search where few hosts are possible."""
    names = wish.hosts
    if names is None and wish.group is not None and wish.group.policy == "affinity" and wish.group.held:
        names = list(wish.group.held)
    if names is None:
        return None
    return [known.by_name[name].id for name in names if name in known.by_name]


def _aggregates(known: KnownHosts, wish: Wish) -> tuple[Sequence[Collection[str]], Collection[str]]:
    """A zone as placement knows it: the aggregates that are the zone, or for the default zone not those of other zones."""
    if wish.zone is None:
        return (), ()
    if wish.zone in known.aggregates_of_zone:
        return (known.aggregates_of_zone[wish.zone],), ()
    if wish.zone == DEFAULT_ZONE:
        return (), [uuid for uuids in known.aggregates_of_zone.values() for uuid in uuids]
    return (), ()


def _explain(tx: Transaction, known: KnownHosts, wish: Wish, land: Landscape, ways: Collection[str] | None) -> str:
    if not known.by_id:
        return "No compute host has enrolled yet."
    hosts = sorted(known.by_id.values(), key=lambda host: host.name)[:EXPLAINED]
    stock = placement.inventories_of(tx, [host.id for host in hosts])
    taken = placement.usages(tx, [host.id for host in hosts])
    land.look_at(tx, [host.name for host in hosts])
    filters, reasons = enabled(land.settings), []
    for host in hosts:
        reason = objection(filters, host, wish, land)
        if reason is None and ways is not None and host.id not in ways:
            reason = f"it has too little left of what the ports ask for ({_asked(wish)})"
        reason = reason or _short(host, wish, stock.get(host.id, {}), taken.get(host.id, {}))
        reasons.append(f"{host.name}: {reason}")
    more = len(known.by_id) - len(hosts)
    return "; ".join(reasons) + (f"; and {more} more hosts" if more else "")


def _asked(wish: Wish) -> str:
    groups = [group for request in wish.asked_by_ports for group in request]
    return "; ".join(
        f"{', '.join(f'{amount} {name}' for name, amount in group.resources.items())} with {', '.join(group.required)}" for group in groups
    )


def _short(host: Host, wish: Wish, stock: dict[str, placement.Inventory], taken: dict[str, int]) -> str:
    for name, amount in wish.resources.items():
        if amount == 0:
            continue
        inventory = stock.get(name)
        if inventory is None:
            return f"it has no {name}"
        free = int(inventory.capacity) - taken.get(name, 0)
        if free < amount:
            return f"{amount} {name} are asked for, {max(free, 0)} are free"
        if not inventory.portions(amount):
            return f"it does not give {amount} {name} to one server"
    missing = ", ".join(sorted(wish.required)) or "none"
    return f"it lacks a required trait ({missing}) or has a forbidden one"
