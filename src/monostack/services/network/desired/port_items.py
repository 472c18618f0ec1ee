"""Rows to the items of ports, with all that is theirs. A few statements, however many are asked for."""

from collections.abc import Collection
from dataclasses import dataclass

import sqlalchemy as sa

from monostack.db import Row, Transaction
from monostack.protocol.network import FixedIP, PortItem, tap_name
from monostack.services.network.addresses.table import of_ports
from monostack.services.network.groups.bindings import groups_of
from monostack.services.network.local_ips.table import of_ports as local_ips_of
from monostack.services.network.lookup import among, read
from monostack.services.network.networks.table import find_all as find_networks
from monostack.services.network.packet_logs.table import of_ports as logs_of
from monostack.services.network.ports.table import PORTS
from monostack.services.network.ports.table import find_many as find_ports
from monostack.services.network.qos import items as qos
from monostack.services.network.qos.use import effective
from monostack.services.network.trunks.table import legs

CLOUD, SERVER = "network:", "compute:"  # beginnings of device owners

_p = PORTS.table.c
_PORTS_ON = sa.select(_p.id).where(_p.host == sa.bindparam("host"))
_PORTS_IN = sa.select(_p.network_id, _p.id).where(among(_p.network_id))


@dataclass(frozen=True, slots=True)
class Port:
    """A port and where it is wanted. `item` is as on its own host; elsewhere it has no tap."""

    item: PortItem
    host: str | None  # where its tap is; None for ports of the cloud itself and unbound ones
    leased: bool  # the network's DHCP knows it
    status: str


def ports(tx: Transaction, ids: Collection[str]) -> dict[str, Port]:
    """The ports that exist, by id."""
    rows = find_ports(tx, ids)
    addresses, groups = of_ports(tx, rows), groups_of(tx, rows)
    networks = find_networks(tx, list({row.network_id for row in rows.values()}))
    under = {id: effective(row._mapping, networks[row.network_id].qos_policy_id) for id, row in rows.items()}
    policies = qos.policies(tx, {policy for policy in under.values() if policy is not None})
    inside, called, logs = legs(tx, rows), local_ips_of(tx, rows), logs_of(tx, rows, groups)
    found = {}
    for id, row in rows.items():
        item = _item(row, addresses.get(id, ()))
        if row.port_security_enabled:
            item.groups, item.logs = groups(id), logs.get(id, [])
        if id in inside:
            item.parent, item.vlan = inside[id].parent, inside[id].segmentation_id
        item.qos, item.local_ips = policies.get(under[id] or ""), called.get(id, [])
        ours = row.device_owner.startswith(CLOUD)
        found[id] = Port(item, row.host if row.host and not ours else None, not ours and bool(item.fixed_ips), row.status)
    return found


def _item(row: Row, addresses: Collection[Row]) -> PortItem:
    """What the port's own row and addresses say."""
    return PortItem(
        id=row.id,
        network_id=row.network_id,
        mac=row.mac_address,
        fixed_ips=[FixedIP(one.subnet_id, one.ip_address) for one in addresses],
        tap=tap_name(row.id),
        admin_up=row.admin_state_up,
        port_security=row.port_security_enabled,
        groups=[],
        allowed_pairs=row.allowed_address_pairs,
        server_id=row.device_id if row.device_owner.startswith(SERVER) else None,
        project_id=row.project_id,
        hostname=row.dns_name or None,
        dhcp_options=row.extra_dhcp_opts,
    )


def port_ids_on(tx: Transaction, host: str) -> list[str]:
    return [row[0] for row in tx.rows(_PORTS_ON, {"host": host})]


def port_ids_in(tx: Transaction, network_ids: Collection[str]) -> list[str]:
    return [row[1] for row in read(tx, _PORTS_IN, network_ids)]
