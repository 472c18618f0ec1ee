"""Several external gateways of a router. Source: Neutron's extension external-gateway-multihoming.

The first is the one that `external_gateway_info` is about. When it goes, the oldest of the others takes its place. Of faults for which
Neutron answers 500 though the request is what is wrong, the status here is 400.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from monostack.core.errors import Fault
from monostack.db import Row, Transaction
from monostack.http import Request
from monostack.services.network.addresses.table import of_ports
from monostack.services.network.floatingips import association
from monostack.services.network.ports.delete import delete_port
from monostack.services.network.ports.table import get as get_port
from monostack.services.network.ports.update import update_port
from monostack.services.network.routers.gateway import check_network, create_port_for, set_gateway
from monostack.services.network.routers.table import ROUTERS, gateway_ports
from monostack.services.network.words import conflict, refused

Info = Mapping[str, Any]


def ports_of(tx: Transaction, router_id: str) -> Sequence[Row]:
    """Its ports on external networks, the oldest first."""
    return gateway_ports(tx, [router_id]).get(router_id, ())


def add(tx: Transaction, request: Request, row: Row, wanted: Sequence[Info]) -> Row:
    """Give a router these gateways beside those it has."""
    rest = list(wanted)
    if rest and not ports_of(tx, row.id):
        row = set_gateway(tx, request.cloud, request, row, rest.pop(0))
    for info in rest:
        addresses: list[dict[str, str]] = list(info.get("external_fixed_ips") or ())
        check_network(tx, request, info["network_id"], addresses)
        create_port_for(tx, request.cloud, row, info["network_id"], addresses)
    return row


def remove(tx: Transaction, request: Request, row: Row, wanted: Sequence[Info]) -> Row:
    """Take these gateways from a router. Raises where one is not there, or not the only one that is meant."""
    if not wanted:
        return row
    if not ports_of(tx, row.id):
        raise refused(f"Unable to remove extra gateways from a router {row.id}", "UnableToRemoveGateways")
    _check(tx, request, wanted)
    found = _match(tx, row, wanted)
    if found.absent:
        raise _unmatched(row)
    return _drop(tx, request, row, found.ports)


def replace(tx: Transaction, request: Request, row: Row, wanted: Sequence[Info]) -> Row:
    """Have exactly these gateways, in this order. A port that has an address of one of them is kept."""
    if not wanted:
        return _drop(tx, request, row, [port.id for port in ports_of(tx, row.id)])
    _check(tx, request, wanted)
    for port_id in _match(tx, row, wanted[:1]).ports:
        network_id = get_port(tx, port_id).network_id
        row = ROUTERS.change(tx, request, row, {"gw_port_id": port_id, "gw_network_id": network_id})
    row = set_gateway(tx, request.cloud, request, row, wanted[0])
    found = _match(tx, row, wanted[1:])
    for port_id, info in found.ports.items():
        if info.get("external_fixed_ips"):
            update_port(tx, request.cloud, None, get_port(tx, port_id), {"fixed_ips": list(info["external_fixed_ips"])})
    kept = {row.gw_port_id, *found.ports}
    row = _drop(tx, request, row, [port.id for port in ports_of(tx, row.id) if port.id not in kept])
    return add(tx, request, row, found.absent)


def _check(tx: Transaction, request: Request, wanted: Sequence[Info]) -> None:
    for info in wanted:
        check_network(tx, request, info["network_id"], list(info.get("external_fixed_ips") or ()))


def _unmatched(row: Row) -> Fault:
    text = f"Unable to match a requested gateway port to existing gateway ports for router {row.id}"
    return refused(text, "UnableToMatchGateways")


@dataclass
class _Found:
    """Which port each wanted gateway is, and those that none is."""

    ports: dict[str, Info] = field(default_factory=dict)
    absent: list[Info] = field(default_factory=list)


def _match(tx: Transaction, row: Row, wanted: Sequence[Info]) -> _Found:
    """A gateway is found by one of its addresses, or by its network where the router has but one there."""
    present = ports_of(tx, row.id)
    addresses = of_ports(tx, [port.id for port in present])
    found = _Found()
    for info in wanted:
        there = [port for port in present if port.network_id == info["network_id"]]
        if there and not info.get("external_fixed_ips"):
            if len(there) > 1:
                raise _unmatched(row)
            found.ports[there[0].id] = info
            continue
        named = {one["ip_address"] for one in info.get("external_fixed_ips") or () if "ip_address" in one}
        known = next((port for port in there if named & {one.ip_address for one in addresses.get(port.id, ())}), None)
        if known is None:
            found.absent.append(info)
        else:
            found.ports[known.id] = info
    return found


def _drop(tx: Transaction, request: Request, row: Row, port_ids: Collection[str]) -> Row:
    """Take ports away, the first one last."""
    for port_id in port_ids:
        if port_id != row.gw_port_id:
            _drop_further(tx, request, row, get_port(tx, port_id))
    return set_gateway(tx, request.cloud, request, row, None) if row.gw_port_id in port_ids else row


def _drop_further(tx: Transaction, request: Request, row: Row, port: Row) -> None:
    """Raises RouterExternalGatewayInUseByFloatingIp for the last port on a network with floating IPs of the router."""
    alone = sum(1 for other in ports_of(tx, row.id) if other.network_id == port.network_id) < 2
    if alone and any(floating.floating_network_id == port.network_id for floating in association.of_router(tx, row.id)):
        text = (
            f"Gateway cannot be updated for router {row.id}, since a gateway to external network {port.network_id} is required by one or "
            "more floating IPs."
        )
        raise conflict(text, "RouterExternalGatewayInUseByFloatingIp")
    delete_port(tx, request.cloud, None, port)
