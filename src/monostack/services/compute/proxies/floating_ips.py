"""/os-floating-ips and /os-floating-ip-pools, until 2.36, and the actions that lead floating IPs to servers, until 2.44."""

from collections.abc import Sequence
from typing import Any

from monostack.core.errors import BadRequest, Conflict, Fault, Forbidden, NotFound
from monostack.db import Transaction
from monostack.http import Request, Response, Routes
from monostack.http.answers import NOTHING, envelope, many
from monostack.services.compute.dialect import bare
from monostack.services.compute.parameters import IP, Json, fields, one
from monostack.services.compute.proxies import LAST, LAST_ACTIONS, answers
from monostack.services.compute.proxies.faults import passed_on, told
from monostack.services.compute.servers.actions import ACTIONS
from monostack.services.compute.servers.lookup import visible
from monostack.services.network import facade as network

Document = dict[str, Any]

DEFAULT_POOL = "nova"  # where an address comes from that is asked for without naming a pool
_POOL: Json = {"type": ["object", "null"], "properties": {"pool": {"type": ["string", "null"]}}}

routes = Routes("/v2.1")


def _views(request: Request, tx: Transaction, floating_ips: Sequence[Document]) -> list[Document]:
    external = sorted({each["floating_network_id"] for each in floating_ips})
    found = network.proxied.list_all(tx, request, "network", id=external) if external else []
    names = {each["id"]: each["name"] for each in found}
    return [
        {
            "fixed_ip": each["fixed_ip_address"], "id": each["id"], "ip": each["floating_ip_address"],
            "instance_id": each["port_details"]["device_id"] if each["port_details"] else None,
            "pool": names.get(each["floating_network_id"]) or each["floating_network_id"],
        }
        for each in floating_ips
    ]  # fmt: skip


def _get(request: Request, tx: Transaction) -> Document:
    id = request.params["id"]
    try:
        return network.proxied.show(tx, request, "floatingip", id)
    except NotFound:
        raise NotFound(f"Floating IP not found for ID {id}") from None


def _by_address(request: Request, tx: Transaction, address: str) -> Document:
    found = network.proxied.list_all(tx, request, "floatingip", floating_ip_address=address)
    if not found:
        raise NotFound(f"Floating IP not found for address {address}.")
    if len(found) > 1:
        raise Conflict(f"Multiple floating IPs are found for address {address}.")
    return found[0]


@routes.get("/os-floating-ip-pools", policy="os_compute_api:os-floating-ip-pools", until=LAST, answer=answers.POOLS)
def list_pools(request: Request, tx: Transaction) -> Any:
    """List the external networks."""
    request.authorize("os_compute_api:os-floating-ip-pools", {})
    pools = network.proxied.list_all(tx, request, "network", **{"router:external": "True"})
    return {"floating_ip_pools": [{"name": each["name"] or each["id"]} for each in pools]}


@routes.get(
    "/os-floating-ips",
    policy="os_compute_api:os-floating-ips:list",
    enforce=True,
    until=LAST,
    answer=envelope("floating_ips", many(answers.FLOATING_IP)),
)
def list_floating_ips(request: Request, tx: Transaction) -> Any:
    """List the project's floating IPs."""
    found = network.proxied.list_all(tx, request, "floatingip", project_id=request.project_id)
    return {"floating_ips": _views(request, tx, found)}


@routes.get(
    "/os-floating-ips/{id}",
    policy="os_compute_api:os-floating-ips:show",
    enforce=True,
    until=LAST,
    answer=envelope("floating_ip", answers.FLOATING_IP),
)
def show_floating_ip(request: Request, tx: Transaction) -> Any:
    """Show a floating IP."""
    return {"floating_ip": _views(request, tx, [_get(request, tx)])[0]}


@routes.post(
    "/os-floating-ips",
    policy="os_compute_api:os-floating-ips:create",
    enforce=True,
    until=LAST,
    body=_POOL,
    answer=envelope("floating_ip", answers.FLOATING_IP),
)
def create_floating_ip(request: Request, tx: Transaction) -> Any:
    """Take a floating IP from a pool."""
    pool = (request.body or {}).get("pool")
    wanted = {"floating_network_id": _pool(request, tx, pool or DEFAULT_POOL)}
    try:
        created = network.proxied.create(tx, request, "floatingip", wanted)
    except Fault as fault:
        raise _refusal(request, pool, fault) from None
    return {"floating_ip": _views(request, tx, [created])[0]}


