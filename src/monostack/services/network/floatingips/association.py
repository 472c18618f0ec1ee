"""Which port a floating IP leads to, and what follows when ports, addresses and routers go."""

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from netaddr import IPAddress, IPNetwork
from sqlalchemy.engine import Row

from monostack.db import Transaction
from monostack.http import Request
from monostack.services.network.addresses.table import allocations
from monostack.services.network.changes import changed
from monostack.services.network.floatingips.table import FLOATING_IPS
from monostack.services.network.lookup import among, grouped
from monostack.services.network.words import bad_request

NOWHERE = {"port_id": None, "fixed_ip_address": None, "router_id": None, "status": "DOWN"}

_f = FLOATING_IPS.table.c
_OF_PORT = sa.select(FLOATING_IPS.table).where(_f.port_id == sa.bindparam("port"))
_OF_PORTS = sa.select(_f.port_id, _f.fixed_ip_address, _f.floating_ip_address).where(among(_f.port_id)).order_by(_f.floating_ip_address)
_OF_ROUTER = sa.select(FLOATING_IPS.table).where(_f.router_id == sa.bindparam("router")).order_by(_f.id)
_EXISTS = sa.select(_f.id).where(_f.id == sa.bindparam("the_id"))
_BEHIND = (
    sa.select(_f.fixed_ip_address)
    .join(allocations, allocations.c.port_id == _f.port_id)
    .where(_f.router_id == sa.bindparam("router"), allocations.c.subnet_id == sa.bindparam("subnet"))
)


def inside(address: str, cidr: str) -> bool:
    ip, network = IPAddress(address), IPNetwork(cidr)
    return ip.version == network.version and ip in network


def exists(tx: Transaction, id: str) -> bool:
    return tx.scalar(_EXISTS, {"the_id": id}) is not None


def of_router(tx: Transaction, router_id: str) -> Sequence[Row[Any]]:
    return tx.rows(_OF_ROUTER, {"router": router_id})


def of_ports(tx: Transaction, port_ids: Iterable[str]) -> dict[str, list[Row[Any]]]:
    """(port_id, fixed_ip_address, floating_ip_address) by port."""
    return grouped(tx, _OF_PORTS, port_ids)


def lead_through(tx: Transaction, router_id: str, subnet: Row[Any]) -> bool:
    """Does a floating IP lead through this router to an address of the subnet?"""
    return any(inside(row[0], subnet.cidr) for row in tx.rows(_BEHIND, {"router": router_id, "subnet": subnet.id}))


def drop_port(tx: Transaction, cloud: Any, request: Request | None, port_id: str) -> None:
    """The port goes: what led to it leads nowhere."""
    for row in tx.rows(_OF_PORT, {"port": port_id}):
        FLOATING_IPS.change(tx, request, row, NOWHERE)
        changed(tx, cloud, "router", [row.router_id])


def check_addresses(tx: Transaction, port_id: str, removed: Iterable[str]) -> None:
    """A port keeps the addresses floating IPs lead to. Raises BadRequest."""
    gone = set(removed)
    if gone and any(row.fixed_ip_address in gone for row in tx.rows(_OF_PORT, {"port": port_id})):
        text = f"Cannot update the fixed_ips of the port {port_id}, because its original fixed_ip has been associated to a floating ip"
        raise bad_request("port", text)
