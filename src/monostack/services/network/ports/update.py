"""Changing a port. The order of checks is that of Neutron's ML2 plugin."""

from typing import Any

from monostack.db import Row, Transaction
from monostack.http import Request
from monostack.services.network import addresses
from monostack.services.network.addresses.choice import DHCP
from monostack.services.network.addresses.rules import ROUTER_OWNERS, eui64, is_eui64
from monostack.services.network.attributes import Values
from monostack.services.network.changes import changed
from monostack.services.network.floatingips import association
from monostack.services.network.groups.bindings import groups_of, put_in
from monostack.services.network.ports import reservations, rules
from monostack.services.network.ports.binding import vif_type
from monostack.services.network.ports.create import reachable, wanted_addresses
from monostack.services.network.ports.table import BOUND, FAILED, PORTS, UNBOUND, get
from monostack.services.network.qos import use as qos
from monostack.services.network.standard import bump
from monostack.services.network.subnets.table import get as get_subnet
from monostack.services.network.subnets.table import of_network
from monostack.services.network.trunks.following import follow
from monostack.services.network.words import conflict


def update_port(tx: Transaction, cloud: Any, request: Request | None, row: Row, changes: Values) -> Row:
    """Make the changes. `changes` are API names with checked values."""
    changes = dict(changes)
    if changes.get("binding:vnic_type", row.vnic_type) != row.vnic_type and row.vif_type != UNBOUND:
        text = (
            f"Unable to complete operation on port {row.id} for network {row.network_id}. Port already has an attached device "
            f"{row.device_id}."
        )
        raise conflict(text, "PortInUse")
    if "numa_affinity_policy" in changes and row.vif_type not in (UNBOUND, FAILED):
        text = (
            f"Unable to complete operation on port {row.id}, port is already bound to host {row.host}, numa_affinity_policy value given "
            f"{changes['numa_affinity_policy']}."
        )
        raise conflict(text, "PortBoundNUMAAffinityPolicy")
    owner = changes.get("device_owner", row.device_owner)
    if "device_owner" in changes or changes.get("device_id", row.device_id) != row.device_id:
        rules.check_device(tx, request, owner, changes.get("device_id", row.device_id), row.project_id)
    new_mac = _changed_mac(tx, row, owner, changes)
    touched = arrive(tx, row, owner, changes.get("binding:host_id", row.host)) if "fixed_ips" not in changes else False
    if "fixed_ips" in changes or new_mac:
        host = changes.get("binding:host_id", row.host)
        touched = _change_addresses(tx, cloud, row, host, new_mac, changes.pop("fixed_ips", None)) or touched
    groups = groups_of(tx, [row.id])(row.id)
    rules.check_security_change(row, groups, changes)
    wanted = changes.pop("security_groups", None)
    if wanted is not None:
        rules.check_groups(tx, request, wanted, row.project_id)
        put_in(tx, row.id, wanted)
        touched = True
    if "allowed_address_pairs" in changes:
        changes["allowed_address_pairs"] = rules.complete_pairs(changes["allowed_address_pairs"], new_mac or row.mac_address)
    if "extra_dhcp_opts" in changes:
        changes["extra_dhcp_opts"] = rules.merge_options(row.extra_dhcp_opts, changes["extra_dhcp_opts"] or ())
    _change_binding(tx, row, changes)
    if changes.get("qos_policy_id", row.qos_policy_id) != row.qos_policy_id:
        qos.take(tx, request, changes, row.qos_policy_id)
        qos.check_ports(tx, changes["qos_policy_id"], [row._mapping])
        of_network = qos.network_policies(tx, [row.network_id]).get(row.network_id)
        profile = reservations.follow(tx, row, row.qos_policy_id or of_network, changes["qos_policy_id"] or of_network)
        if profile is not None:
            changes["binding:profile"] = profile
    changed(tx, cloud, "port", [row.id])
    if owner in ROUTER_OWNERS:
        changed(tx, cloud, "router", [row.device_id])
    elif owner == DHCP:
        changed(tx, cloud, "network", [row.network_id])
    changed(tx, cloud, "members", {*groups, *(wanted or ())})
    if touched and not changes:
        bump(PORTS, tx, [row.id])
        return get(tx, row.id)
    after = PORTS.change(tx, request, row, changes)
    if after.host != row.host:
        follow(tx, cloud, [row.id])
    return after


