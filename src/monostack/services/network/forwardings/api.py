"""Creating, changing and deleting forwardings: `/floatingips/{id}/port_forwardings`."""

from collections.abc import Sequence

from monostack.core.errors import NotFound
from monostack.db import Row, Transaction
from monostack.http import Request
from monostack.services.network.addresses.table import of_port as addresses_of
from monostack.services.network.attributes import Values
from monostack.services.network.changes import changed
from monostack.services.network.floatingips import association
from monostack.services.network.floatingips.api import router_for
from monostack.services.network.floatingips.table import FLOATING_IPS
from monostack.services.network.forwardings import rules
from monostack.services.network.forwardings.table import FORWARDINGS, missing
from monostack.services.network.ports.table import PORTS
from monostack.services.network.verbs import Verbs, Within
from monostack.services.network.words import conflict

WHERE = ("internal_port_id", "internal_ip_address", "protocol")


def _check_port_is_free(tx: Transaction, port_id: str, address: str | None) -> None:
    """A server that has a floating IP of its own needs no forwarding."""
    taken = association.of_port(tx, port_id)
    if taken:
        text = (
            f"Cannot create port forwarding to floating IP {taken[0].floating_ip_address} ({taken[0].id}) with port {port_id} using fixed "
            f"IP {address}, as that port already has a binding floating IP."
        )
        raise conflict(text, "PortHasBindingFloatingIP")


def _fixed_ips(addresses: Sequence[Row]) -> list[dict[str, str]]:
    return [{"subnet_id": one.subnet_id, "ip_address": one.ip_address} for one in addresses]


def _find_router(tx: Transaction, request: Request, floating: Row, values: Values) -> str:
    """The router between floating IP and server; completes the address that was left open."""
    port = PORTS.get(request, tx, values["internal_port_id"])
    addresses = [one for one in addresses_of(tx, port.id) if ":" not in one.ip_address]
    if not addresses:
        raise rules.bad(f"Requested internal port {port.id} must allocate an IPv4 address at least.")
    address = values.setdefault("internal_ip_address", addresses[0].ip_address)
    subnets = [one.subnet_id for one in addresses if one.ip_address == address]
    if not subnets:
        raise rules.bad(
            f"Requested internal IP address {address} is not suitable for internal neutron port {port.id}, as its fixed_ips are "
            f"{_fixed_ips(addresses)}"
        )
    try:
        router_id = router_for(tx, port, subnets[0], floating.floating_network_id)
    except NotFound:
        raise rules.bad(
            f"External network {floating.floating_network_id} is not reachable from subnet {subnets[0]}. Cannot set Port forwarding for "
            f"port {port.id} with Floating IP {floating.id}"
        ) from None
    if floating.router_id and floating.router_id != router_id:
        raise rules.bad(
            f"The Floating IP {floating.id} had been set on router {floating.router_id}, the internal Neutron port {port.id} can not "
            "reach it"
        )
    return router_id


def create_forwarding(tx: Transaction, request: Request, values: Values) -> Row:
    floating = FLOATING_IPS.get(request, tx, values["floatingip_id"])
    rules.check_collisions(tx, floating.id, values, values)
    _check_port_is_free(tx, values["internal_port_id"], values["internal_ip_address"])
    if floating.port_id:
        text = (
            f"Cannot associate floating IP {floating.floating_ip_address} ({floating.id}) with port {values['internal_port_id']} using "
            f"fixed IP {values['internal_ip_address']}, as that fixed IP already has a floating IP on external network "
            f"{floating.floating_network_id}."
        )
        raise conflict(text, "FloatingIPPortAlreadyAssociated")
    if any(rules.range_of(values, side) is None for side in ("external", "internal")):
        raise rules.bad("Both an external and an internal port, or a range of them, must be specified")
    router_id = _find_router(tx, request, floating, values)
    if floating.router_id != router_id:
        FLOATING_IPS.change(tx, request, floating, {"router_id": router_id})
    changed(tx, request.cloud, "router", [router_id])
    return FORWARDINGS.insert(tx, request, {**values, **rules.ports(values)})


def update_forwarding(tx: Transaction, request: Request, row: Row, changes: Values) -> Row:
    floating = FLOATING_IPS.get(request, tx, row.floatingip_id)
    port_id = changes.get("internal_port_id")
    if port_id:
        _check_port_is_free(tx, port_id, changes.get("internal_ip_address"))
        if port_id != row.internal_port_id:
            _find_router(tx, request, floating, changes)
    after = {**row._mapping, **changes, **rules.ports(changes)}
    addresses = addresses_of(tx, after["internal_port_id"])
    if not any(one.ip_address == after["internal_ip_address"] for one in addresses):
        raise rules.bad(
            f"The internal IP does not correspond to an address on the internal port, which has fixed_ips {_fixed_ips(addresses)}"
        )
    rules.check_same_outside(tx, floating.id, floating.floating_ip_address, after, row.id)
    rules.check_collisions(tx, floating.id, changes, {name: after[name] for name in WHERE}, row.id)
    rules.check_lengths(after["internal_port_range"], after["external_port_range"])
    changed(tx, request.cloud, "router", [floating.router_id])
    return FORWARDINGS.change(tx, request, row, {**changes, **rules.ports(changes)})


def delete_forwarding(tx: Transaction, request: Request, row: Row) -> None:
    association.drop_forwardings(tx, request.cloud, request, [row])


VERBS = Verbs(
    FORWARDINGS,
    create=create_forwarding,
    update=update_forwarding,
    delete=delete_forwarding,
    counted=False,
    within=Within(FLOATING_IPS, "floatingip_id", missing),
)
routes = [VERBS.routes()]
