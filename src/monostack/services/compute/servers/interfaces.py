"""/servers/{id}/os-interface: the ports of a server."""

from typing import Any

from monostack.core.errors import BadRequest, Fault, NotFound
from monostack.db import Row, Transaction
from monostack.events import record
from monostack.http import Request, Routes
from monostack.http.answers import NOTHING, envelope, many
from monostack.services.compute.hosts.known import known_hosts
from monostack.services.compute.parameters import IP, TAG, UUID, Json, fields
from monostack.services.compute.servers import answers, history, table
from monostack.services.compute.servers.lookup import check_state, visible
from monostack.services.network import facade as network
from monostack.services.placement import facade as placement


def _body(**more: Json) -> Json:
    address = fields({"ip_address": IP}, ("ip_address",))
    attachment = fields({"net_id": UUID, "port_id": UUID, "fixed_ips": {"type": "array", "minItems": 1, "maxItems": 1, "items": address},
                         **more})  # fmt: skip
    return fields({"interfaceAttachment": attachment})


_CREATE = [((0, 0), _body()), ((2, 49), _body(tag=TAG))]

routes = Routes("/v2.1/servers/{id}/os-interface")


def _server(request: Request, tx: Transaction, action: str) -> Row:
    server = visible(request, tx)
    request.authorize(f"os_compute_api:os-attach-interfaces:{action}", {"project_id": server.project_id})
    return server


def _view(request: Request, server: Row, port: network.PortInfo) -> dict[str, Any]:
    addresses = [{"subnet_id": ip.subnet_id, "ip_address": ip.ip_address} for ip in port.fixed_ips]
    shown = {
        "net_id": port.network_id, "port_id": port.id, "mac_addr": port.mac, "port_state": port.status, "fixed_ips": addresses
    }  # fmt: skip
    if request.at_least(2, 70):
        shown["tag"] = (server.devices or {}).get(port.id)
    return shown


def _port(tx: Transaction, server: Row, port_id: str) -> network.PortInfo:
    port = network.ports(tx, [port_id]).get(port_id)
    if port is None or (port.project_id != server.project_id and port.device_id != server.id):
        raise NotFound(f"Port id {port_id} could not be found.")
    if port.device_id != server.id:
        raise NotFound(f"Instance {server.id} does not have a port with id {port_id}")
    return port


@routes.get("", policy="os_compute_api:os-attach-interfaces:list", answer=envelope("interfaceAttachments", many(answers.INTERFACE)))
def list_interfaces(request: Request, tx: Transaction) -> Any:
    """List a server's ports."""
    server = _server(request, tx, "list")
    ports = network.ports_of(tx, [server.id]).get(server.id, [])
    return {"interfaceAttachments": [_view(request, server, port) for port in ports]}


@routes.get("/{key}", policy="os_compute_api:os-attach-interfaces:show", answer=envelope("interfaceAttachment", answers.INTERFACE))
def show_interface(request: Request, tx: Transaction) -> Any:
    """Show one of a server's ports."""
    server = _server(request, tx, "show")
    return {"interfaceAttachment": _view(request, server, _port(tx, server, request.params["key"]))}


@routes.post(
    "", policy="os_compute_api:os-attach-interfaces:create", body=_CREATE, answer=envelope("interfaceAttachment", answers.INTERFACE)
)
def attach_interface(request: Request, tx: Transaction) -> Any:
    """Give a server another port: an existing one, or a new one in a network."""
    server = _server(request, tx, "create")
    given = request.body.get("interfaceAttachment", {})
    network_id, port_id = given.get("net_id"), given.get("port_id")
    address = given["fixed_ips"][0]["ip_address"] if given.get("fixed_ips") else None
    if network_id and port_id:
        raise BadRequest("Must not input both network_id and port_id")
    if address and not network_id:
        raise BadRequest("Must input network_id when request IP address")
    check_state(request, server, "attach_interface")
    port = _allocate(request, tx, server, network.RequestedNic(network_id, port_id, address))
    if given.get("tag"):
        table.update(tx, server.id, devices={**(server.devices or {}), port.id: given["tag"]})
        server = visible(request, tx)
    history.start(tx, request, server.id, "attach_interface")
    record(tx, request, "server.attach_interface", server.id, server.project_id, {"port_id": port.id})
    request.cloud.start(tx, "attach_interface", server.id, history.input_of(server, port_id=port.id), request, server.project_id)
    return {"interfaceAttachment": _view(request, server, port)}


def _allocate(request: Request, tx: Transaction, server: Row, asked: network.RequestedNic) -> network.PortInfo:
    try:
        nics = network.networks_for_boot(tx, request, [asked] if asked.network_id or asked.port_id else None)
    except BadRequest as fault:
        if "could not be found" in fault.message:
            raise NotFound(fault.message) from None
        raise
    if not nics:
        raise BadRequest(f"No specific network was requested and none are available for project '{server.project_id}'.")
    owner = f"compute:{known_hosts(tx).zone_of(server.host) or ''}"
    nic = nics[0]
    if nic.port_id is not None:
        _claim(tx, server, nic.port_id)
        return network.adopt_port(tx, request, nic.port_id, device_id=server.id, device_owner=owner, host=server.host)
    assert nic.network_id is not None, "networks_for_boot names a network or a port"
    try:
        return network.allocate_port(
            tx, request, nic.network_id, device_id=server.id, device_owner=owner, fixed_ip=nic.fixed_ip, host=server.host,
            hostname=server.hostname,
        )  # fmt: skip
    except Fault as fault:
        if fault.kind.startswith("IpAddressGenerationFailure"):
            raise BadRequest(f"No fixed IP addresses available for network: {nic.network_id}") from None
        raise


def _claim(tx: Transaction, server: Row, port_id: str) -> None:
    """Let the server hold what the port asks of its host. Raises BadRequest."""
    asked = network.asked_by_ports(tx, [port_id])
    if not asked:
        return
    host = known_hosts(tx).by_name.get(server.host)
    ways = placement.arrangements(tx, asked, host.id) if host is not None else {}
    if not ways:
        raise BadRequest(f"Failed to allocate additional resources to {server.id} during interface attach")
    placement.adjust(tx, server.id, next(iter(ways.values())))


@routes.delete("/{key}", policy="os_compute_api:os-attach-interfaces:delete", status=202, answer=NOTHING)
def detach_interface(request: Request, tx: Transaction) -> None:
    """Take a port from a server."""
    server = _server(request, tx, "delete")
    check_state(request, server, "detach_interface")
    port = _port(tx, server, request.params["key"])
    history.start(tx, request, server.id, "detach_interface")
    record(tx, request, "server.detach_interface", server.id, server.project_id, {"port_id": port.id})
    request.cloud.start(tx, "detach_interface", server.id, history.input_of(server, port_id=port.id), request, server.project_id)
