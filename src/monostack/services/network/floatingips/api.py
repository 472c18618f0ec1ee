"""Creating, changing and deleting floating IPs. Checks, their order and their texts are Neutron's."""

from typing import Any

import sqlalchemy as sa
from netaddr import IPAddress

from monostack.core import ids
from monostack.core.errors import Fault, NotFound
from monostack.db import Row, Transaction
from monostack.http import Request
from monostack.services.network import standard
from monostack.services.network.addresses.table import allocations, of_port
from monostack.services.network.attributes import Values, is_admin
from monostack.services.network.floatingips import association, pools
from monostack.services.network.floatingips.association import NOWHERE
from monostack.services.network.floatingips.table import FLOATING_IPS
from monostack.services.network.networks import table as networks
from monostack.services.network.ports.create import create_port
from monostack.services.network.ports.delete import delete_port
from monostack.services.network.ports.table import PORTS
from monostack.services.network.ports.table import get as get_port
from monostack.services.network.qos import use as qos
from monostack.services.network.routers.table import GATEWAY, ROUTERS, gateway_ports
from monostack.services.network.subnets.table import get as get_subnet
from monostack.services.network.subnets.table import of_network
from monostack.services.network.tags.api import tag_routes
from monostack.services.network.verbs import Verbs
from monostack.services.network.words import bad_request, conflict, refused

_f, _p, _a, _r = FLOATING_IPS.table.c, PORTS.table.c, allocations.c, ROUTERS.table.c
_TAKEN = sa.select(_f.id).where(
    _f.port_id == sa.bindparam("port"), _f.fixed_ip_address == sa.bindparam("address"), _f.floating_network_id == sa.bindparam("network")
)
_g = PORTS.table.alias("gateways").c
_GATED = sa.select(_g.device_id).where(_g.network_id == sa.bindparam("external"), _g.device_owner == GATEWAY)
_ROUTERS = (
    sa.select(_r.id, _a.ip_address)
    .join(PORTS.table, _p.device_id == _r.id)
    .join(allocations, _a.port_id == _p.id)
    .where(
        _p.device_owner == "network:router_interface",
        _a.subnet_id == sa.bindparam("subnet"),
        _r.id.in_(_GATED),
    )
    .order_by(_r.id)
)


def _bad(message: str) -> Fault:
    return bad_request("floatingip", message)


def create_floating_ip(tx: Transaction, request: Request, values: Values) -> Row:
    network = networks.get_for(tx, request, values["floating_network_id"])
    if not network.external:
        raise _bad(f"Network {network.id} is not a valid external network")
    if not any(subnet.ip_version == 4 for subnet in of_network(tx, network.id)):
        raise _bad(f"Network {network.id} does not contain any IPv4 subnet")
    qos.take(tx, request, values)
    id = ids.new_uuid()
    port, address = _make_port(tx, request, id, values)
    leads = _associate(tx, request, values, id, address, None)
    given = {name: value for name, value in values.items() if name not in NOWHERE and name != "subnet_id"}
    row = {**given, **leads, "id": id, "floating_ip_address": address, "floating_port_id": port.id}
    created = standard.insert(FLOATING_IPS, tx, request, row)
    association.leads_changed(tx, request.cloud, [created.router_id], [created.port_id])
    return created


def _make_port(tx: Transaction, request: Request, id: str, values: Values) -> tuple[Row, str]:
    """The port on the external network that holds the address."""
    wanted = {"subnet_id": values.get("subnet_id"), "ip_address": values.get("floating_ip_address")}
    fixed = {name: value for name, value in wanted.items() if value is not None}
    base = {"project_id": "", "network_id": values["floating_network_id"], "device_id": id, "device_owner": "network:floatingip"}
    port = create_port(tx, request.cloud, None, {**base, "status": "N/A", "fixed_ips": [fixed] if fixed else None})
    addresses = [one.ip_address for one in of_port(tx, port.id) if ":" not in one.ip_address]
    if not addresses:
        text = f"Unable to find any IP address on external network {values['floating_network_id']}."
        raise refused(text, "ExternalIpAddressExhausted")
    return port, addresses[0]


def update_floating_ip(tx: Transaction, request: Request, row: Row, changes: Values) -> Row:
    """Without `port_id` an association stays as it is; an update without anything in it ends it."""
    wanted = {"floating_network_id": row.floating_network_id, "project_id": row.project_id, **changes}
    if changes and "port_id" not in changes and row.port_id is not None:
        wanted["port_id"] = row.port_id
    qos.take(tx, request, changes, row.qos_policy_id)
    leads = _associate(tx, request, wanted, row.id, row.floating_ip_address, row)
    if wanted.get("port_id"):
        association.check_not_forwarding(tx, row.id)
    elif row.port_id is None:
        leads["router_id"] = row.router_id  # of the ports it forwards
    association.leads_changed(tx, request.cloud, [row.router_id, leads["router_id"]], [row.port_id, leads["port_id"]])
    return FLOATING_IPS.change(tx, request, row, {**changes, **leads})


