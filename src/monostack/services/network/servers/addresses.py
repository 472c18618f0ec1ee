"""The addresses of servers: one statement for a whole page of them, since every list of servers asks."""

from collections.abc import Sequence

import sqlalchemy as sa

from monostack.db import Row, Transaction
from monostack.services.network.addresses.table import allocations
from monostack.services.network.floatingips.table import FLOATING_IPS
from monostack.services.network.lookup import among, read
from monostack.services.network.networks.table import NETWORKS
from monostack.services.network.ports.table import PORTS
from monostack.services.network.servers.read import SERVER

_p, _n, _a, _f = PORTS.table.c, NETWORKS.table.c, allocations.c, FLOATING_IPS.table.c
_OF_SERVERS = (
    sa.select(_p.device_id, _p.id, _n.name, _p.mac_address, _a.ip_address, _f.floating_ip_address)
    .select_from(PORTS.table)
    .join(NETWORKS.table, _n.id == _p.network_id)
    .outerjoin(allocations, _a.port_id == _p.id)
    .outerjoin(FLOATING_IPS.table, sa.and_(_f.port_id == _p.id, _f.fixed_ip_address == _a.ip_address))
    .where(among(_p.device_id), _p.device_owner.startswith(SERVER))
    .order_by(_p.created_at, _p.id, sa.func.length(_a.position), _a.position, _f.floating_ip_address)
)


def addresses_of_servers(tx: Transaction, server_ids: Sequence[str]) -> list[Row]:
    """Rows of (server, port, name of the network, MAC address, fixed address, floating address that leads to it).

    The ports of a server come in the order they were made, and of a port IPv4 before IPv6. A port without addresses has one row with None;
    a fixed address that several floating ones lead to has a row for each.
    """
    return read(tx, _OF_SERVERS, server_ids)
