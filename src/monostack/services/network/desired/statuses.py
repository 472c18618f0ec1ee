"""What hosts applied, written back: the statuses of ports, networks, routers and floating IPs.

A port is ACTIVE once its host has it, DOWN while it has not or when it is administratively down, ERROR when the host could not make it.
"""

import logging
from collections.abc import Collection, Mapping
from typing import Any

import sqlalchemy as sa

from monostack.core import clock
from monostack.db import Database, Transaction
from monostack.services.network.floatingips.table import FLOATING_IPS
from monostack.services.network.forwardings.table import FORWARDINGS
from monostack.services.network.lookup import among, chunks
from monostack.services.network.networks.table import NETWORKS
from monostack.services.network.ports.table import PORTS
from monostack.services.network.routers.table import ROUTERS
from monostack.services.network.trunks.following import refresh

log = logging.getLogger(__name__)

_p, _f, _n, _r = PORTS.table.c, FLOATING_IPS.table.c, NETWORKS.table.c, ROUTERS.table.c
_status: Any = sa.bindparam("the_status", type_=sa.String)
_TOUCHED = {"updated_at": sa.bindparam("at")}


def _ports(*where: Any) -> sa.Update:
    """ACTIVE only for ports that are administratively up."""
    wanted = sa.case((sa.and_(_status == "ACTIVE", _p.admin_state_up.is_(sa.false())), "DOWN"), else_=_status)
    changed = {"status": wanted, "error": sa.bindparam("the_error"), "revision_number": _p.revision_number + 1, **_TOUCHED}
    return sa.update(PORTS.table).where(*where, _p.status != wanted).values(**changed)


_LOCAL_PORTS = _ports(among(_p.id), _p.host == sa.bindparam("the_host"))
_DHCP_PORTS = _ports(among(_p.network_id), _p.device_owner == "network:dhcp")
_ROUTER_PORTS = _ports(among(_p.device_id), _p.device_owner.in_(["network:router_interface", "network:router_gateway"]))
_LEADS = _f.fixed_ip_address.is_not(None) | _f.id.in_(sa.select(FORWARDINGS.table.c.floatingip_id))
_FLOATING = (
    sa.update(FLOATING_IPS.table)
    .where(among(_f.router_id), _LEADS, _f.status != _status)
    .values(status=_status, revision_number=_f.revision_number + 1, **_TOUCHED)
)
_HERE: Any = sa.bindparam("the_host", type_=sa.String)
_NETWORKS = sa.update(NETWORKS.table).where(among(_n.id), _n.host == _HERE).values(host_status=_status)
_ROUTERS = sa.update(ROUTERS.table).where(among(_r.id), _r.host == _HERE).values(host_status=_status)

_REASON = 1024
KINDS = ("port", "network", "router")


def _write(tx: Transaction, host: str, kind: str, ids: Collection[str], status: str, reason: str | None) -> None:
    at = clock.now().isoformat(timespec="microseconds")
    for some in chunks(ids):
        ports = {"ids": some, "the_status": status, "the_error": reason, "at": at}
        there = {"ids": some, "the_status": status, "the_host": host}
        if kind == "port":
            tx.execute(_LOCAL_PORTS, {**ports, "the_host": host})
            refresh(tx, some)
        elif kind == "network":
            tx.execute(_NETWORKS, there)
            tx.execute(_DHCP_PORTS, ports)
        else:
            tx.execute(_ROUTERS, there)
            tx.execute(_ROUTER_PORTS, ports)
            tx.execute(_FLOATING, {"ids": some, "the_status": status, "at": at})


async def applied(db: Database, host: str, done: Collection[tuple[str, str]], failed: Mapping[tuple[str, str], str]) -> None:
    """Write down what a host has now: (kind, id) of what is in place, and of what is not the reason."""
    outcome: dict[tuple[str, str, str | None], list[str]] = {}
    for kind, id in done:
        if kind in KINDS:
            outcome.setdefault((kind, "ACTIVE", None), []).append(id)
    for (kind, id), reason in failed.items():
        log.warning("host %s could not make %s %s: %s", host, kind, id, reason)
        if kind in KINDS:
            outcome.setdefault((kind, "ERROR", reason[:_REASON]), []).append(id)

    def write(tx: Transaction) -> None:
        for (kind, status, reason), ids in outcome.items():
            _write(tx, host, kind, ids, status, reason)

    if outcome:
        await db.write(write)


def floating_ips_down(tx: Transaction, router_id: str) -> None:
    """The router runs nowhere any more, and no host will say so."""
    tx.execute(_FLOATING, {"ids": [router_id], "the_status": "DOWN", "at": clock.now().isoformat(timespec="microseconds")})
