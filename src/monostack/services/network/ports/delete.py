"""Deleting a port."""

from typing import Any

from monostack.db import Row, Transaction
from monostack.http import Request
from monostack.services.network import standard
from monostack.services.network.changes import changed
from monostack.services.network.floatingips import association
from monostack.services.network.groups.bindings import groups_of
from monostack.services.network.local_ips.table import check_port_deletable as check_keeps_no_address
from monostack.services.network.ndp_proxies.table import routers_of
from monostack.services.network.packet_logs.table import drop_logs_of
from monostack.services.network.ports import reservations
from monostack.services.network.ports.table import PORTS
from monostack.services.network.routers.table import find as find_router
from monostack.services.network.trunks.rules import check_port_deletable
from monostack.services.network.words import conflict

ROUTER_OWNERS = ("network:router_interface", "network:router_gateway")
FLOATING = "network:floatingip"


def check_deletable(tx: Transaction, row: Row) -> None:
    """Ports of routers, floating and local IPs go with these, as long as they exist (raises ServicePortInUse); ports in a trunk stay."""
    check_port_deletable(tx, row.id)
    check_keeps_no_address(tx, row.id)
    exists = False
    if row.device_owner in ROUTER_OWNERS:
        exists = find_router(tx, row.device_id) is not None
    elif row.device_owner == FLOATING:
        exists = association.exists(tx, row.device_id)
    if exists:
        text = f"Port {row.id} cannot be deleted directly via the port API: has device owner {row.device_owner}."
        raise conflict(text, "ServicePortInUse")


def delete_port(tx: Transaction, cloud: Any, request: Request | None, row: Row) -> None:
    """Remove a port, its addresses and what its server holds for it; floating IPs that led to it lead nowhere."""
    reservations.give_back(tx, row)
    groups = groups_of(tx, [row.id])(row.id)
    association.drop_port(tx, cloud, request, row.id)
    changed(tx, cloud, "router", routers_of(tx, row.id))
    standard.remove(PORTS, tx, request, row)
    drop_logs_of(tx, row.id)
    changed(tx, cloud, "port", [row.id])
    changed(tx, cloud, "members", groups)
