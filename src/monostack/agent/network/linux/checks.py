"""What an item must be beyond its schema, before any of it reaches a ruleset, a file or the kernel. All raise ValueError."""

import base64
import binascii
import re
from collections.abc import Iterable
from ipaddress import IPv6Address, ip_address, ip_interface, ip_network

import msgspec

from monostack.agent.network.linux.nat import PROTOCOLS
from monostack.agent.network.linux.settings import TAP
from monostack.protocol.guests import InstanceMetadata
from monostack.protocol.network import (
    CONNTRACK_HELPERS,
    MembersItem,
    NetworkItem,
    PortForwardingItem,
    PortItem,
    Qos,
    RouterItem,
    SubnetItem,
)

_IDENTIFIER = re.compile(r"[0-9a-f][0-9a-f-]{10,63}")
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")
_NAME = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9_-]{1,63}(?<!-))*\.?")
_DHCP_OPTION = re.compile(r"(tag:!?[\w-]+,)?[\w-]{1,64}")
_LAST_PORT = 65535
_MODES = (None, "slaac", "dhcpv6-stateful", "dhcpv6-stateless")


def nothing(item: msgspec.Struct) -> None:
    """The schema says it all."""


def identifier(value: str) -> None:
    """It becomes part of interface names and paths."""
    if not _IDENTIFIER.fullmatch(value):
        raise ValueError(f"{value!r} is not an id")


def _mac(value: str) -> None:
    if not _MAC.fullmatch(value.lower()):
        raise ValueError(f"{value!r} is not a MAC address")


def _name(value: str, what: str) -> None:
    if len(value) > 253 or not _NAME.fullmatch(value):
        raise ValueError(f"{what} {value!r} is not a DNS name")


def _routes(routes: Iterable[dict[str, str]]) -> None:
    for route in routes:
        if route.keys() != {"destination", "nexthop"}:
            raise ValueError(f"a route has a destination and a nexthop, not {sorted(route)}")
        if ip_network(route["destination"], strict=False).version != ip_address(route["nexthop"]).version:
            raise ValueError(f"route to {route['destination']}: {route['nexthop']} is of the other IP version")


def network(item: NetworkItem) -> None:
    if item.kind not in ("tenant", "flat", "vlan"):
        raise ValueError(f"this host makes tenant, flat and vlan networks, not {item.kind!r}")
    if item.kind != "tenant" and not item.physical_network:
        raise ValueError(f"a {item.kind} network names its physical network")
    if item.kind == "vlan" and not 0 < (item.segment or 0) < 4095:
        raise ValueError(f"{item.segment} is not a VLAN tag")
    if not 68 <= item.mtu <= 65535:
        raise ValueError(f"MTU {item.mtu} is not between 68 and 65535")
    if item.dhcp_mac is not None:
        _mac(item.dhcp_mac)
    if item.dns_domain:
        _name(item.dns_domain, "DNS domain")
    for subnet in item.subnets:
        _subnet(subnet)


def _subnet(subnet: SubnetItem) -> None:
    identifier(subnet.id)
    cidr = ip_network(subnet.cidr)
    if cidr.version != subnet.ip_version:
        raise ValueError(f"subnet {subnet.cidr} is not IPv{subnet.ip_version}")
    for address in (subnet.gateway_ip, subnet.dhcp_ip):
        if address is not None and ip_address(address).version != subnet.ip_version:
            raise ValueError(f"{address} is not an address for subnet {subnet.cidr}")
    for server in subnet.dns_nameservers:
        ip_address(server)
    _routes(subnet.host_routes)
    if subnet.ipv6_address_mode not in _MODES or subnet.ipv6_ra_mode not in _MODES:
        raise ValueError(f"subnet {subnet.cidr}: there is no such IPv6 mode")


