"""Plugging networks into a router and unplugging them. Checks, their order and their texts are Neutron's."""

from collections.abc import Mapping, Sequence
from typing import Any

from netaddr import IPAddress, IPRange

from monostack.core.errors import Fault, NotFound
from monostack.db import Row, Transaction
from monostack.http import Request
from monostack.http.answers import ID, TEXT, Record, many, maybe, optional
from monostack.services.network import documents, rbac, standard
from monostack.services.network.addresses.table import of_port
from monostack.services.network.attributes import is_admin
from monostack.services.network.changes import changed
from monostack.services.network.floatingips import association
from monostack.services.network.ndp_proxies.table import check_interface_unused
from monostack.services.network.ports.create import create_port
from monostack.services.network.ports.delete import delete_port
from monostack.services.network.ports.table import PORTS
from monostack.services.network.ports.table import get as get_port
from monostack.services.network.ports.update import update_port
from monostack.services.network.routers.subnets import check_new, router_ports
from monostack.services.network.routers.table import INTERFACE, ROUTERS
from monostack.services.network.subnets.table import SUBNETS, find_many
from monostack.services.network.values.plain import check_uuid
from monostack.services.network.words import bad_request, conflict, refused


def _bad(message: str) -> Fault:
    return bad_request("router", message)


ANSWER = Record(
    "RouterInterface",
    {
        "id": ID,
        "project_id": TEXT,
        "tenant_id": optional(TEXT),
        "port_id": ID,
        "network_id": ID,
        "subnet_id": maybe(ID),
        "subnet_ids": many(ID),
    },
)
BODY = {"oneOf": [documents.one_of(name, {"type": "string", "format": "uuid"}) for name in ("subnet_id", "port_id")]}


def read_body(body: Any, *, removing: bool) -> tuple[str | None, str | None]:
    """(port id, subnet id) of the request."""
    given = body if isinstance(body, Mapping) else {}
    if "port_id" not in given and "subnet_id" not in given:
        raise _bad("Either subnet_id or port_id must be specified")
    for name in ("port_id", "subnet_id"):
        if name in given:
            try:
                check_uuid(given[name])
            except ValueError as reason:
                raise _bad(str(reason)) from None
    if not removing and "port_id" in given and "subnet_id" in given:
        raise _bad("Cannot specify both subnet-id and port-id")
    return given.get("port_id"), given.get("subnet_id")


def add(tx: Transaction, request: Request, router: Row, port_id: str | None, subnet_id: str | None) -> dict[str, Any]:
    """Plug in a port, or a subnet by a new port that has its gateway address."""
    if port_id is not None:
        port, subnets = _add_port(tx, request, router, PORTS.get(request, tx, port_id))
    else:
        assert subnet_id is not None
        subnet = SUBNETS.get(request, tx, subnet_id)
        port, subnets = _add_subnet(tx, request, router, subnet), [subnet]
    return _done(tx, request, router, port, subnets, subnets[-1].id)


def _done(
    tx: Transaction, request: Request, router: Row, port: Row, subnets: Sequence[Row], subnet_id: str
) -> dict[str, Any]:
    standard.bump(ROUTERS, tx, [router.id])
    changed(tx, request.cloud, "router", [router.id])
    return {
        "id": router.id,
        "project_id": port.project_id,
        "port_id": port.id,
        "network_id": port.network_id,
        "subnet_id": subnet_id,
        "subnet_ids": [subnet.id for subnet in subnets],
    }


def _check_mode(subnet: Row) -> None:
    if subnet.ip_version == 6 and subnet.ipv6_ra_mode is None and subnet.ipv6_address_mode is not None:
        raise _bad(f"IPv6 subnet {subnet.id} configured to receive RAs from an external router cannot be added to Neutron Router.")


def _add_port(tx: Transaction, request: Request, router: Row, port: Row) -> tuple[Row, list[Row]]:
    if port.device_id:
        text = (
            f"Unable to complete operation on port {port.id} for network {port.network_id}. Port already has an attached device "
            f"{port.device_id}."
        )
        raise conflict(text, "PortInUse")
    addresses = of_port(tx, port.id)
    if not addresses:
        raise _bad("Router port must have at least one fixed IP")
    by_id = find_many(tx, [one.subnet_id for one in addresses])
    subnets = [by_id[one.subnet_id] for one in addresses]
    for subnet in subnets:
        _check_mode(subnet)
    other = _ipv6_port(tx, router.id, port.network_id)
    if other is not None and any(subnet.ip_version == 6 for subnet in subnets):
        text = (
            f"Router already contains IPv6 port {other} belonging to network id {port.network_id}. Only one IPv6 port from the same "
            "network subnet can be connected to a router."
        )
        raise _bad(text)
    check_new(tx, router.id, subnets)
    if sum(1 for subnet in subnets if subnet.ip_version == 4) > 1:
        raise _bad("Cannot have multiple IPv4 subnets on router port")
    _check_in_pools(request, port, addresses, by_id)
    groups: list[str] = []
    secured = {"security_groups": groups, "allowed_address_pairs": [], "port_security_enabled": False}
    owned = {"device_id": router.id, "device_owner": INTERFACE}
    return update_port(tx, request.cloud, None, port, {**owned, **secured}), subnets


