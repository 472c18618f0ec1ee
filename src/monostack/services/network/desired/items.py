"""Rows to items: what a host is told about networks, groups and routers; port_items: about ports. A few statements, however many."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from netaddr import IPNetwork

from monostack.db import Row, Transaction
from monostack.protocol.network import (
    ConntrackHelperItem,
    FloatingIPItem,
    GroupItem,
    MembersItem,
    NetworkItem,
    PortForwardingItem,
    Qos,
    RouterGateway,
    RouterInterface,
    RouterItem,
    RuleItem,
    SubnetItem,
)
from monostack.services.network.address_groups.table import find_many as find_address_groups
from monostack.services.network.addresses.table import allocations, of_ports
from monostack.services.network.conntrack_helpers import table as helpers
from monostack.services.network.desired.paths import Paths
from monostack.services.network.floatingips.table import FLOATING_IPS
from monostack.services.network.forwardings.rules import bounds
from monostack.services.network.forwardings.table import FORWARDINGS
from monostack.services.network.groups.bindings import bindings
from monostack.services.network.groups.table import find_groups, rules_of
from monostack.services.network.lookup import among, grouped
from monostack.services.network.metering.table import meters
from monostack.services.network.ndp_proxies import table as ndp_proxies
from monostack.services.network.networks.table import find_all as find_networks
from monostack.services.network.pools.affinity import scopes_of
from monostack.services.network.ports.table import PORTS
from monostack.services.network.qos import items as qos
from monostack.services.network.qos.use import effective, network_policies
from monostack.services.network.routers.table import GATEWAY, INTERFACE
from monostack.services.network.routers.table import find_many as find_routers
from monostack.services.network.segments.table import connected, routed
from monostack.services.network.subnets.table import find_many as find_subnets
from monostack.services.network.subnets.table import of_networks

CLOUD, SERVER, DHCP = "network:", "compute:", "network:dhcp"  # beginnings of device owners

_p, _a, _b, _f, _w = PORTS.table.c, allocations.c, bindings.c, FLOATING_IPS.table.c, FORWARDINGS.table.c
_DHCP_PORTS = sa.select(_p.network_id, _p.id, _p.mac_address, _p.admin_state_up).where(among(_p.network_id), _p.device_owner == DHCP)
_ADDRESSES = (
    sa.select(_b.security_group_id, _a.ip_address)
    .join(allocations, _a.port_id == _b.port_id)
    .where(among(_b.security_group_id))
    .order_by(_a.ip_address)
)
_PAIRS = (
    sa.select(_b.security_group_id, _p.allowed_address_pairs)
    .join(PORTS.table, _p.id == _b.port_id)
    .where(among(_b.security_group_id), _p.allowed_address_pairs != sa.literal([], _p.allowed_address_pairs.type))
)
_ROUTER_PORTS = (
    sa.select(_p.device_id, _p.id, _p.network_id, _p.mac_address, _p.device_owner, _p.qos_policy_id)
    .where(among(_p.device_id), _p.device_owner.in_([GATEWAY, INTERFACE]))
    .order_by(_p.created_at, _p.id)
)
_FLOATING = (
    sa.select(_f.router_id, _f.id, _f.floating_ip_address, _f.fixed_ip_address, _f.qos_policy_id, _f.floating_network_id)
    .where(among(_f.router_id), _f.fixed_ip_address.is_not(None))
    .order_by(_f.id)
)
_FORWARDED = (
    sa.select(
        _f.router_id, _w.id, _f.floating_ip_address, _f.floating_network_id, _w.protocol, _w.external_port_range, _w.internal_ip_address,
        _w.internal_port_range,
    )
    .join(FLOATING_IPS.table, _f.id == _w.floatingip_id)
    .where(among(_f.router_id), _w.protocol != "ipv6-icmp")  # which no IPv4 packet is of
    .order_by(_w.id)
)


@dataclass(frozen=True, slots=True)
class Network:
    """A network and the host that runs its DHCP. `item.serves_dhcp` is as on that host."""

    item: NetworkItem
    host: str | None


@dataclass(frozen=True, slots=True)
class Router:
    item: RouterItem
    host: str | None

    @property
    def networks(self) -> set[str]:
        return {end.network_id for end in self.item.ends}


def networks(tx: Transaction, ids: Collection[str]) -> dict[str, Network]:
    """The networks that exist, by id."""
    rows = find_networks(tx, list(ids))
    subnets = of_networks(tx, list(rows))
    wires, between = connected(tx, list(rows)), routed(tx, rows)
    dhcp_ports = grouped(tx, _DHCP_PORTS, rows)
    dhcp_addresses = of_ports(tx, [port.id for found in dhcp_ports.values() for port in found])
    found = {}
    for id, row in rows.items():
        dhcp = dhcp_ports[id][0] if id in dhcp_ports else None
        at = {one.subnet_id: one.ip_address for one in dhcp_addresses.get(dhcp.id, ())} if dhcp is not None else {}
        serves = dhcp is not None and bool(row.host)
        wire = wires.get(id)
        here = [subnet for subnet in subnets.get(id, ()) if id not in between or (wire is not None and subnet.segment_id == wire.id)]
        item = NetworkItem(
            id=id,
            name=row.name,
            mtu=row.mtu,
            kind=wire.network_type if wire is not None and wire.physical_network else "tenant",
            subnets=[_subnet(subnet, at.get(subnet.id)) for subnet in here],
            physical_network=wire.physical_network if wire is not None else None,
            segment=wire.segmentation_id if wire is not None else None,
            dhcp_port_id=dhcp.id if dhcp is not None else None,
            dhcp_mac=dhcp.mac_address if dhcp is not None else None,
            dhcp_up=dhcp is None or dhcp.admin_state_up,
            dns_domain=row.dns_domain,
            serves_dhcp=serves,
        )
        found[id] = Network(item, row.host if serves else None)
    return found


def _subnet(row: Row, dhcp_ip: str | None) -> SubnetItem:
    return SubnetItem(
        id=row.id,
        cidr=row.cidr,
        ip_version=row.ip_version,
        gateway_ip=row.gateway_ip,
        dhcp=row.enable_dhcp,
        dns_nameservers=row.dns_nameservers,
        host_routes=row.host_routes,
        dhcp_ip=dhcp_ip,
        ipv6_address_mode=row.ipv6_address_mode,
        ipv6_ra_mode=row.ipv6_ra_mode,
    )


def groups(tx: Transaction, ids: Collection[str]) -> dict[str, GroupItem]:
    """The groups that exist, by id."""
    rows = find_groups(tx, list(ids))
    rules = rules_of(tx, list(rows))
    return {id: GroupItem(id, [_rule(rule) for rule in rules.get(id, ())], row.stateful) for id, row in rows.items()}


def _rule(row: Row) -> RuleItem:
    prefix = str(IPNetwork(row.remote_ip_prefix).cidr) if row.remote_ip_prefix else None
    return RuleItem(
        id=row.id,
        direction=row.direction,
        ethertype=row.ethertype,
        protocol=row.protocol,
        port_min=row.port_range_min,
        port_max=row.port_range_max,
        remote_cidr=prefix,
        remote_group=row.remote_group_id or row.remote_address_group_id,
    )


def members(tx: Transaction, ids: Collection[str]) -> dict[str, MembersItem]:
    """The addresses of the ports in each of these security groups, or in each address group; one that does not exist has none."""
    addresses, pairs = grouped(tx, _ADDRESSES, ids), grouped(tx, _PAIRS, ids)
    lists = find_address_groups(tx, ids)
    found = {}
    for id in ids:
        if id in lists:
            found[id] = MembersItem(id, lists[id].addresses)
            continue
        allowed = [pair["ip_address"] for row in pairs.get(id, ()) for pair in row[1]]
        found[id] = MembersItem(id, list(dict.fromkeys([*(row[1] for row in addresses.get(id, ())), *allowed])))
    return found


def routers(tx: Transaction, ids: Collection[str]) -> dict[str, Router]:
    """The routers that exist, by id."""
    rows = find_routers(tx, ids)
    router_ports = grouped(tx, _ROUTER_PORTS, rows)
    everything = [port for found in router_ports.values() for port in found]
    addresses = of_ports(tx, [port.id for port in everything])
    subnets = find_subnets(tx, [one.subnet_id for found in addresses.values() for one in found])
    floating, forwarded = grouped(tx, _FLOATING, rows), grouped(tx, _FORWARDED, rows)
    helping, paths, proxied = helpers.of_routers(tx, rows), Paths.of(tx, rows.values()), ndp_proxies.of_routers(tx, rows)
    under = _gateway_policies(tx, rows, [port for port in everything if port.device_owner == GATEWAY])
    under |= _floating_policies(tx, [one for found in floating.values() for one in found])
    policies = qos.policies(tx, {policy for policy in under.values() if policy is not None})
    scopes = scopes_of(tx, list(subnets.values()))
    counted = meters(tx, {row.project_id for row in rows.values()})
    found = {}
    for id, row in rows.items():
        mine = [port for port in router_ports.get(id, ()) if port.id in addresses]
        gateways = _in_order(row, [port for port in mine if port.device_owner == GATEWAY])
        bearers = {port.network_id: port.id for port in reversed(gateways[1:]) if port.network_id != gateways[0].network_id}
        outside = [_gateway(one, addresses[one.id], subnets, row.enable_snat, policies.get(under[one.id] or "")) for one in gateways]
        item = RouterItem(
            id=id,
            admin_up=row.admin_state_up,
            interfaces=[_interface(port, addresses[port.id], subnets) for port in mine if port.device_owner == INTERFACE],
            gateway=outside[0] if outside else None,
            further_gateways=outside[1:],
            ecmp=bool(row.default_route_ecmp),
            routes=list(paths.choose(row)),
            floating_ips=[_floating_ip(one, policies.get(under[one.id] or ""), bearers) for one in floating.get(id, ())],
            port_forwardings=[_forwarding(one, bearers) for one in forwarded.get(id, ())],
            meters=counted[row.project_id],
            ndp_proxy=row.ndp_proxy,
            ndp_proxies=[one.ip_address for one in proxied.get(id, ())],
            helpers=[ConntrackHelperItem(one.helper, one.protocol, one.port) for one in helping.get(id, ())],
        )
        _tell_scopes(item, mine, addresses, scopes)
        found[id] = Router(item, row.host)
    return found


def _in_order(row: Row, gateways: list[Row]) -> list[Row]:
    return sorted(gateways, key=lambda port: port.id != row.gw_port_id)


def _forwarding(row: Row, bearers: Mapping[str, str]) -> PortForwardingItem:
    return PortForwardingItem(
        id=row.id,
        floating_ip=row.floating_ip_address,
        protocol=row.protocol,
        external_ports=bounds(row.external_port_range),
        internal_ip=row.internal_ip_address,
        internal_ports=bounds(row.internal_port_range),
        bearer=bearers.get(row.floating_network_id, ""),
    )


def _gateway_policies(tx: Transaction, routers: Mapping[str, Row], ports: Collection[Row]) -> dict[str, str | None]:
    """The QoS policy of each gateway by its port: the router's own for the first, else the port's, else that of the external network."""
    networks = find_networks(tx, [port.network_id for port in ports])
    found = {port.id: effective(port._mapping, networks[port.network_id].qos_policy_id) for port in ports}
    return {**found, **{row.gw_port_id: row.qos_policy_id for row in routers.values() if row.qos_policy_id is not None}}


def _with_prefix(addresses: Collection[Row], subnets: dict[str, Row]) -> list[str]:
    return [f"{one.ip_address}/{IPNetwork(subnets[one.subnet_id].cidr).prefixlen}" for one in addresses]


def _interface(port: Row, addresses: Collection[Row], subnets: dict[str, Row]) -> RouterInterface:
    return RouterInterface(port.id, port.network_id, port.mac_address, _with_prefix(addresses, subnets))


def _tell_scopes(
    router: RouterItem, ports: Collection[Row], addresses: Mapping[str, Collection[Row]], scopes: Mapping[str, str | None]
) -> None:
    """Each end of a router is in the address scopes of its subnets, at most one for each IP version."""
    known = {
        port.id: {"6" if ":" in one.ip_address else "4": scope for one in addresses[port.id] if (scope := scopes.get(one.subnet_id))}
        for port in ports
    }
    for end in router.ends:
        end.scopes = known[end.port_id]


def _floating_policies(tx: Transaction, rows: Collection[Row]) -> dict[str, str | None]:
    """The QoS policy of each floating IP: its own, else that of the external network."""
    networks = network_policies(tx, {row.floating_network_id for row in rows})
    return {row.id: row.qos_policy_id or networks.get(row.floating_network_id) for row in rows}


def _floating_ip(row: Row, policy: Qos | None, bearers: Mapping[str, str]) -> FloatingIPItem:
    return FloatingIPItem(row.id, row.floating_ip_address, row.fixed_ip_address, policy, bearers.get(row.floating_network_id, ""))


def _gateway(
    port: Row, addresses: Collection[Row], subnets: dict[str, Row], snat: bool, policy: Qos | None
) -> RouterGateway:
    gateways = [subnets[one.subnet_id].gateway_ip for one in addresses]
    found = [gateway for gateway in dict.fromkeys(gateways) if gateway]
    return RouterGateway(port.id, port.network_id, port.mac_address, _with_prefix(addresses, subnets), found, snat, policy)