def _pool(request: Request, tx: Transaction, name: str) -> str:
    pools = network.proxied.list_all(tx, request, "network", **{"router:external": "True"})
    found = [each["id"] for each in pools if each["id"] == name] or [each["id"] for each in pools if each["name"] == name]
    if not found:
        raise NotFound("Floating IP pool not found.")
    if len(found) > 1:
        raise BadRequest(f"Multiple floating IP pools matches found for name '{name}'")
    return found[0]


def _refusal(request: Request, pool: str | None, fault: Fault) -> Fault:
    if fault.kind in ("IpAddressGenerationFailure", "ExternalIpAddressExhausted"):
        return NotFound(f"No more floating IPs in pool {pool}." if pool else "No more floating IPs available.")
    if fault.kind == "OverQuota":
        return Forbidden(f"IP allocation over quota in pool {pool}." if pool else "IP allocation over quota.")
    return BadRequest(told(request, fault)) if fault.status == 400 else fault


@routes.delete(
    "/os-floating-ips/{id}", policy="os_compute_api:os-floating-ips:delete", enforce=True, until=LAST, status=202, answer=NOTHING
)
def delete_floating_ip(request: Request, tx: Transaction) -> None:
    """Give a floating IP back."""
    found = _get(request, tx)
    _server_of(request, tx, found)
    network.proxied.delete(tx, request, "floatingip", found["id"])


def _server_of(request: Request, tx: Transaction, floating_ip: Document) -> Any:
    """The server the floating IP leads to, or None. Raises NotFound for one the caller may not know of."""
    details = floating_ip["port_details"]
    return visible(request, tx, details["device_id"]) if details and details["device_id"] else None


# --- actions -----------------------------------------------------------------------------------------------------------------

_ADD = one("addFloatingIp", fields({"address": IP, "fixed_address": IP}, ("address",)))


@ACTIONS.action("addFloatingIp", body=_ADD, until=LAST_ACTIONS, policy="os_compute_api:os-floating-ips:add")
def add_floating_ip(request: Request, tx: Transaction) -> Response:
    """Lead a floating IP to a server."""
    server = visible(request, tx)
    request.authorize("os_compute_api:os-floating-ips:add", {"project_id": server.project_id})
    given = request.body["addFloatingIp"]
    address = given["address"]
    ports = network.ports_of(tx, [server.id])[server.id]
    if not ports:
        raise BadRequest("Instance network is not ready yet")
    port_id, fixed = _fixed(ports, server.id, address, given.get("fixed_address"))
    try:
        floating_ip = _by_address(request, tx, address)
    except NotFound:
        raise NotFound("floating IP not found") from None
    try:
        with passed_on(request, {409: BadRequest}):
            network.proxied.update(tx, request, "floatingip", floating_ip["id"], {"port_id": port_id, "fixed_ip_address": fixed})
    except NotFound as fault:
        error = told(request, fault)
        raise BadRequest(
            f"Unable to associate floating IP {address} to fixed IP {fixed} for instance {server.id}. Error: {error}"
        ) from None
    return bare(202)


def _fixed(ports: Sequence[network.PortInfo], server_id: str, address: str, wanted: str | None) -> tuple[str, str]:
    """The port and the address of it the floating IP shall lead to: the one asked for, or the first of IPv4."""
    every = [(port.id, ip) for port in ports for ip in port.fixed_ips]
    if not every:
        raise BadRequest("No fixed IPs associated to instance")
    found = [(port_id, ip.ip_address) for port_id, ip in every if (ip.ip_address == wanted if wanted else ip.version == 4)]
    if found:
        return found[0]
    if wanted:
        raise BadRequest("Specified fixed address not assigned to instance")
    raise BadRequest(
        f"Unable to associate floating IP {address} to any fixed IPs for instance {server_id}. "
        "Instance has no fixed IPv4 addresses to associate."
    )


_REMOVE = one("removeFloatingIp", fields({"address": IP}, ("address",)))


@ACTIONS.action("removeFloatingIp", body=_REMOVE, until=LAST_ACTIONS, policy="os_compute_api:os-floating-ips:remove")
def remove_floating_ip(request: Request, tx: Transaction) -> Response:
    """Lead a floating IP nowhere."""
    address = request.body["removeFloatingIp"]["address"]
    floating_ip = _by_address(request, tx, address)
    server = _server_of(request, tx, floating_ip)
    request.authorize("os_compute_api:os-floating-ips:remove", {"project_id": server.project_id} if server is not None else {})
    if server is None or server.id != request.params["id"]:
        raise Conflict(f"Floating IP {address} is not associated with instance {request.params['id']}.")
    network.proxied.update(tx, request, "floatingip", floating_ip["id"], {"port_id": None})
    return bare(202)