def port(item: PortItem) -> None:
    identifier(item.network_id)
    _mac(item.mac)
    if item.tap is not None and not re.fullmatch(TAP + r"[0-9a-z-]{1,12}", item.tap):
        raise ValueError(f"{item.tap!r} is not the name of a tap: {TAP} and at most 12 characters")
    if (item.parent is None) != (item.vlan is None):
        raise ValueError("a subport has a parent and a tag")
    if item.parent is not None:
        identifier(item.parent)
    if item.vlan is not None and not 0 < item.vlan < 4095:
        raise ValueError(f"{item.vlan} is not a VLAN tag")
    for fixed in item.fixed_ips:
        ip_address(fixed.ip_address)
    for told in item.logs:
        for named in (told.id, told.project_id, told.group):
            if named is not None:
                identifier(named)
    for local in item.local_ips:
        ip_address(local.local_ip)
        ip_address(local.fixed_ip)
    for pair in item.allowed_pairs:
        ip_network(pair["ip_address"], strict=False)
        _mac(pair.get("mac_address") or item.mac)
    if item.hostname:
        _name(item.hostname, "host name")
    for group in item.groups:
        identifier(group)
    for option in item.dhcp_options:
        if not _DHCP_OPTION.fullmatch(str(option["opt_name"])):
            raise ValueError(f"{option['opt_name']!r} is not the name of a DHCP option")
        value = str(option.get("opt_value") or "")
        if not value.isprintable():
            raise ValueError(f"DHCP option {option['opt_name']}: its value is not one line of text")
        if option["opt_name"] in ("client-id", "61") and not re.fullmatch(r"[\w:.@/-]+", value):
            raise ValueError(f"{value!r} is not a DHCP client id")

    qos(item.qos)


def qos(item: Qos | None) -> None:
    for limit in (item.egress, item.ingress) if item else ():
        if min(limit.kbps, limit.burst_kb, limit.kpps, limit.burst_kp) < 0:
            raise ValueError("a limit is not negative")
    if item and item.dscp is not None and not 0 <= item.dscp < 64:
        raise ValueError(f"{item.dscp} is not a DSCP mark")


def metadata(item: InstanceMetadata) -> None:
    try:
        base64.b64decode(item.user_data or "", validate=True)
    except binascii.Error as error:
        raise ValueError(f"user data is not base64: {error}") from None


def members(item: MembersItem) -> None:
    for address in item.addresses:
        ip_network(address, strict=False)


def router(item: RouterItem) -> None:
    for interface in item.ends:
        identifier(interface.port_id)
        identifier(interface.network_id)
        _mac(interface.mac)
        for address in interface.addresses:
            ip_interface(address)
    for gateway in item.gateways:
        for nexthop in gateway.gateway_ips:
            ip_address(nexthop)
        qos(gateway.qos)
    for meter in item.meters:
        identifier(meter.id)
        for rule in meter.rules:
            for prefix in (rule.source, rule.destination):
                if prefix is not None:
                    ip_network(prefix)
    _routes(item.routes)
    for floating in item.floating_ips:
        qos(floating.qos)
        if ip_address(floating.floating_ip).version != 4 or ip_address(floating.fixed_ip).version != 4:
            raise ValueError(f"floating IP {floating.floating_ip}: floating IPs are IPv4")
    for address in item.ndp_proxies:
        IPv6Address(address)
    for forwarding in item.port_forwardings:
        _forwarding(forwarding)
    for helping in item.helpers:
        if helping.protocol not in CONNTRACK_HELPERS.get(helping.helper, ()) or not 1 <= helping.port <= _LAST_PORT:
            raise ValueError(f"there is no conntrack helper {helping.helper!r} for {helping.protocol} port {helping.port}")


def _forwarding(item: PortForwardingItem) -> None:
    if ip_address(item.floating_ip).version != 4 or ip_address(item.internal_ip).version != 4:
        raise ValueError(f"forwarding {item.id}: floating IPs are IPv4")
    if item.protocol not in PROTOCOLS:
        raise ValueError(f"forwarding {item.id}: ports of {item.protocol!r} cannot be forwarded")
    for first, last in (item.external_ports, item.internal_ports):
        if not 1 <= first <= last <= _LAST_PORT:
            raise ValueError(f"forwarding {item.id}: {first}-{last} is not a range of ports")
