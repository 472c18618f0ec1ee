"""The addresses of servers, by the name of their network, as servers and /ips show them."""

from collections.abc import Sequence
from typing import Any

from monostack.core.errors import NotFound
from monostack.db import Transaction
from monostack.http import Request, Routes
from monostack.http.answers import envelope
from monostack.services.compute.servers import answers
from monostack.services.compute.servers.lookup import visible
from monostack.services.network import facade as network

Addresses = dict[str, list[dict[str, Any]]]


def addresses_of(tx: Transaction, server_ids: Sequence[str]) -> dict[str, Addresses]:
    """server -> network's name -> fixed addresses, then floating ones."""
    found: dict[str, Addresses] = {}
    floating: list[tuple[list[dict[str, Any]], dict[str, Any]]] = []
    before = None
    for server_id, port_id, label, mac, fixed, leading in network.addresses_of_servers(tx, server_ids):
        shown = found.setdefault(server_id, {}).setdefault(label, [])
        if fixed is not None and (port_id, fixed) != before:
            shown.append(_address(fixed, "fixed", mac))
            before = port_id, fixed
        if leading is not None:
            floating.append((shown, _address(leading, "floating", mac)))
    for shown, address in floating:
        shown.append(address)
    return found


def _address(address: str, kind: str, mac: str) -> dict[str, Any]:
    return {"version": 6 if ":" in address else 4, "addr": address, "OS-EXT-IPS:type": kind, "OS-EXT-IPS-MAC:mac_addr": mac}


routes = Routes("/v2.1/servers/{id}/ips")


def _plain(request: Request, tx: Transaction, rule: str) -> Addresses:
    server = visible(request, tx)
    request.authorize(f"os_compute_api:ips:{rule}", {"project_id": server.project_id})
    found = addresses_of(tx, [server.id]).get(server.id, {})
    return {label: [{"version": a["version"], "addr": a["addr"]} for a in each] for label, each in found.items()}


@routes.get("", policy="os_compute_api:ips:index", answer=envelope("addresses", answers.ADDRESSES))
def list_addresses(request: Request, tx: Transaction) -> Any:
    """List a server's addresses by network."""
    return {"addresses": _plain(request, tx, "index")}


@routes.get("/{key}", policy="os_compute_api:ips:show", answer=answers.ADDRESSES)
def show_addresses(request: Request, tx: Transaction) -> Any:
    """List a server's addresses in one network."""
    found, label = _plain(request, tx, "show"), request.params["key"]
    if label not in found:
        raise NotFound("Instance is not a member of specified network")
    return {label: found[label]}
