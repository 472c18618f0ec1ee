"""Which host runs a network's DHCP and metadata, or a router.

The first connected host that is real does; simulated ones share the work among them. It is chosen when the network or router is made, and
again when its host has gone (reconcilers.placement).
"""

import zlib
from collections.abc import Collection, Iterable
from typing import Any

import sqlalchemy as sa

from monostack.db import Transaction
from monostack.services.network.lookup import among, read
from monostack.services.network.networks.table import NETWORKS
from monostack.services.network.ports.table import BOUND, PORTS, UNBOUND
from monostack.services.network.routers.table import ROUTERS

_n, _r, _p = NETWORKS.table.c, ROUTERS.table.c, PORTS.table.c
_NETWORKS_ON = sa.select(_n.id).where(among(_n.host))
_ROUTERS_ON = sa.select(_r.id).where(among(_r.host))
_here: Any = sa.bindparam("the_host", type_=sa.String)
_vif: Any = sa.case((_here == "", UNBOUND), else_=BOUND)
_MOVE_NETWORK = sa.update(NETWORKS.table).where(_n.id == sa.bindparam("the_id")).values(host=_here, host_status="DOWN")
_MOVE_ROUTER = sa.update(ROUTERS.table).where(_r.id == sa.bindparam("the_id")).values(host=_here, host_status="DOWN")
_MOVE_DHCP_PORT = (
    sa.update(PORTS.table)
    .where(_p.network_id == sa.bindparam("the_id"), _p.device_owner == "network:dhcp")
    .values(host=_here, vif_type=_vif)
)
_MOVE_ROUTER_PORTS = (
    sa.update(PORTS.table)
    .where(_p.device_id == sa.bindparam("the_id"), _p.device_owner.in_(["network:router_interface", "network:router_gateway"]))
    .values(host=_here, vif_type=_vif)
)
SIMULATED = "simulated"
NOWHERE = ""  # taken from its agent by an operator; NULL: it never had one


def pick(cloud: Any, id: str) -> str | None:
    """The host for a network or router; None while no host is connected."""
    connected = sorted(cloud.hosts.connected())
    real = [host for host in connected if cloud.hosts.hello(host).inventory.accelerator != SIMULATED]
    if real:
        return real[0]
    return connected[zlib.crc32(id.encode()) % len(connected)] if connected else None


def networks_on(tx: Transaction, hosts: Collection[str]) -> Iterable[str]:
    return (row[0] for row in read(tx, _NETWORKS_ON, hosts))


def routers_on(tx: Transaction, hosts: Collection[str]) -> Iterable[str]:
    return (row[0] for row in read(tx, _ROUTERS_ON, hosts))


def place_network(tx: Transaction, network_id: str, host: str) -> None:
    """The network's DHCP runs on this host from now on."""
    tx.execute(_MOVE_NETWORK, {"the_id": network_id, "the_host": host})
    tx.execute(_MOVE_DHCP_PORT, {"the_id": network_id, "the_host": host})


def place_router(tx: Transaction, router_id: str, host: str) -> None:
    tx.execute(_MOVE_ROUTER, {"the_id": router_id, "the_host": host})
    tx.execute(_MOVE_ROUTER_PORTS, {"the_id": router_id, "the_host": host})
