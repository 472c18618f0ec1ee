"""Which port a floating IP leads to, and what follows when ports, addresses and routers go."""

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from netaddr import IPAddress, IPNetwork

from monostack.db import Row, Transaction
from monostack.http import Request
from monostack.services.network.addresses.table import allocations
from monostack.services.network.changes import changed
from monostack.services.network.floatingips.table import FLOATING_IPS
from monostack.services.network.forwardings import table as forwardings
from monostack.services.network.forwardings.table import FORWARDINGS
from monostack.services.network.lookup import among, grouped, read
from monostack.services.network.ports.table import PORTS
from monostack.services.network.words import bad_request, conflict

NOWHERE = {"port_id": None, "fixed_ip_address": None, "router_id": None, "status": "DOWN"}

_f = FLOATING_IPS.table.c
_OF_PORT = sa.select(FLOATING_IPS.table).where(_f.port_id == sa.bindparam("port"))
_OF_PORTS = sa.select(_f.port_id, _f.fixed_ip_address, _f.floating_ip_address).where(among(_f.port_id)).order_by(_f.floating_ip_address)
_OF_ROUTER = sa.select(FLOATING_IPS.table).where(_f.router_id == sa.bindparam("router")).order_by(_f.id)
_BY_ID = sa.select(FLOATING_IPS.table).where(_f.id == sa.bindparam("the_id"))
_SERVERS = sa.select(PORTS.table.c.device_id).where(among(PORTS.table.c.id), PORTS.table.c.device_owner.startswith("compute:"))
_EXISTS = sa.select(_f.id).where(_f.id == sa.bindparam("the_id"))
_BEHIND = (
    sa.select(_f.fixed_ip_address)
    .join(allocations, allocations.c.port_id == _f.port_id)
    .where(_f.router_id == sa.bindparam("router"), allocations.c.subnet_id == sa.bindparam("subnet"))
)
_FORWARDED = (
    sa.select(FORWARDINGS.table.c.internal_ip_address)
    .join(FLOATING_IPS.table, _f.id == FORWARDINGS.table.c.floatingip_id)
    .join(allocations, allocations.c.port_id == FORWARDINGS.table.c.internal_port_id)
    .where(_f.router_id == sa.bindparam("router"), allocations.c.subnet_id == sa.bindparam("subnet"))
)


def inside(address: str, cidr: str) -> bool:
    ip, network = IPAddress(address), IPNetwork(cidr)
    return ip.version == network.version and ip in network


def exists(tx: Transaction, id: str) -> bool:
    return tx.scalar(_EXISTS, {"the_id": id}) is not None


def of_router(tx: Transaction, router_id: str) -> Sequence[Row]:
    return tx.rows(_OF_ROUTER, {"router": router_id})


def of_ports(tx: Transaction, port_ids: Iterable[str]) -> dict[str, list[Row]]:
    """(port_id, fixed_ip_address, floating_ip_address) by port."""
    return grouped(tx, _OF_PORTS, port_ids)


def of_port(tx: Transaction, port_id: str) -> Sequence[Row]:
    """The floating IPs that lead to a port."""
    return tx.rows(_OF_PORT, {"port": port_id})


def lead_through(tx: Transaction, router_id: str, subnet: Row) -> bool:
    """Does a floating IP lead through this router to an address of the subnet, whole or by single ports?"""
    bound = {"router": router_id, "subnet": subnet.id}
    return any(inside(row[0], subnet.cidr) for statement in (_BEHIND, _FORWARDED) for row in tx.rows(statement, bound))


def leads_changed(tx: Transaction, cloud: Any, routers: Iterable[str | None], ports: Iterable[str | None]) -> None:
    """These routers are to translate anew, and the servers of these ports read another public address in their metadata."""
    changed(tx, cloud, "router", {id for id in routers if id})
    changed(tx, cloud, "metadata", {row.device_id for row in read(tx, _SERVERS, (id for id in ports if id))})


def drop_port(tx: Transaction, cloud: Any, request: Request | None, port_id: str) -> None:
    """The port goes: what led to it leads nowhere."""
    for row in of_port(tx, port_id):
        FLOATING_IPS.change(tx, request, row, NOWHERE)
        changed(tx, cloud, "router", [row.router_id])
    drop_forwardings(tx, cloud, request, forwardings.of_port(tx, port_id))


def drop_forwardings(tx: Transaction, cloud: Any, request: Request | None, rows: Iterable[Row]) -> None:
    """Forward these no longer. A floating IP that forwards nothing any more is on no router."""
    for row in rows:
        FORWARDINGS.remove(tx, request, row)
        floating = tx.row(_BY_ID, {"the_id": row.floatingip_id})
        assert floating is not None
        changed(tx, cloud, "router", [floating.router_id])
        if not forwardings.of_floating_ip(tx, floating.id):
            FLOATING_IPS.change(tx, request, floating, {"router_id": None, "status": "DOWN"})


def check_not_forwarding(tx: Transaction, id: str) -> None:
    """A floating IP that forwards ports leads nowhere else, and stays. Raises FipInUseByPortForwarding."""
    if forwardings.of_floating_ip(tx, id):
        raise conflict(f"Floating IP {id} in use by Port Forwarding resources.", "FipInUseByPortForwarding")


def check_addresses(tx: Transaction, cloud: Any, port_id: str, removed: Iterable[str]) -> None:
    """A port keeps the addresses floating IPs lead to (raises BadRequest); single ports are no longer forwarded to those it loses."""
    gone = set(removed)
    drop_forwardings(tx, cloud, None, [row for row in forwardings.of_port(tx, port_id) if row.internal_ip_address in gone])
    if gone and any(row.fixed_ip_address in gone for row in of_port(tx, port_id)):
        text = f"Cannot update the fixed_ips of the port {port_id}, because its original fixed_ip has been associated to a floating ip"
        raise bad_request("port", text)
