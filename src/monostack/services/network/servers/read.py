"""Ports, groups and networks of servers, many at a time."""

from collections.abc import Iterable, Sequence

import sqlalchemy as sa

from monostack.db import Row, Transaction
from monostack.protocol.network import tap_name
from monostack.services.network.addresses.table import of_ports, port_with
from monostack.services.network.floatingips import association
from monostack.services.network.groups.bindings import bindings, groups_of
from monostack.services.network.groups.table import GROUPS
from monostack.services.network.lookup import among, grouped
from monostack.services.network.networks.table import NETWORKS, find_all
from monostack.services.network.ports.table import PORTS, asked_of_hosts, find, find_many
from monostack.services.network.rbac.table import SHARED, visible
from monostack.services.network.servers.info import FixedAddress, PortInfo
from monostack.services.network.subnets.table import find_many as find_subnets
from monostack.services.placement.facade import RequestGroup

SERVER = "compute:"

_p, _g, _b, _n = PORTS.table.c, GROUPS.table.c, bindings.c, NETWORKS.table.c
_OF_SERVERS = sa.select(_p.device_id, _p.id).where(among(_p.device_id), _p.device_owner.startswith(SERVER)).order_by(_p.created_at, _p.id)
_GROUP_NAMES = (
    sa.select(_p.device_id, _g.name)
    .join(bindings, _b.port_id == _p.id)
    .join(GROUPS.table, _g.id == _b.security_group_id)
    .where(among(_p.device_id), _p.device_owner.startswith(SERVER))
    .distinct()
    .order_by(_p.device_id, _g.name)
)
_USABLE = (
    sa.select(NETWORKS.table)
    .where(sa.or_(_n.project_id == sa.bindparam("caller_project"), _n.id.in_(visible((SHARED,)))))
    .order_by(_n.created_at, _n.id)
)


def ports(tx: Transaction, port_ids: Iterable[str]) -> dict[str, PortInfo]:
    """These ports by id; those that do not exist are missing."""
    rows = find_many(tx, port_ids)
    addresses, groups = of_ports(tx, rows), groups_of(tx, rows)
    nets = find_all(tx, [row.network_id for row in rows.values()])
    subnets = find_subnets(tx, [one.subnet_id for found in addresses.values() for one in found])
    floating: dict[tuple[str, str], list[str]] = {}
    for port_id, found in association.of_ports(tx, rows).items():
        for one in found:
            floating.setdefault((port_id, one.fixed_ip_address), []).append(one.floating_ip_address)
    shown = {}
    for id, row in rows.items():
        mine = [(one, floating.get((id, one.ip_address), ())) for one in addresses.get(id, ())]
        fixed = tuple(_address(subnets[one.subnet_id], one.ip_address, leading) for one, leading in mine)
        shown[id] = _port(row, nets[row.network_id], groups(id), fixed)
    return shown


def _address(subnet: Row, address: str, floating: Sequence[str]) -> FixedAddress:
    return FixedAddress(
        ip_address=address,
        version=subnet.ip_version,
        subnet_id=subnet.id,
        cidr=subnet.cidr,
        gateway_ip=subnet.gateway_ip,
        dhcp=subnet.enable_dhcp,
        dns_nameservers=tuple(subnet.dns_nameservers),
        host_routes=tuple(subnet.host_routes),
        ipv6_address_mode=subnet.ipv6_address_mode,
        floating_ips=tuple(floating),
    )


def _port(row: Row, network: Row, groups: Sequence[str], fixed: tuple[FixedAddress, ...]) -> PortInfo:
    return PortInfo(
        id=row.id,
        network_id=row.network_id,
        network_name=network.name,
        project_id=row.project_id,
        mac=row.mac_address,
        mtu=network.mtu,
        status=row.status,
        device_id=row.device_id,
        device_owner=row.device_owner,
        host=row.host,
        vnic_type=row.vnic_type,
        port_security=row.port_security_enabled,
        security_groups=tuple(groups),
        fixed_ips=fixed,
        tap=tap_name(row.id),
        preserve=row.allocated_for is None,
    )


def ports_of(tx: Transaction, server_ids: Sequence[str]) -> dict[str, list[PortInfo]]:
    """The ports of each server, in the order they were made."""
    by_server = grouped(tx, _OF_SERVERS, server_ids)
    found = ports(tx, [row.id for rows in by_server.values() for row in rows])
    return {server_id: [found[row.id] for row in by_server.get(server_id, ())] for server_id in server_ids}


def asked_by_ports(tx: Transaction, port_ids: Iterable[str]) -> list[list[RequestGroup]]:
    """What these ports ask of their host, a list for each that asks for anything."""
    return list(asked_of_hosts(tx, list(find_many(tx, port_ids).values())).values())


def asked_by_server(tx: Transaction, server_id: str) -> list[list[RequestGroup]]:
    """The same for the ports of a server."""
    return asked_by_ports(tx, [row.id for row in tx.rows(_OF_SERVERS, {"ids": [server_id]})])


def security_group_names(tx: Transaction, server_ids: Sequence[str]) -> dict[str, list[str]]:
    """The names of the groups of each server's ports, each once."""
    found = grouped(tx, _GROUP_NAMES, server_ids)
    return {server_id: [row.name for row in found.get(server_id, ())] for server_id in server_ids}


def usable_networks(tx: Transaction, project_id: str | None) -> Sequence[Row]:
    """The project's own networks and those shared with it, oldest first."""
    return tx.rows(_USABLE, {"caller_project": project_id})


def server_of_address(tx: Transaction, network_id: str, ip_address: str) -> str | None:
    """The server that has this fixed address in this network."""
    port_id = port_with(tx, network_id, ip_address)
    row = find(tx, port_id) if port_id is not None else None
    return row.device_id if row is not None and row.device_owner.startswith(SERVER) else None
