"""/os-networks and /os-tenant-networks, until 2.36: what a server may be connected to, by id and name."""

from typing import Any

from monostack.core.errors import NotFound
from monostack.db import Transaction
from monostack.http import Request, Routes
from monostack.http.answers import envelope, many
from monostack.services.compute.proxies import LAST, answers
from monostack.services.network import facade as network

# The network service knows networks in another form than these names were made for, so Nova shows them empty.
_FIELDS = ("cidr", "netmask", "gateway", "broadcast", "dns1", "dns2", "cidr_v6", "gateway_v6", "netmask_v6")
_ADMIN_FIELDS = (
    "created_at", "updated_at", "deleted_at", "deleted", "injected", "bridge", "vlan", "vpn_public_address", "vpn_public_port",
    "vpn_private_address", "dhcp_start", "project_id", "host", "bridge_interface", "multi_host", "priority", "rxtx_base", "mtu",
    "dhcp_server", "enable_dhcp", "share_address",
)  # fmt: skip

routes = Routes("/v2.1")


def _view(request: Request, found: dict[str, Any]) -> dict[str, Any]:
    names = _FIELDS + (_ADMIN_FIELDS if request.caller.is_admin else ())
    return {"id": found["id"], "label": found["name"], **dict.fromkeys(names)}


def _tenant_view(found: dict[str, Any]) -> dict[str, Any]:
    return {"id": found["id"], "cidr": "None", "label": found["name"]}


def _one(request: Request, tx: Transaction) -> dict[str, Any]:
    try:
        return network.proxied.show(tx, request, "network", request.params["id"])
    except NotFound:
        raise NotFound("Network not found") from None


@routes.get("/os-networks", policy="os_compute_api:os-networks:list", until=LAST, answer=envelope("networks", many(answers.NETWORK)))
def list_networks(request: Request, tx: Transaction) -> Any:
    """List networks."""
    request.authorize("os_compute_api:os-networks:list")
    return {"networks": [_view(request, found) for found in network.proxied.list_all(tx, request, "network")]}


@routes.get("/os-networks/{id}", policy="os_compute_api:os-networks:show", until=LAST, answer=envelope("network", answers.NETWORK))
def show_network(request: Request, tx: Transaction) -> Any:
    """Show a network."""
    request.authorize("os_compute_api:os-networks:show")
    return {"network": _view(request, _one(request, tx))}


@routes.get(
    "/os-tenant-networks",
    policy="os_compute_api:os-tenant-networks:list",
    until=LAST,
    answer=envelope("networks", many(answers.TENANT_NETWORK)),
)
def list_tenant_networks(request: Request, tx: Transaction) -> Any:
    """List networks, as projects see them."""
    request.authorize("os_compute_api:os-tenant-networks:list")
    return {"networks": [_tenant_view(found) for found in network.proxied.list_all(tx, request, "network")]}


@routes.get(
    "/os-tenant-networks/{id}",
    policy="os_compute_api:os-tenant-networks:show",
    until=LAST,
    answer=envelope("network", answers.TENANT_NETWORK),
)
def show_tenant_network(request: Request, tx: Transaction) -> Any:
    """Show a network, as projects see it."""
    request.authorize("os_compute_api:os-tenant-networks:show")
    return {"network": _tenant_view(_one(request, tx))}
