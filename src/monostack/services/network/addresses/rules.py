"""Arithmetic of subnets: pools, gateways, what belongs where. Messages and edges are Neutron's."""

from collections.abc import Iterable, Mapping

import netaddr
from netaddr import IPAddress, IPNetwork, IPRange, IPSet

from monostack.services.network.words import conflict, refused

Pool = Mapping[str, str]
ROUTER_OWNERS = ("network:router_interface", "network:router_gateway")


def fits(cidr: str, address: str, owner: str = "") -> bool:
    """May a port of this kind have the address in the subnet? IPv4 keeps network and broadcast address free, IPv6 its first."""
    ip, network = IPAddress(address), IPNetwork(cidr)
    if ip.version != network.version or ip not in network:
        return False
    if network.version == 4:
        return ip not in (network.network, network.broadcast)
    return owner in (*ROUTER_OWNERS, "") or ip != network.network


def gateway_is_wrong(cidr: str, gateway: str) -> bool:
    """A gateway inside an IPv4 subnet is neither its network nor its broadcast address; one outside is allowed."""
    ip, network = IPAddress(gateway), IPNetwork(cidr)
    return ip.version == 4 == network.version and ip in network and ip in (network.network, network[-1])


def default_gateway(cidr: str) -> str:
    """IPv4: the first host. IPv6: the subnet-router anycast address."""
    network = IPNetwork(cidr)
    return str(network.network if network.version == 6 else network.network + 1)


def usable(cidr: str) -> tuple[IPAddress, IPAddress]:
    """The first and the last address that a pool may hold."""
    network = IPNetwork(cidr)
    first, last = IPAddress(network.first, network.version), IPAddress(network.last, network.version)
    if network.version == 6:
        return (first + 1 if first != last else first), last
    return (first + 1, last - 1) if network.prefixlen <= 30 else (first, last)


def default_pools(cidr: str, gateway: str | None) -> list[dict[str, str]]:
    """Everything usable but the gateway."""
    first, last = usable(cidr)
    everything = IPSet(IPRange(first, last))
    if gateway and first != last:
        everything.remove(IPAddress(gateway))
    return [_pool(found) for found in everything.iter_ipranges()]


def _pool(found: IPRange) -> dict[str, str]:
    return {"start": str(IPAddress(found.first, found.version)), "end": str(IPAddress(found.last, found.version))}


def ranges(pools: Iterable[Pool]) -> list[IPRange]:
    """Raises InvalidAllocationPool for one that ends before it starts or mixes versions."""
    found = []
    for pool in pools:
        try:
            found.append(IPRange(pool["start"], pool["end"]))
        except (netaddr.AddrFormatError, TypeError):
            raise refused(f"The allocation pool {pool} is not valid.", "InvalidAllocationPool") from None
    return found


def check_pools(pools: Iterable[Pool], cidr: str) -> list[dict[str, str]]:
    """Pools inside the subnet that do not overlap. Returns them in canonical form."""
    first, last = usable(cidr)
    given = ranges(pools)
    for one in given:
        if one.version != first.version:
            raise refused(f"The allocation pool {one} is not valid.", "InvalidAllocationPool")
        if one.first < int(first) or one.last > int(last):
            raise refused(f"The allocation pool {one} spans beyond the subnet cidr {cidr}.", "OutOfBoundsAllocationPool")
    for index, left in enumerate(given):
        for right in given[index + 1 :]:
            if left.first <= right.last and right.first <= left.last:
                text = f"Found overlapping allocation pools: {left} {right} for subnet {cidr}."
                raise conflict(text, "OverlappingAllocationPools")
    return [_pool(one) for one in given]


def check_gateway_outside(gateway: str | None, pools: Iterable[Pool]) -> None:
    """Raises GatewayConflictWithAllocationPools."""
    if not gateway:
        return
    for one in ranges(pools):
        if IPAddress(gateway) in one:
            raise conflict(f"Gateway ip {gateway} conflicts with allocation pool {one}.", "GatewayConflictWithAllocationPools")


def eui64(cidr: str, mac: str) -> str:
    """The address a host makes itself in a /64 from its MAC. Source: RFC 4291, appendix A."""
    host = netaddr.EUI(mac).eui64().value ^ (1 << 57)
    return str(IPAddress(IPNetwork(cidr).first + host, 6))


def is_eui64(address: str) -> bool:
    """Was the address made from a MAC?"""
    ip = IPAddress(address)
    return ip.version == 6 and (int(ip) >> 24) & 0xFFFF == 0xFFFE
