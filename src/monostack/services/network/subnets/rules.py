"""What a subnet may be. Checks, their order and their texts are Neutron's."""

from collections.abc import Mapping, Sequence
from typing import Any

from netaddr import IPAddress, IPNetwork

from monostack.db import Row, Transaction
from monostack.services.network.addresses.rules import gateway_is_wrong
from monostack.services.network.segments import table as segments
from monostack.services.network.subnets.table import AUTOMATIC_MODES
from monostack.services.network.words import conflict, invalid, refused

MAX_NAMESERVERS, MAX_ROUTES = 5, 20  # Neutron's defaults of max_dns_nameservers and max_subnet_host_routes
ROUTED = "network:routed"
SMALLEST_WITH_DHCP = {4: 30, 6: 126}


def check_version(version: int, address: str, name: str) -> None:
    if IPNetwork(address).version != version:
        raise invalid(f"{name} '{address}' does not match the ip_version '{version}'")


def check(values: Mapping[str, Any], present: Row | None = None) -> None:
    """The attributes of a subnet that is created, or changed from `present`."""
    version, cidr = values["ip_version"], values.get("cidr")
    if cidr:
        check_version(version, cidr, "cidr")
        _check_cidr(version, cidr, bool(values.get("enable_dhcp")) and not (present is not None and present.enable_dhcp))
    if values.get("gateway_ip"):
        check_version(version, values["gateway_ip"], "gateway_ip")
        if cidr and gateway_is_wrong(cidr, values["gateway_ip"]):
            raise invalid("Gateway is not valid on subnet")
    _check_lists(version, values, present.id if present is not None else "new subnet")
    if version == 4:
        for name in ("ipv6_ra_mode", "ipv6_address_mode"):
            if values.get(name) is not None:
                raise invalid(f"{name} is not valid when ip_version is 4")
    else:
        _check_ipv6(values, present)


def _check_cidr(version: int, cidr: str, dhcp_begins: bool) -> None:
    network = IPNetwork(cidr)
    if version == 6 and network.network == IPAddress("::"):
        raise invalid("IPv6 subnet '::' is not supported")
    if not dhcp_begins:
        return
    if network.prefixlen > SMALLEST_WITH_DHCP[version]:
        raise invalid("Subnet has a prefix length that is incompatible with DHCP service enabled")
    if network.is_multicast():
        raise invalid("Multicast IP subnet is not supported if enable_dhcp is True")
    if network.is_loopback():
        raise invalid("Loopback IP subnet is not supported if enable_dhcp is True")
    if version == 4 and network.first == 0:
        raise invalid("First IP '0.0.0.0' of network is not supported if enable_dhcp is True.")


def _check_lists(version: int, values: Mapping[str, Any], which: str) -> None:
    nameservers, routes = values.get("dns_nameservers") or (), values.get("host_routes") or ()
    if len(nameservers) > MAX_NAMESERVERS:
        text = f"Unable to complete operation for {which}. The number of DNS nameservers exceeds the limit {MAX_NAMESERVERS}."
        raise refused(text, "DNSNameServersExhausted")
    for nameserver in nameservers:
        check_version(version, nameserver, "dns_nameserver")
    if len(routes) > MAX_ROUTES:
        text = f"Unable to complete operation for {which}. The number of host routes exceeds the limit {MAX_ROUTES}."
        raise refused(text, "HostRoutesExhausted")
    for route in routes:
        check_version(version, route["nexthop"], "nexthop")
        check_version(version, route["destination"], "destination")


