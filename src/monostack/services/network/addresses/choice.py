"""Which addresses a port gets, given what was asked for and the subnets of its network. Source: Neutron's IPAM."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from netaddr import IPAddress, IPNetwork

from monostack.db import Row
from monostack.services.network.addresses.rules import eui64, fits, is_eui64
from monostack.services.network.subnets.table import is_automatic
from monostack.services.network.words import conflict, invalid, refused

ROUTER_INTERFACE = "network:router_interface"
DHCP = "network:dhcp"


@dataclass(frozen=True, slots=True)
class Wish:
    """One address: this one of the first subnet, or any of the first subnet that has one."""

    subnets: Sequence[Row]
    ip_address: str | None = None


def candidates(network_id: str, subnets: Sequence[Row], owner: str) -> list[Row]:
    """The subnets that serve this kind of port, those that are for it alone first."""
    found = [s for s in subnets if not s.service_types or owner in s.service_types or (owner == DHCP and s.enable_dhcp)]
    if subnets and not found:
        raise conflict(
            f"No valid service subnet for the given device owner, network {network_id}, service type {owner}.",
            "IpAddressGenerationFailureNoMatchingSubnet",
        )
    return sorted(found, key=lambda subnet: not subnet.service_types)


def within_reach(
    network_id: str, host: str, requested: Sequence[dict[str, Any]] | None, subnets: Sequence[Row], connected: str | None
) -> list[Row]:
    """Of a network's subnets those a port on this host may have addresses of. `connected` is the segment that hosts are plugged into.

    On a routed network a port without a host may only be given addresses that are asked for, all of one segment.
    """
    if all(subnet.segment_id is None for subnet in subnets):
        return list(subnets)
    if host:
        found = [subnet for subnet in subnets if subnet.segment_id is None or subnet.segment_id == connected]
        if not any(subnet.segment_id is not None for subnet in found):
            text = (
                f"Host {host} is not connected to any segments on routed provider network '{network_id}'.  It should be connected to one."
            )
            raise conflict(text, "HostNotConnectedToAnySegment")
        return found
    if requested is None:
        return [subnet for subnet in subnets if subnet.segment_id is None]
    named = [_subnet_meant(entry, subnets) for entry in requested]
    if None in named:
        return list(subnets)  # what it is refused for is found out there
    wanted = {subnet.segment_id for subnet in named if subnet is not None}
    if len(wanted) > 1:
        raise refused("Cannot allocate addresses from different segments.", "FixedIpsSubnetsNotOnSameSegment")
    return [subnet for subnet in subnets if subnet.segment_id in wanted]


def _subnet_meant(entry: dict[str, Any], subnets: Sequence[Row]) -> Row | None:
    if "subnet_id" in entry:
        return next((subnet for subnet in subnets if subnet.id == entry["subnet_id"]), None)
    return next((subnet for subnet in subnets if IPAddress(entry["ip_address"]) in IPNetwork(subnet.cidr)), None)


def wishes(network_id: str, owner: str, mac: str, requested: Sequence[dict[str, Any]] | None, subnets: Sequence[Row]) -> list[Wish]:
    """What a new port gets. `requested` is its `fixed_ips`; None: one address of each IP version, and all automatic ones."""
    usable = candidates(network_id, subnets, owner)
    automatic = [s for s in usable if is_automatic(s)] if owner != ROUTER_INTERFACE else []
    if requested is not None:
        named = _named(network_id, owner, mac, requested, usable)
        return named + [Wish([s], eui64(s.cidr, mac)) for s in automatic if not _covered(named, s)]
    chosen = []
    for version in (4, 6):
        choice = [s for s in usable if s.ip_version == version and not is_automatic(s)]
        if choice:
            chosen.append(Wish(choice))
    return chosen + [Wish([s], eui64(s.cidr, mac)) for s in automatic]


def _covered(named: Sequence[Wish], subnet: Row) -> bool:
    return any(wish.ip_address is not None and wish.subnets[0].id == subnet.id for wish in named)


def _named(network_id: str, owner: str, mac: str, requested: Sequence[dict[str, Any]], usable: Sequence[Row]) -> list[Wish]:
    found = []
    for entry in requested:
        subnet = _subnet_for(network_id, owner, entry, usable)
        address = entry.get("ip_address")
        if address is not None:
            if is_automatic(subnet) and owner != ROUTER_INTERFACE and address != eui64(subnet.cidr, mac):
                text = (
                    f"IPv6 address {address} cannot be directly assigned to a port on subnet {subnet.id} as the subnet is configured "
                    "for automatic addresses"
                )
                raise refused(text, "AllocationOnAutoAddressSubnet")
            found.append(Wish([subnet], address))
        elif owner == ROUTER_INTERFACE or not is_automatic(subnet):
            found.append(Wish([subnet]))
    return found


def _subnet_for(network_id: str, owner: str, entry: dict[str, Any], usable: Sequence[Row]) -> Row:
    if not usable:
        raise invalid("IP allocation requires subnets for network")
    address = entry.get("ip_address")
    if "subnet_id" in entry:
        for subnet in usable:
            if subnet.id == entry["subnet_id"]:
                if address is not None and not fits(subnet.cidr, address, owner):
                    raise refused(f"IP address {address} is not a valid IP for the specified subnet.", "InvalidIpForSubnet")
                return subnet
        text = f"Failed to create port on network {network_id}, because fixed_ips included invalid subnet {entry['subnet_id']}"
        raise invalid(text)
    if address is None:
        raise invalid("IP allocation requires subnet_id or ip_address")
    for subnet in usable:
        if fits(subnet.cidr, address, owner):
            return subnet
    raise refused(f"IP address {address} is not a valid IP for any of the subnets on the specified network.", "InvalidIpForNetwork")


def changes(
    port: Row, mac: str, present: Sequence[Row], requested: Sequence[dict[str, Any]], subnets: Sequence[Row]
) -> tuple[list[Wish], list[Row]]:
    """What a port that has `present` addresses gets and gives back to have what is requested.

    An entry that names only a subnet keeps the address the port has there. Automatic addresses stay unless {"delete_subnet": True}.
    """
    owner = port.device_owner
    dropped = {entry["subnet_id"] for entry in requested if entry.get("delete_subnet")}
    wanted = [entry for entry in requested if entry.get("subnet_id") not in dropped]
    left = {row.ip_address: row for row in present}
    keep: list[Row] = []
    add: list[dict[str, Any]] = []
    for entry in (e for e in wanted if "ip_address" in e):
        kept = left.pop(entry["ip_address"], None)
        add.append(entry) if kept is None else keep.append(kept)
    remove: list[Row] = []
    for entry in (e for e in wanted if "ip_address" not in e):
        kept = next((row for row in left.values() if row.subnet_id == entry.get("subnet_id")), None)
        if kept is None:
            add.append(entry)
            continue
        del left[kept.ip_address]
        if is_eui64(kept.ip_address):
            add.append(entry)
            remove.append(kept)
        else:
            keep.append(kept)
    by_id = {subnet.id: subnet for subnet in subnets}
    for row in [*left.values(), *remove[:]]:
        stays = owner != ROUTER_INTERFACE and is_automatic(by_id[row.subnet_id]) and row.subnet_id not in dropped
        if stays:
            keep.append(row)
        if stays and row in remove:
            remove.remove(row)
        elif not stays and row not in remove:
            remove.append(row)
    usable = candidates(port.network_id, subnets, owner)
    found = _named(port.network_id, owner, mac, add, usable)
    handled = {row.subnet_id for row in [*keep, *remove]} | {wish.subnets[0].id for wish in found}
    if owner != ROUTER_INTERFACE:
        found += [Wish([s], eui64(s.cidr, mac)) for s in usable if is_automatic(s) and s.id not in handled]
    return found, remove