def _check_in_pools(request: Request, port: Row, addresses: Sequence[Row], subnets: Mapping[str, Row]) -> None:
    """Who does not own the subnet may only bring an address that the subnet's owner gives out."""
    if is_admin(request):
        return
    for one in addresses:
        subnet = subnets[one.subnet_id]
        pools = [IPRange(pool["start"], pool["end"]) for pool in subnet.allocation_pools]
        if subnet.project_id != request.caller.project_id and not any(IPAddress(one.ip_address) in pool for pool in pools):
            raise _bad(
                f"Cannot add interface to router because specified port {port.id} has an IP address out of the allocation pool of subnet "
                f"{subnet.id}, which is not owned by the project making the request"
            )


def _ipv6_port(tx: Transaction, router_id: str, network_id: str) -> str | None:
    for port in router_ports(tx, router_id):
        if port.device_owner == INTERFACE and port.network_id == network_id and port.ip_address and ":" in port.ip_address:
            return port.id
    return None


def _add_subnet(tx: Transaction, request: Request, router: Row, subnet: Row) -> Row:
    if not subnet.gateway_ip:
        raise _bad("Subnet for router interface must have a gateway IP")
    if subnet.project_id != request.caller.project_id and not is_admin(request):
        given = rbac.targets(tx, subnet.network_id, rbac.SHARED)
        if not given & {rbac.EVERYBODY, request.caller.project_id}:
            raise _bad(f"Cannot add interface to router because subnet {subnet.id} is not owned by project making the request")
    _check_mode(subnet)
    check_new(tx, router.id, [subnet])
    fixed = {"ip_address": subnet.gateway_ip, "subnet_id": subnet.id}
    other = _ipv6_port(tx, router.id, subnet.network_id) if subnet.ip_version == 6 else None
    if other is not None:
        present = [{"ip_address": one.ip_address, "subnet_id": one.subnet_id} for one in of_port(tx, other)]
        return update_port(tx, request.cloud, None, get_port(tx, other), {"fixed_ips": [*present, fixed]})
    values = {"project_id": router.project_id, "network_id": subnet.network_id, "device_id": router.id, "device_owner": INTERFACE}
    return create_port(tx, request.cloud, None, {**values, "fixed_ips": [fixed], "binding:host_id": router.host})


# --- unplugging --------------------------------------------------------------------------------------------------------------


def remove(tx: Transaction, request: Request, router: Row, port_id: str | None, subnet_id: str | None) -> dict[str, Any]:
    """Unplug a port, or the port on a subnet."""
    if port_id is not None:
        return _remove_port(tx, request, router, port_id, subnet_id)
    assert subnet_id is not None
    return _remove_subnet(tx, request, router, SUBNETS.get(request, tx, subnet_id))


def _check_unused(tx: Transaction, router: Row, subnet: Row) -> None:
    """No floating IP leads through this interface, no route has its next hop there."""
    check_interface_unused(tx, router.id, subnet)
    if association.lead_through(tx, router.id, subnet):
        text = (
            f"Router interface for subnet {subnet.id} on router {router.id} cannot be deleted, as it is required by one or more "
            "floating IPs."
        )
        raise conflict(text, "RouterInterfaceInUseByFloatingIP")
    if any(association.inside(route["nexthop"], subnet.cidr) for route in router.routes):
        text = f"Router interface for subnet {subnet.id} on router {router.id} cannot be deleted, as it is required by one or more routes."
        raise conflict(text, "RouterInterfaceInUseByRoute")


def _remove_port(tx: Transaction, request: Request, router: Row, port_id: str, subnet_id: str | None) -> dict[str, Any]:
    on = [port.subnet_id for port in router_ports(tx, router.id) if port.id == port_id and port.device_owner == INTERFACE]
    if not on:
        raise NotFound(f"Router {router.id} does not have an interface with id {port_id}", kind="RouterInterfaceNotFound")
    subnets = list(find_many(tx, [one for one in on if one]).values())
    if subnet_id is not None and subnet_id not in on:
        raise refused(f"Subnet on port {port_id} does not match the requested subnet {subnet_id}.", "SubnetMismatchForPort")
    for subnet in subnets:
        _check_unused(tx, router, subnet)
    port = get_port(tx, port_id)
    delete_port(tx, request.cloud, request, port)
    return _done(tx, request, router, port, subnets, subnets[0].id if subnets else "")


def _remove_subnet(tx: Transaction, request: Request, router: Row, subnet: Row) -> dict[str, Any]:
    found = [port for port in router_ports(tx, router.id) if port.device_owner == INTERFACE and port.subnet_id == subnet.id]
    if not found:
        text = f"Router {router.id} has no interface on subnet {subnet.id}"
        raise NotFound(text, kind="RouterInterfaceNotFoundForSubnet")
    _check_unused(tx, router, subnet)
    port = get_port(tx, found[0].id)
    left = [{"ip_address": one.ip_address, "subnet_id": one.subnet_id} for one in of_port(tx, port.id) if one.subnet_id != subnet.id]
    if left:
        update_port(tx, request.cloud, None, port, {"fixed_ips": left})
    else:
        delete_port(tx, request.cloud, request, port)
    return _done(tx, request, router, port, [subnet], subnet.id)
