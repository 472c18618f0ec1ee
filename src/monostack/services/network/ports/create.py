"""Making a port, for a user or for the cloud itself."""

from collections.abc import Sequence
from typing import Any

from monostack.db import Row, Transaction
from monostack.http import Request
from monostack.services.network import addresses, standard
from monostack.services.network.addresses.choice import DHCP
from monostack.services.network.attributes import Values
from monostack.services.network.changes import changed
from monostack.services.network.groups.bindings import put_in
from monostack.services.network.networks import table as networks
from monostack.services.network.ports import rules
from monostack.services.network.ports.binding import vif_type
from monostack.services.network.ports.table import PORTS
from monostack.services.network.qos import use as qos
from monostack.services.network.segments.table import connected
from monostack.services.network.subnets.table import get as get_subnet
from monostack.services.network.subnets.table import of_network
from monostack.services.network.tags.table import set_tags

BLANK = {
    "name": "", "admin_state_up": True, "device_id": "", "device_owner": "", "dns_name": "", "dns_domain": "",
    "binding:vnic_type": "normal", "status": "DOWN", "propagate_uplink_status": True,
}  # fmt: skip


def create_port(tx: Transaction, cloud: Any, request: Request | None, given: Values) -> Row:
    """Insert a port with its addresses and groups. Raises what Neutron answers to what cannot be.

    `given` needs network_id and project_id; `allocated_for` is the server the port is made for and will go with.
    """
    values = {**BLANK, **given}
    network = networks.get(tx, values["network_id"])
    owner, project_id = values["device_owner"], values["project_id"]
    rules.check_device(tx, request, owner, values["device_id"], project_id)
    mac = values.get("mac_address")
    if mac is None:
        mac = rules.free_mac(tx, network.id)
    else:
        rules.check_mac(tx, network.id, mac)
    subnets = of_network(tx, network.id)
    wanted = wanted_addresses(tx, values, mac, subnets)
    security = rules.secured(values, network, bool(wanted))
    groups = rules.groups_for(tx, request, values, security)
    host = values.get("binding:host_id") or ""
    qos.take(tx, request, values)
    row = standard.insert(
        PORTS,
        tx,
        request,
        {
            **values,
            "mac_address": mac,
            "network_project_id": network.project_id,
            "port_security_enabled": security,
            "allowed_address_pairs": rules.complete_pairs(values.get("allowed_address_pairs"), mac),
            "extra_dhcp_opts": rules.merge_options((), values.get("extra_dhcp_opts") or ()),
            "binding:host_id": host,
            "binding:profile": rules.profile(values.get("binding:profile"), values.get("trusted")),
            "ip_allocation": _allocation(values, wanted, subnets),
            "binding:vif_type": vif_type(tx, host),
        },
        revision=1,
    )
    qos.check_ports(tx, row.qos_policy_id or network.qos_policy_id, [row._mapping])
    addresses.allocate(tx, row.id, network.id, wanted, first=owner == DHCP)
    put_in(tx, row.id, groups)
    if values.get("tags"):
        set_tags(tx, row.id, values["tags"])
    changed(tx, cloud, "port", [row.id])
    changed(tx, cloud, "members", groups)
    return row


def wanted_addresses(tx: Transaction, values: Values, mac: str, subnets: Sequence[Row]) -> list[addresses.Wish]:
    """What a port of these values gets of the subnets of its network."""
    network_id, requested = values["network_id"], values.get("fixed_ips")
    for entry in requested or ():
        if "subnet_id" in entry and not any(subnet.id == entry["subnet_id"] for subnet in subnets):
            get_subnet(tx, entry["subnet_id"])
    usable = reachable(tx, network_id, values.get("binding:host_id") or "", requested, subnets)
    return addresses.wishes(network_id, values["device_owner"], mac, requested, usable)


def _allocation(values: Values, wanted: Sequence[addresses.Wish], subnets: Sequence[Row]) -> str:
    if values.get("fixed_ips") == []:
        return "none"
    waits = not wanted and values.get("fixed_ips") is None and not values.get("binding:host_id")
    return "deferred" if waits and any(subnet.segment_id for subnet in subnets) else "immediate"


def reachable(
    tx: Transaction, network_id: str, host: str, requested: Sequence[dict[str, Any]] | None, subnets: Sequence[Row]
) -> list[Row]:
    """The subnets a port on this host may have addresses of. Raises HostNotConnectedToAnySegment, FixedIpsSubnetsNotOnSameSegment."""
    if all(subnet.segment_id is None for subnet in subnets):
        return list(subnets)
    segment = connected(tx, [network_id]).get(network_id)
    return addresses.within_reach(network_id, host, requested, subnets, segment.id if segment is not None else None)
