"""Networks and routers whose host is gone, or that never had one, get another."""

from typing import Any

import sqlalchemy as sa

from monostack.core import clock
from monostack.db import Transaction
from monostack.services.network.changes import changed
from monostack.services.network.desired import hosting
from monostack.services.network.networks.table import NETWORKS
from monostack.services.network.routers.table import ROUTERS

GRACE = 60.0  # seconds a host may be away before its work is given to another

_n, _r = NETWORKS.table.c, ROUTERS.table.c
_HOSTS = sa.union(sa.select(_n.host).where(_n.host != hosting.NOWHERE), sa.select(_r.host).where(_r.host != hosting.NOWHERE))
_here: Any = sa.bindparam("host", type_=sa.String)
_NETWORKS = sa.select(_n.id).where(_n.host.is_(None) | (_n.host == _here))
_ROUTERS = sa.select(_r.id).where(_r.host.is_(None) | (_r.host == _here))


async def place_homeless(cloud: Any) -> None:
    """Give work away that has no host, or whose host has been away for long."""
    connected = cloud.hosts.connected()
    if not connected:
        return
    used = await cloud.db.read(lambda tx: {row[0] for row in tx.rows(_HOSTS)})
    away: dict[str, float] = cloud.network.away
    now = clock.monotonic()
    for host in list(away):
        if host in connected or host not in used:
            del away[host]
    for host in used - connected:
        away.setdefault(host, now)
    for host in [None, *[host for host, since in away.items() if now - since >= GRACE]]:
        if await cloud.db.read(lambda tx, host=host: any(_orphans(tx, host))):
            await cloud.db.write(lambda tx, host=host: _place(tx, cloud, host))


def _orphans(tx: Transaction, host: str | None) -> tuple[list[str], list[str]]:
    return [row[0] for row in tx.rows(_NETWORKS, {"host": host})], [row[0] for row in tx.rows(_ROUTERS, {"host": host})]


def _place(tx: Transaction, cloud: Any, host: str | None) -> None:
    networks, routers = _orphans(tx, host)
    for id in networks:
        if (found := hosting.pick(cloud, id)) is not None:
            hosting.place_network(tx, id, found)
    for id in routers:
        if (found := hosting.pick(cloud, id)) is not None:
            hosting.place_router(tx, id, found)
    changed(tx, cloud, "network", networks)
    changed(tx, cloud, "router", routers)
