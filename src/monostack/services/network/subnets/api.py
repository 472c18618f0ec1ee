"""Creating, changing and deleting subnets."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from netaddr import IPNetwork

from monostack.db import Row, Transaction
from monostack.http import Request
from monostack.services.network import standard
from monostack.services.network.addresses import allocate
from monostack.services.network.addresses.choice import DHCP, ROUTER_INTERFACE, Wish
from monostack.services.network.addresses.rules import check_gateway_outside, check_pools, default_gateway, default_pools, eui64
from monostack.services.network.addresses.table import allocations, position
from monostack.services.network.attributes import Values
from monostack.services.network.changes import changed
from monostack.services.network.networks import table as networks
from monostack.services.network.networks.table import NETWORKS
from monostack.services.network.pools import affinity, cutting
from monostack.services.network.pools import table as pools
from monostack.services.network.ports import dhcp
from monostack.services.network.ports.table import PORTS
from monostack.services.network.routers.gateway import subnet_added
from monostack.services.network.subnets import peers, rules
from monostack.services.network.subnets.table import SUBNETS, is_automatic, of_network
from monostack.services.network.subnets.table import get as get_subnet
from monostack.services.network.tags.api import tag_routes
from monostack.services.network.verbs import Verbs
from monostack.services.network.words import bad_request, conflict, subnet_in_use

_a, _p = allocations.c, PORTS.table.c
_USER = (
    sa.select(_p.id)
    .join(allocations, _a.port_id == _p.id)
    .where(_a.subnet_id == sa.bindparam("subnet"), _p.device_owner.not_in([DHCP]))
    .limit(1)
)
_ROUTER = (
    sa.select(_p.id)
    .join(allocations, _a.port_id == _p.id)
    .where(_a.subnet_id == sa.bindparam("subnet"), _p.device_owner == ROUTER_INTERFACE)
    .limit(1)
)
_GATEWAY = _ROUTER.where(_a.position == sa.bindparam("at"))
_OTHERS = sa.select(PORTS.table).where(_p.network_id == sa.bindparam("network"), _p.device_owner != ROUTER_INTERFACE)
_AFFECTED = (
    sa.select(_p.id, _p.device_owner, _p.device_id)
    .distinct()
    .join(allocations, _a.port_id == _p.id)
    .where(_a.subnet_id == sa.bindparam("subnet"))
)


def parent(tx: Transaction, request: Request, values: Values) -> Mapping[str, Any]:
    """The network, which must be one the caller knows. Raises NetworkNotFound."""
    network = networks.get_for(tx, request, values["network_id"])
    return networks.facts(tx, network, values["project_id"])


def create_subnet(tx: Transaction, request: Request, values: Values) -> Row:
    network = networks.get(tx, values["network_id"])
    pool = _pool(tx, request, values)
    rules.check(values)
    rules.check_mtu(network, values["ip_version"])
    present = of_network(tx, network.id)
    if pool is not None:
        values["subnetpool_id"] = pool.id
        values["cidr"] = cutting.cut(tx, pool, values["project_id"], values.get("cidr"), values.get("prefixlen"))
        rules.check(values)
    rules.check_overlap(network.id, values["cidr"], present)
    affinity.check_same(tx, values["ip_version"], values.get("subnetpool_id"), present)
    _complete(values)
    rules.check_segment(tx, network.id, values, present)
    row = standard.insert(SUBNETS, tx, request, {**values, "network_project_id": network.project_id})
    standard.bump(NETWORKS, tx, [network.id])
    if is_automatic(row):
        _address_ports(tx, request, row)
    dhcp.refresh(tx, request.cloud, network.id)
    if network.external:
        subnet_added(tx, request.cloud, row)
    if row.segment_id is not None and present:
        peers.settle(tx, request, network.id)
    return get_subnet(tx, row.id)


def _pool(tx: Transaction, request: Request, values: Values) -> Row | None:
    """Where the prefix comes from. Raises BadRequest for what does not go together."""
    cidr, pool_id = values.get("cidr"), values.get("subnetpool_id")
    if cidr is not None and values.get("prefixlen") is not None:
        raise bad_request("subnets", "cidr and prefixlen must not be supplied together")
    if cidr is not None:
        values["cidr"] = str(IPNetwork(cidr).cidr)
    if values["use_default_subnetpool"]:
        if pool_id is not None:
            raise bad_request("subnets", "subnetpool_id and use_default_subnetpool cannot both be specified")
        found = pools.default_of(tx, values["ip_version"])
        if found is None:
            raise bad_request("subnets", f"No default subnetpool found for IPv{values['ip_version']}")
        pool_id = found.id
    if pool_id is None:
        if cidr is None:
            raise bad_request("subnets", "a subnetpool must be specified in the absence of a cidr")
        return None
    if cidr is None and values.get("allocation_pools"):
        raise bad_request("subnets", "allocation_pools allowed only for specific subnet requests.")
    pool = pools.POOLS.get(request, tx, pool_id)
    if pool.ip_version != values["ip_version"]:
        text = f"Cannot allocate IPv{values['ip_version']} subnet from IPv{pool.ip_version} subnet pool"
        raise bad_request("subnets", text)
    return pool


def _complete(values: Values) -> None:
    """What was left open: gateway, pools, lists."""
    if "gateway_ip" not in values:
        values["gateway_ip"] = default_gateway(values["cidr"])
    if values.get("allocation_pools") is None:
        values["allocation_pools"] = default_pools(values["cidr"], values["gateway_ip"])
    else:
        values["allocation_pools"] = check_pools(values["allocation_pools"], values["cidr"])
        check_gateway_outside(values["gateway_ip"], values["allocation_pools"])
    for name in ("dns_nameservers", "host_routes", "service_types"):
        values.setdefault(name, [])


def _address_ports(tx: Transaction, request: Request, subnet: Row) -> None:
    """Guests that are there already make themselves an address in the new subnet."""
    present = tx.rows(_OTHERS, {"network": subnet.network_id})
    for port in present:
        allocate(tx, port.id, subnet.network_id, [Wish([subnet], eui64(subnet.cidr, port.mac_address))])
    standard.bump(PORTS, tx, [port.id for port in present])
    changed(tx, request.cloud, "port", [port.id for port in present])


def update_subnet(tx: Transaction, request: Request, row: Row, changes: Values) -> Row:
    rules.check({"ip_version": row.ip_version, "cidr": row.cidr, **changes}, row)
    gateway = changes.get("gateway_ip", row.gateway_ip)
    if gateway != row.gateway_ip and row.gateway_ip is not None:
        port_id = tx.scalar(_GATEWAY, {"subnet": row.id, "at": position(row.gateway_ip)})
        if port_id is not None:
            text = f"Current gateway ip {row.gateway_ip} already in use by port {port_id}. Unable to update."
            raise conflict(text, "GatewayIpInUse")
    if "allocation_pools" in changes:
        changes["allocation_pools"] = check_pools(changes["allocation_pools"], row.cidr)
    if gateway != row.gateway_ip or "allocation_pools" in changes:
        check_gateway_outside(gateway, changes.get("allocation_pools", row.allocation_pools))
    if "segment_id" in changes:
        rules.check_segment_change(tx, row, changes["segment_id"], of_network(tx, row.network_id))
    if changes.get("segment_id", row.segment_id) and (gateway != row.gateway_ip or "host_routes" in changes):
        changes["host_routes"] = peers.follow(tx, row, changes.get("host_routes", row.host_routes), gateway)
    changed_row = SUBNETS.change(tx, request, row, changes)
    if any(name in changes and changes[name] != row._mapping[name] for name in ("enable_dhcp", "segment_id")):
        dhcp.refresh(tx, request.cloud, row.network_id)
    _tell(tx, request, row)
    return changed_row


def _tell(tx: Transaction, request: Request, subnet: Row) -> None:
    affected = tx.rows(_AFFECTED, {"subnet": subnet.id})
    changed(tx, request.cloud, "network", [subnet.network_id])
    changed(tx, request.cloud, "router", [port.device_id for port in affected if port.device_owner.startswith("network:router_")])


def delete_subnet(tx: Transaction, request: Request, row: Row) -> None:
    if tx.scalar(_ROUTER, {"subnet": row.id}) is not None:
        raise subnet_in_use(row.id)
    if not is_automatic(row) and tx.scalar(_USER, {"subnet": row.id}) is not None:
        raise subnet_in_use(row.id)
    affected = [port.id for port in tx.rows(_AFFECTED, {"subnet": row.id})]
    standard.remove(SUBNETS, tx, request, row)
    standard.bump(PORTS, tx, affected)
    standard.bump(NETWORKS, tx, [row.network_id])
    dhcp.refresh(tx, request.cloud, row.network_id)
    changed(tx, request.cloud, "port", affected)
    if row.segment_id is not None:
        peers.settle(tx, request, row.network_id, gone=row.cidr)


VERBS = Verbs(SUBNETS, create=create_subnet, update=update_subnet, delete=delete_subnet, parent=parent)
routes = [VERBS.routes(), tag_routes(VERBS)]
