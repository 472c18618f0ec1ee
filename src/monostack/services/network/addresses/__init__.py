"""IP address management: which addresses of a subnet are taken, by which port, and which is the next free one."""

from collections.abc import Sequence
from typing import Any

from monostack.db import Row, Transaction
from monostack.services.network.addresses.choice import Wish, changes, wishes, within_reach
from monostack.services.network.addresses.free import next_free
from monostack.services.network.addresses.rules import fits
from monostack.services.network.addresses.table import give_back, is_taken, of_port, of_ports, take
from monostack.services.network.words import conflict, refused

__all__ = ["Wish", "allocate", "change", "give_back", "of_port", "of_ports", "wishes", "within_reach"]


def allocate(tx: Transaction, port_id: str, network_id: str, wanted: Sequence[Wish], *, first: bool = False) -> None:
    """Give a port the addresses it wishes for, those it names before those it leaves open.

    `first` takes the lowest free address. Raises IpAddressAlreadyAllocated, InvalidIpForSubnet, IpAddressGenerationFailure.
    """
    for wish in sorted(wanted, key=lambda one: one.ip_address is None):
        if wish.ip_address is not None:
            _allocate_this(tx, port_id, wish.subnets[0], wish.ip_address)
            continue
        for subnet in wish.subnets:
            address = next_free(tx, subnet.id, subnet.allocation_pools, first=first)
            if address is not None:
                take(tx, port_id, network_id, subnet.id, address)
                break
        else:
            raise conflict(f"No more IP addresses available on network {network_id}.", "IpAddressGenerationFailure")


def _allocate_this(tx: Transaction, port_id: str, subnet: Row, address: str) -> None:
    if is_taken(tx, subnet.id, address):
        raise conflict(f"IP address {address} already allocated in subnet {subnet.id}", "IpAddressAlreadyAllocated")
    if not fits(subnet.cidr, address):
        raise refused(f"IP address {address} does not belong to subnet {subnet.id}", "InvalidIpForSubnet")
    take(tx, port_id, subnet.network_id, subnet.id, address)


def change(
    tx: Transaction,
    port: Row,
    mac: str,
    requested: Sequence[dict[str, Any]],
    subnets: Sequence[Row],
    *,
    drop_automatic: bool = False,
) -> bool:
    """Give a port other addresses; those it keeps stay. Says whether anything changed.

    Addresses a guest makes itself stay as well, unless `drop_automatic`.
    """
    present = of_port(tx, port.id)
    if drop_automatic:
        named = {entry["subnet_id"] for entry in requested if "subnet_id" in entry}
        gone = [{"subnet_id": one.subnet_id, "delete_subnet": True} for one in present if one.subnet_id not in named]
        requested = [*requested, *gone]
    add, remove = changes(port, mac, present, requested, subnets)
    for address in remove:
        give_back(tx, address.subnet_id, address.ip_address)
    allocate(tx, port.id, port.network_id, add)
    return bool(add or remove)
