"""Host routes between the subnets of a routed network: from each to those on other segments, by its own gateway.

Source: Neutron's extension segments-peer-subnet-host-routes. A route that the user gave, and that is as wide or wider, stays instead.
"""

from collections.abc import Iterable, Sequence

from netaddr import IPNetwork

from monostack.db import Row, Transaction
from monostack.http import Request
from monostack.services.network.changes import changed
from monostack.services.network.subnets.table import SUBNETS, of_network

Routes = Sequence[dict[str, str]]


def _to(cidr: str, gateway: str) -> dict[str, str]:
    return {"destination": cidr, "nexthop": gateway}


def _peers(subnet: Row, present: Iterable[Row]) -> list[Row]:
    return [one for one in present if one.segment_id != subnet.segment_id and one.ip_version == subnet.ip_version]


def follow(tx: Transaction, subnet: Row, routes: Routes, gateway: str | None) -> Routes:
    """The routes that a subnet of a segment has when these were asked for, or it is given this gateway."""
    peers = _peers(subnet, of_network(tx, subnet.network_id))
    if gateway != subnet.gateway_ip and subnet.gateway_ip is not None:
        left = [_to(peer.cidr, subnet.gateway_ip) for peer in peers]
        routes = [route for route in routes if route not in left]
    return _joined(routes, peers, gateway)


def _joined(routes: Routes, peers: Iterable[Row], gateway: str | None) -> Routes:
    if gateway is None:
        return routes
    known = [IPNetwork(route["destination"]) for route in routes]
    return [*routes, *(_to(peer.cidr, gateway) for peer in peers if not any(IPNetwork(peer.cidr) in one for one in known))]


def settle(tx: Transaction, request: Request, network_id: str, gone: str | None = None) -> None:
    """Bring the routes of all subnets of a network up to date after one came, or the one of the prefix `gone` went."""
    present = of_network(tx, network_id)
    for subnet in present:
        routes = [one for one in subnet.host_routes if gone is None or one != _to(gone, subnet.gateway_ip)]
        wanted = _joined(routes, _peers(subnet, present), subnet.gateway_ip)
        if wanted != subnet.host_routes:
            SUBNETS.change(tx, request, subnet, {"host_routes": list(wanted)})
    changed(tx, request.cloud, "network", [network_id])