def delete_floating_ip(tx: Transaction, request: Request, row: Row) -> None:
    association.check_not_forwarding(tx, row.id)
    standard.remove(FLOATING_IPS, tx, request, row)
    delete_port(tx, request.cloud, None, get_port(tx, row.floating_port_id))
    association.leads_changed(tx, request.cloud, [row.router_id], [row.port_id])


def _associate(tx: Transaction, request: Request, wanted: Values, id: str, address: str, present: Row | None) -> dict[str, Any]:
    """Where the floating IP leads: port, fixed address, router. Raises as Neutron does for what cannot be."""
    if not wanted.get("port_id"):
        if wanted.get("fixed_ip_address"):
            raise _bad("fixed_ip_address cannot be specified without a port_id")
        return dict(NOWHERE)
    port = PORTS.get(request, tx, wanted["port_id"])
    if port.project_id != wanted["project_id"] and not is_admin(request):
        raise _bad(f"Cannot process floating IP association with Port {port.id}, since that port is owned by a different project")
    fixed, subnet_id = _fixed_address(tx, port, wanted.get("fixed_ip_address"))
    network_id = wanted["floating_network_id"]
    if wanted.get("router_id"):
        router_id = _chosen_router(tx, request, wanted["router_id"], network_id)
    else:
        router_id = router_for(tx, port, subnet_id, network_id)
    if present is not None and present.port_id == port.id and present.fixed_ip_address == fixed:
        return {"port_id": port.id, "fixed_ip_address": fixed, "router_id": router_id}
    if tx.scalar(_TAKEN, {"port": port.id, "address": fixed, "network": network_id}) is not None:
        text = (
            f"Cannot associate floating IP {address} ({id}) with port {port.id} using fixed IP {fixed}, as that fixed IP already has a "
            f"floating IP on external network {network_id}."
        )
        raise conflict(text, "FloatingIPPortAlreadyAssociated")
    return {"port_id": port.id, "fixed_ip_address": fixed, "router_id": router_id, "status": "DOWN"}


def _fixed_address(tx: Transaction, port: Row, wanted: str | None) -> tuple[str, str]:
    """(address, subnet id) of the port that the floating IP leads to."""
    addresses = of_port(tx, port.id)
    if wanted is not None:
        if IPAddress(wanted).version != 4:
            raise _bad(f"Cannot process floating IP association with {wanted}, since that is not an IPv4 address")
        for one in addresses:
            if one.ip_address == wanted:
                return wanted, one.subnet_id
        raise _bad(f"Port {port.id} does not have fixed ip {wanted}")
    usable = [one for one in addresses if ":" not in one.ip_address]
    if not usable:
        raise _bad(f"Cannot add floating IP to port {port.id} that has no fixed IPv4 addresses")
    if len(usable) > 1:
        text = f"Port {port.id} has multiple fixed IPv4 addresses.  Must provide a specific IPv4 address when assigning a floating IP"
        raise _bad(text)
    return usable[0].ip_address, usable[0].subnet_id


def _chosen_router(tx: Transaction, request: Request, id: str, external_id: str) -> str:
    """The router that is asked for: it need not be next to the port, which may be behind others. Raises as Neutron does."""
    router = ROUTERS.get(request, tx, id)
    if not any(port.network_id == external_id for port in gateway_ports(tx, [router.id]).get(router.id, ())):
        raise conflict("An unknown exception occurred.", "Conflict")
    return router.id


def router_for(tx: Transaction, port: Row, subnet_id: str, external_id: str) -> str:
    """The router between the subnet and the external network, rather the one that is the subnet's gateway.

    Raises ExternalGatewayForFloatingIPNotFound.
    """
    found = tx.rows(_ROUTERS, {"subnet": subnet_id, "external": external_id})
    gateway = get_subnet(tx, subnet_id).gateway_ip
    for router in found:
        if router.ip_address == gateway:
            return router.id
    if not found:
        text = (
            f"External network {external_id} is not reachable from subnet {subnet_id}.  Therefore, cannot associate Port {port.id} with a "
            "Floating IP."
        )
        raise NotFound(text, kind="ExternalGatewayForFloatingIPNotFound")
    return found[0].id


VERBS = Verbs(FLOATING_IPS, create=create_floating_ip, update=update_floating_ip, delete=delete_floating_ip)
routes = [VERBS.routes(), tag_routes(VERBS), pools.routes]
