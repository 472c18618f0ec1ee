"""The subnets a router is on, and what may not come together on one router."""

from collections.abc import Iterable, Sequence

import sqlalchemy as sa
from netaddr import IPAddress, IPNetwork

from monostack.db import Row, Transaction
from monostack.services.network.addresses.table import allocations
from monostack.services.network.ports.table import PORTS
from monostack.services.network.routers.table import GATEWAY, INTERFACE
from monostack.services.network.subnets.table import find_many, of_networks
from monostack.services.network.words import bad_request, refused

_p, _a = PORTS.table.c, allocations.c
_PORTS = (
    sa.select(_p.id, _p.network_id, _p.device_owner, _a.subnet_id, _a.ip_address)
    .join(allocations, _a.port_id == _p.id, isouter=True)
    .where(_p.device_id == sa.bindparam("router"), _p.device_owner.in_([GATEWAY, INTERFACE]))
    .order_by(_p.created_at, _p.id)
)


def router_ports(tx: Transaction, router_id: str) -> Sequence[Row]:
    """(id, network_id, device_owner, subnet_id, ip_address), a row for each address of each of its ports."""
    return tx.rows(_PORTS, {"router": router_id})


def check_new(
    tx: Transaction, router_id: str, new: Iterable[Row], but_port: str | None = None, *, outside: bool = False
) -> None:
    """No two subnets of a router overlap, so that it is on none of them twice. All subnets of its gateways' networks count.

    `outside`: the new ones are a gateway's, of which there may be several on one network.
    """
    new = list(new)
    subnet_ids: set[str] = set()
    external: set[str] = set()
    for port in router_ports(tx, router_id):
        if port.id == but_port:
            continue
        if port.device_owner == GATEWAY:
            external.add(port.network_id)
        elif port.subnet_id is not None:
            subnet_ids.add(port.subnet_id)
    present = list(find_many(tx, list(subnet_ids)).values())
    present += [subnet for subnets in of_networks(tx, list(external)).values() for subnet in subnets]
    for there in present:
        for subnet in new:
            if not (outside and subnet.id == there.id and subnet.network_id in external):
                _check_overlap(there, subnet)


def _check_overlap(there: Row, subnet: Row) -> None:
    one, other = IPNetwork(there.cidr), IPNetwork(subnet.cidr)
    if one.version == other.version and one.first <= other.last and other.first <= one.last:
        text = f"Cidr {subnet.cidr} of subnet {subnet.id} overlaps with cidr {there.cidr} of subnet {there.id}"
        raise bad_request("router", text)


def check_routes(tx: Transaction, router_id: str, routes: Sequence[dict[str, str]]) -> None:
    """The next hop of each route is on a subnet of the router, and is not the router itself."""
    if not routes:
        return
    ports = router_ports(tx, router_id)
    cidrs = [IPNetwork(subnet.cidr) for subnet in find_many(tx, [p.subnet_id for p in ports if p.subnet_id]).values()]
    own = {port.ip_address for port in ports}
    for route in routes:
        if not any(IPAddress(route["nexthop"]) in cidr for cidr in cidrs):
            raise _refused(routes, "the nexthop is not connected with router")
        if route["nexthop"] in own:
            raise _refused(routes, "the nexthop is used by router")


def _refused(routes: Sequence[dict[str, str]], reason: str) -> Exception:
    return refused(f"Invalid format for routes: {list(routes)}, {reason}", "InvalidRoutes")
