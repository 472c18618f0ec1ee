"""The actions that give a server another address in a network it is in, and take one from it, until 2.44."""


from monostack.core.errors import BadRequest, Fault, NotFound
from monostack.db import Row, Transaction
from monostack.events import record
from monostack.http import Request
from monostack.services.compute.parameters import IP, fields, one
from monostack.services.compute.proxies import LAST_ACTIONS
from monostack.services.compute.servers import history, table
from monostack.services.compute.servers.actions import ACTIONS
from monostack.services.compute.servers.lookup import check_state, visible
from monostack.services.network import facade as network

_NETWORK = {"type": ["string", "number"], "minLength": 1, "maxLength": 36}


def _server(request: Request, tx: Transaction, action: str) -> Row:
    server = visible(request, tx)
    request.authorize(f"os_compute_api:os-multinic:{action}", {"project_id": server.project_id})
    check_state(request, server, "fixed_ip")
    return server


def _refused(request: Request, tx: Transaction, server: Row, reason: str) -> None:
    """Nova finds out when its answer is long given: what went wrong is told in the list of what was done to the server."""
    history.start(tx, request, server.id, next(iter(request.body)), message=reason)


_ADD = one("addFixedIp", fields({"networkId": _NETWORK}, ("networkId",)))
_REMOVE = one("removeFixedIp", fields({"address": IP}, ("address",)))


@ACTIONS.action("addFixedIp", body=_ADD, until=LAST_ACTIONS, policy="os_compute_api:os-multinic:add")
def add_fixed_ip(request: Request, tx: Transaction) -> None:
    """Give a server another address in a network."""
    server = _server(request, tx, "add")
    network_id = str(request.body["addFixedIp"]["networkId"])
    ports = [port for port in network.ports_of(tx, [server.id])[server.id] if port.network_id == network_id]
    subnets = network.proxied.show(tx, request, "network", network_id)["subnets"] if ports else ()
    for subnet_id in subnets:
        present = [{"subnet_id": ip.subnet_id, "ip_address": ip.ip_address} for ip in ports[0].fixed_ips]
        try:
            network.proxied.update(tx, request, "port", ports[0].id, {"fixed_ips": [*present, {"subnet_id": subnet_id}]})
        except Fault as fault:
            _refused(request, tx, server, fault.message)
            continue
        _changed(request, tx, server, "server.add_fixed_ip")
        return
    _refused(request, tx, server, f"Network could not be found for instance {server.id}.")


@ACTIONS.action("removeFixedIp", body=_REMOVE, until=LAST_ACTIONS, policy="os_compute_api:os-multinic:remove")
def remove_fixed_ip(request: Request, tx: Transaction) -> None:
    """Take an address from a server."""
    server = _server(request, tx, "remove")
    address = request.body["removeFixedIp"]["address"]
    for port in network.ports_of(tx, [server.id])[server.id]:
        kept = [{"subnet_id": ip.subnet_id, "ip_address": ip.ip_address} for ip in port.fixed_ips if ip.ip_address != address]
        if len(kept) == len(port.fixed_ips):
            continue
        try:
            network.proxied.update(tx, request, "port", port.id, {"fixed_ips": kept})
        except (BadRequest, NotFound) as fault:
            _refused(request, tx, server, fault.message)
            return
        _changed(request, tx, server, "server.remove_fixed_ip")
        return
    _refused(request, tx, server, f"Instance {server.id} does not have fixed IP '{address}'.")


def _changed(request: Request, tx: Transaction, server: Row, event: str) -> None:
    table.update(tx, server.id)
    network.items_changed(tx, request.cloud, "metadata", [server.id])
    record(tx, request, event, server.id, server.project_id)