def arrive(tx: Transaction, row: Row, owner: str, host: str) -> bool:
    """The port comes to a host: those of its addresses that waited for it are given; those it has must be good there.

    Says whether it got any. Raises HostNotConnectedToAnySegment, HostNotCompatibleWithFixedIps.
    """
    if not host or host == row.host:
        return False
    present = addresses.of_port(tx, row.id)
    subnets = of_network(tx, row.network_id)
    if row.ip_allocation == "deferred" and not row.host and not present:
        values = {"network_id": row.network_id, "device_owner": owner, "binding:host_id": host}
        addresses.allocate(tx, row.id, row.network_id, wanted_addresses(tx, values, row.mac_address, subnets))
        return True
    usable = {subnet.id for subnet in reachable(tx, row.network_id, host, None, subnets)} if present else set()
    if any(one.subnet_id not in usable for one in present):
        text = (
            f"Host {host} is not connected to a segment where the existing fixed_ips on port {row.id} will function given the routed "
            "network topology."
        )
        raise conflict(text, "HostNotCompatibleWithFixedIps")
    return False


def _changed_mac(tx: Transaction, row: Row, owner: str, changes: Values) -> str | None:
    """The new MAC, if it is another. Raises PortBound, UnsupportedPortDeviceOwner, MacAddressInUse."""
    mac = changes.get("mac_address", row.mac_address)
    if mac is None:
        mac = changes["mac_address"] = rules.free_mac(tx, row.network_id)
    if mac == row.mac_address:
        return None
    if row.vif_type == BOUND:
        text = (
            f"Unable to complete operation on port {row.id}, port is already bound, port type: {row.vif_type}, "
            f"old_mac {row.mac_address}, new_mac {mac}."
        )
        raise conflict(text, "PortBound")
    if rules.is_trusted(owner):
        text = f"Operation mac address update is not supported for device_owner {owner} on port {row.id}."
        raise conflict(text, "UnsupportedPortDeviceOwner")
    rules.check_mac(tx, row.network_id, mac)
    return mac


def _change_addresses(
    tx: Transaction, cloud: Any, row: Row, host: str, mac: str | None, requested: list[dict[str, Any]] | None
) -> bool:
    subnets = of_network(tx, row.network_id)
    present = addresses.of_port(tx, row.id)
    if requested is None:
        requested = [{"subnet_id": one.subnet_id, "ip_address": one.ip_address} for one in present]
    for entry in requested:
        if "subnet_id" in entry and not any(subnet.id == entry["subnet_id"] for subnet in subnets):
            get_subnet(tx, entry["subnet_id"])
    if not any("delete_subnet" in entry for entry in requested):
        subnets = reachable(tx, row.network_id, host, requested, subnets)
    made_from_mac: set[str] = set()
    if mac is not None:
        made_from_mac = {one.subnet_id for one in present if is_eui64(one.ip_address)}
        requested = [entry for entry in requested if entry.get("subnet_id") not in made_from_mac]
        requested += [{"subnet_id": subnet_id, "delete_subnet": True} for subnet_id in made_from_mac]
    before = {one.ip_address for one in present}
    if not addresses.change(tx, row, mac or row.mac_address, requested, subnets):
        return False
    remade = [addresses.Wish([subnet], eui64(subnet.cidr, mac)) for subnet in subnets if mac is not None and subnet.id in made_from_mac]
    addresses.allocate(tx, row.id, row.network_id, remade)
    after = {one.ip_address for one in addresses.of_port(tx, row.id)}
    association.check_addresses(tx, cloud, row.id, before - after)
    return True


def _change_binding(tx: Transaction, row: Row, changes: Values) -> None:
    """Another host: the port is down until that host has it."""
    if "binding:profile" in changes or changes.get("trusted") is not None:
        changes["binding:profile"] = rules.profile(changes.get("binding:profile", row.profile), changes.get("trusted", row.trusted))
    if changes.get("binding:host_id", row.host) != row.host:
        changes["binding:vif_type"] = vif_type(tx, changes["binding:host_id"])
        changes["status"] = "DOWN"
