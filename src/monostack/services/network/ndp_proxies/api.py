"""Creating, changing and deleting NDP proxies. Checks, their order and their texts are Neutron's."""


from monostack.core.errors import Fault
from monostack.db import Row, Transaction
from monostack.http import Request
from monostack.services.network import standard
from monostack.services.network.addresses.table import of_port
from monostack.services.network.attributes import Values
from monostack.services.network.changes import changed
from monostack.services.network.ndp_proxies.gateways import scope_of_network
from monostack.services.network.ndp_proxies.table import PROXIES
from monostack.services.network.ports.table import PORTS
from monostack.services.network.routers.subnets import router_ports
from monostack.services.network.routers.table import ROUTERS
from monostack.services.network.verbs import Verbs
from monostack.services.network.words import bad_request, conflict, refused


def _unreachable(port_id: str, router_id: str) -> Fault:
    return conflict(f"The port {port_id} cannot reach the router {router_id} by IPv6 subnet.", "PortUnreachableRouter")


def create_proxy(tx: Transaction, request: Request, values: Values) -> Row:
    port = PORTS.get(request, tx, values["port_id"])
    plugged = [one for one in router_ports(tx, values["router_id"]) if one.network_id == port.network_id]
    if not plugged:
        raise _unreachable(port.id, values["router_id"])
    router = ROUTERS.get(request, tx, values["router_id"])
    if not router.ndp_proxy:
        text = f"The enable_ndp_proxy parameter of router {router.id} must be set as True while create ndp proxy entry on it."
        raise conflict(text, "RouterNDPProxyNotEnable")
    address = _address(tx, port, router.id, values.get("ip_address"), {one.subnet_id for one in plugged})
    outer, inner = scope_of_network(tx, router.gw_network_id), scope_of_network(tx, port.network_id)
    if outer != inner:
        text = f"The IPv6 address scope {outer} of external network conflict with internal network's IPv6 address scope {inner}."
        raise conflict(text, "AddressScopeConflict")
    changed(tx, request.cloud, "router", [router.id])
    return standard.insert(PROXIES, tx, request, {**values, "ip_address": address})


def _address(tx: Transaction, port: Row, router_id: str, wanted: str | None, subnets: set[str | None]) -> str:
    """The address of the port that the router answers for."""
    addresses = [one for one in of_port(tx, port.id) if ":" in one.ip_address]
    if not addresses:
        raise bad_request("ndp_proxy", f"Requested port {port.id} must allocate one IPv6 address at least")
    if wanted is None:
        reached = [one.ip_address for one in addresses if one.subnet_id in subnets]
        if not reached:
            raise _unreachable(port.id, router_id)
        return reached[0]
    found = [one for one in addresses if one.ip_address == wanted]
    if not found:
        reason = f"This address not belong to the port {port.id}"
        raise refused(f"The address {wanted} is invalid, reason: {reason}.", "InvalidAddress")
    if found[0].subnet_id not in subnets:
        reason = f"This address cannot reach the router {router_id}"
        raise refused(f"The address {wanted} is invalid, reason: {reason}.", "InvalidAddress")
    return wanted


def update_proxy(tx: Transaction, request: Request, row: Row, changes: Values) -> Row:
    return PROXIES.change(tx, request, row, changes)


def delete_proxy(tx: Transaction, request: Request, row: Row) -> None:
    changed(tx, request.cloud, "router", [row.router_id])
    standard.remove(PROXIES, tx, request, row)


VERBS = Verbs(PROXIES, create=create_proxy, update=update_proxy, delete=delete_proxy, counted=False)
routes = [VERBS.routes()]