def _check_ipv6(values: Mapping[str, Any], present: Row | None) -> None:
    if present is not None:
        if values.get("enable_dhcp") is False and (present.ipv6_ra_mode or present.ipv6_address_mode):
            raise invalid("Cannot disable enable_dhcp with ipv6 attributes set")
        return
    ra_mode, address_mode = values.get("ipv6_ra_mode"), values.get("ipv6_address_mode")
    if (ra_mode or address_mode) and not values["enable_dhcp"]:
        raise invalid("ipv6_ra_mode or ipv6_address_mode cannot be set when enable_dhcp is set to False")
    if ra_mode and address_mode and ra_mode != address_mode:
        raise invalid(
            f"ipv6_ra_mode set to '{ra_mode}' with ipv6_address_mode set to '{address_mode}' is not valid. If both attributes are set, "
            "they must be the same value"
        )
    cidr = values.get("cidr")
    if cidr and (ra_mode in AUTOMATIC_MODES or address_mode in AUTOMATIC_MODES) and IPNetwork(cidr).prefixlen != 64:
        raise invalid(
            f"Invalid CIDR {cidr} for IPv6 address mode. OpenStack uses the EUI-64 address format, which requires the prefix to be /64"
        )


def check_mtu(network: Row, version: int) -> None:
    """The network's MTU is large enough for the IP version."""
    least = 1280 if version == 6 else 68
    if network.mtu and network.mtu < least:
        raise conflict(f"MTU of {network.id} is not valid, subnet requires a minimum of {least}", "NetworkMTUSubnetConflict")


def check_overlap(network_id: str, cidr: str, others: Sequence[Row]) -> None:
    """No two subnets of a network share addresses."""
    wanted = IPNetwork(cidr)
    if wanted.prefixlen == 0:
        raise invalid("0 is not allowed as CIDR prefix length")
    for other in others:
        there = IPNetwork(other.cidr)
        if there.version == wanted.version and there.first <= wanted.last and wanted.first <= there.last:
            raise invalid(f"Requested subnet with cidr: {cidr} for network: {network_id} overlaps with another subnet")


# --- segments ----------------------------------------------------------------------------------------------------------


def _between_routers(service_types: Sequence[str]) -> bool:
    """Subnets of a routed network that belong to no segment: their addresses are announced, wherever they are."""
    return ROUTED in service_types


def check_segment(tx: Transaction, network_id: str, values: Mapping[str, Any], present: Sequence[Row]) -> None:
    """A new subnet's segment: of its network, and given if those of the others are. Raises as Neutron does."""
    segment = segments.find(tx, values["segment_id"]) if values.get("segment_id") else None
    others = {row.segment_id for row in present if not _between_routers(row.service_types)}
    if not _between_routers(values["service_types"]):
        others.add(segment.id if segment is not None else None)
    if None in others and len(others) > 1:
        raise _not_all_associated(network_id)
    _check_network(network_id, segment)


def check_segment_change(tx: Transaction, row: Row, wanted: str | None, present: Sequence[Row]) -> None:
    """The only subnet of a network with one segment may be given to it, for good."""
    inside = [one.segment_id for one in present if not _between_routers(one.service_types)]
    if None in inside and len(set(inside)) > 1:
        raise _not_all_associated(row.network_id)
    if wanted != row.segment_id:
        if len(inside) > 1:
            raise _not_all_associated(row.network_id)
        if None not in inside and wanted not in inside:
            text = "A subnet that is already associated with a segment cannot have its segment association changed."
            raise refused(text, "SubnetSegmentAssociationChangeNotAllowed")
        if len(segments.of_networks(tx, [row.network_id]).get(row.network_id, ())) > 1:
            text = (
                f"The network '{row.network_id}' has multiple segments, it is only possible to associate an existing subnet with a "
                "segment on networks with a single segment."
            )
            raise refused(text, "NoUpdateSubnetWhenMultipleSegmentsOnNetwork")
    _check_network(row.network_id, segments.find(tx, wanted) if wanted else None)


def _check_network(network_id: str, segment: Row | None) -> None:
    if segment is not None and segment.network_id != network_id:
        text = f"The subnet's network id, '{network_id}', doesn't match the network_id of segment '{segment.id}'"
        raise refused(text, "NetworkIdsDontMatch")


def _not_all_associated(network_id: str) -> Exception:
    text = (
        f"All of the subnets on network '{network_id}' must either all be associated with segments or all not associated with any segment."
    )
    return refused(text, "SubnetsNotAllAssociatedWithSegments")
