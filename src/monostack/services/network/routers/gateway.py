"""A router's gateway: its port on an external network."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from monostack.db import Row, Transaction
from monostack.http import Request
from monostack.services.network.addresses.table import of_port
from monostack.services.network.changes import changed
from monostack.services.network.floatingips import association
from monostack.services.network.ndp_proxies.table import check_gateway_unused
from monostack.services.network.networks import table as networks
from monostack.services.network.ports.create import create_port
from monostack.services.network.ports.delete import delete_port
from monostack.services.network.ports.table import PORTS
from monostack.services.network.ports.table import get as get_port
from monostack.services.network.ports.update import update_port
from monostack.services.network.qos import use as qos
from monostack.services.network.routers.subnets import check_new
from monostack.services.network.routers.table import GATEWAY, ROUTERS, gateway_ports
from monostack.services.network.subnets.table import is_automatic, of_network
from monostack.services.network.words import bad_request, conflict

_p = PORTS.table.c
_GATEWAYS_ON = sa.select(PORTS.table).where(_p.network_id == sa.bindparam("network"), _p.device_owner == GATEWAY)


def set_gateway(tx: Transaction, cloud: Any, request: Request | None, row: Row, wanted: Mapping[str, Any] | None) -> Row:
    """Give a router this gateway (`external_gateway_info`), or none. Raises as Neutron does."""
    snat = wanted.get("enable_snat", True) if wanted else True
    network_id = wanted["network_id"] if wanted else None
    addresses: list[dict[str, str]] = list(wanted.get("external_fixed_ips") or ()) if wanted else []
    if network_id is not None:
        check_network(tx, request, network_id, addresses)
    changes: dict[str, Any] = {"enable_snat": snat}
    if wanted is None:
        changes |= {"qos_policy_id": None, "enable_ndp_proxy": False}
    elif "qos_policy_id" in wanted:
        qos.take(tx, request, dict(wanted), row.qos_policy_id)
        changes["qos_policy_id"] = wanted["qos_policy_id"]
    if row.gw_port_id and row.gw_network_id == network_id:
        if addresses and _differs(tx, row.gw_port_id, addresses):
            update_port(tx, cloud, None, get_port(tx, row.gw_port_id), {"fixed_ips": addresses})
    else:
        drop_gateway(tx, cloud, row)
        changes |= {"gw_port_id": None, "gw_network_id": network_id}
        if network_id is not None:
            changes["gw_port_id"] = create_port_for(tx, cloud, row, network_id, addresses)
        elif left := [port for port in gateway_ports(tx, [row.id]).get(row.id, ()) if port.id != row.gw_port_id]:
            changes |= {"gw_port_id": left[0].id, "gw_network_id": left[0].network_id}
    changed(tx, cloud, "router", [row.id])
    return ROUTERS.change(tx, request, row, changes)


def check_network(tx: Transaction, request: Request | None, network_id: str, addresses: list[dict[str, str]]) -> None:
    """The caller knows the network, it is external, and none of the addresses is that of its own gateway."""
    network = networks.get(tx, network_id) if request is None else networks.get_for(tx, request, network_id)
    if not network.external:
        raise bad_request("router", f"Network {network_id} is not an external network")
    gateways = {subnet.gateway_ip for subnet in of_network(tx, network_id) if subnet.gateway_ip}
    for address in addresses:
        if address.get("ip_address") in gateways:
            raise bad_request("router", f"External IP {address['ip_address']} is the same as the gateway IP")


def _differs(tx: Transaction, port_id: str, wanted: list[dict[str, str]]) -> bool:
    present = of_port(tx, port_id)
    subnets = {address["subnet_id"] for address in wanted if "subnet_id" in address}
    ips = {address["ip_address"] for address in wanted if "ip_address" in address}
    return subnets != {one.subnet_id for one in present} or ips != {one.ip_address for one in present}


def create_port_for(tx: Transaction, cloud: Any, row: Row, network_id: str, addresses: list[dict[str, str]]) -> str:
    """A port of the router on an external network; returns its id."""
    check_new(tx, row.id, of_network(tx, network_id), outside=True)
    values = {"project_id": "", "network_id": network_id, "device_id": row.id, "device_owner": GATEWAY}
    # Neutron makes the port with administrator rights: the project's policies do not apply to it.
    return create_port(tx, cloud, None, {**values, "fixed_ips": addresses or None, "binding:host_id": row.host}).id


def drop_gateway(tx: Transaction, cloud: Any, row: Row) -> None:
    """Take the gateway away, if there is one. Raises RouterExternalGatewayInUseByFloatingIp."""
    if not row.gw_port_id:
        return
    check_gateway_unused(tx, row.id)
    if association.of_router(tx, row.id):
        text = (
            f"Gateway cannot be updated for router {row.id}, since a gateway to external network {row.gw_network_id} is required by one "
            "or more floating IPs."
        )
        raise conflict(text, "RouterExternalGatewayInUseByFloatingIp")
    delete_port(tx, cloud, None, get_port(tx, row.gw_port_id))


def subnet_added(tx: Transaction, cloud: Any, subnet: Row) -> None:
    """Routers with a gateway on this external network get an address in its new subnet, if they have none of that IP version."""
    for port in tx.rows(_GATEWAYS_ON, {"network": subnet.network_id}):
        present = of_port(tx, port.id)
        by_id = {one.id: one for one in of_network(tx, subnet.network_id)}
        fixed = [one for one in present if not is_automatic(by_id[one.subnet_id])]
        if len(fixed) > 1 or (fixed and by_id[fixed[0].subnet_id].ip_version == subnet.ip_version):
            continue
        wanted = [{"subnet_id": one.subnet_id, "ip_address": one.ip_address} for one in present] + [{"subnet_id": subnet.id}]
        update_port(tx, cloud, None, port, {"fixed_ips": wanted})
        changed(tx, cloud, "router", [port.device_id])

