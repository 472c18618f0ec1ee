"""What simulated hosts have, as the invariants read it."""

from typing import Any

from invariants import Guest


def guests_of(hypervisor: Any) -> dict[str, Guest]:
    return {id: Guest(guest.state, frozenset(guest.volumes), frozenset(guest.nics)) for id, guest in hypervisor.known.items()}


def taps_of(network: Any) -> set[str]:
    return {item.tap for key, item in network.items.items() if key.startswith("port/") and item.tap}
