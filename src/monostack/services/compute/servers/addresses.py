"""The addresses of servers, by the name of their network, as servers and /ips show them."""

from collections.abc import Sequence
from typing import Any

from monostack.core.errors import NotFound
from monostack.db import Transaction
from monostack.http import Request, Routes
from monostack.services.compute.servers.lookup import visible
from monostack.services.network import facade as network

Addresses = dict[str, list[dict[str, Any]]]


def addresses_of(tx: Transaction, server_ids: Sequence[str]) -> dict[str, Addresses]:
    """server -> network's name -> fixed addresses, then floating ones."""
    found: dict[str, Addresses] = {}
    for server_id, ports in network.ports_of(tx, server_ids).items():
        if ports:
            found[server_id] = _of_ports(ports)
    return found


def _of_ports(ports: Sequence[network.PortInfo]) -> Addresses:
    shown: Addresses = {}
    floating: Addresses = {}
    for port in ports:
        fixed = shown.setdefault(port.network_name, [])
        for ip in port.fixed_ips:
            fixed.append(_address(ip.version, ip.ip_address, "fixed", port.mac))
            if ip.floating_ips:
                more = floating.setdefault(port.network_name, [])
                more += [_address(4, address, "floating", port.mac) for address in ip.floating_ips]
    for label, more in floating.items():
        shown[label] += more
    return shown


def _address(version: int, address: str, kind: str, mac: str) -> dict[str, Any]:
    return {"version": version, "addr": address, "OS-EXT-IPS:type": kind, "OS-EXT-IPS-MAC:mac_addr": mac}


routes = Routes("/v2.1/servers/{id}/ips")


def _plain(request: Request, tx: Transaction, rule: str) -> Addresses:
    server = visible(request, tx)
    request.authorize(f"os_compute_api:ips:{rule}", {"project_id": server.project_id})
    found = addresses_of(tx, [server.id]).get(server.id, {})
    return {label: [{"version": a["version"], "addr": a["addr"]} for a in each] for label, each in found.items()}


@routes.get("", policy="os_compute_api:ips:index")
def list_addresses(request: Request, tx: Transaction) -> Any:
    """List a server's addresses by network."""
    return {"addresses": _plain(request, tx, "index")}


@routes.get("/{key}", policy="os_compute_api:ips:show")
def show_addresses(request: Request, tx: Transaction) -> Any:
    """List a server's addresses in one network."""
    found, label = _plain(request, tx, "show"), request.params["key"]
    if label not in found:
        raise NotFound("Instance is not a member of specified network")
    return {label: found[label]}
