"""What a port may be: who may call it a router's, whose groups it may be in, what port security asks. Source: Neutron's ML2 plugin."""

from collections.abc import Mapping, Sequence
from typing import Any

import netaddr
import sqlalchemy as sa

from monostack.core import ids
from monostack.db import Row, Transaction, metadata
from monostack.http import Request
from monostack.services.network.attributes import Values, is_admin
from monostack.services.network.groups import default
from monostack.services.network.groups.table import find_groups, usable_groups
from monostack.services.network.ports.table import PORTS
from monostack.services.network.words import conflict, mac_in_use, not_found, refused

ROUTER_INTERFACE = "network:router_interface"
TRUSTED = "network:"  # ports of the cloud itself are not filtered
BASE_MAC = 0xFA163E000000  # Neutron's default of base_mac: the last three bytes are random
_TRIES = 1000

_p = PORTS.table.c
_MAC = sa.select(_p.id).where(_p.network_id == sa.bindparam("network"), _p.mac_address == sa.bindparam("mac"))
_statements: dict[str, Any] = {}


def is_trusted(owner: str) -> bool:
    return owner.startswith(TRUSTED)


# --- MAC -----------------------------------------------------------------------------------------------------------------


def check_mac(tx: Transaction, network_id: str, mac: str) -> None:
    """Raises MacAddressInUse."""
    if tx.scalar(_MAC, {"network": network_id, "mac": mac}) is not None:
        raise mac_in_use(network_id, mac)


def free_mac(tx: Transaction, network_id: str) -> str:
    """A MAC no other port of the network has."""
    for _ in range(_TRIES):
        mac = str(netaddr.EUI(BASE_MAC + ids.random_int(24), dialect=netaddr.mac_unix_expanded))
        if tx.scalar(_MAC, {"network": network_id, "mac": mac}) is None:
            return mac
    raise conflict(f"Unable to generate unique mac on network {network_id}.", "MacAddressGenerationFailure")


# --- device --------------------------------------------------------------------------------------------------------------


def _router_owner(tx: Transaction, router_id: str) -> str | None:
    if not _statements:  # the routers' module imports this one
        routers = metadata.tables["routers"]
        _statements["owner"] = sa.select(routers.c.project_id).where(routers.c.id == sa.bindparam("router"))
    return tx.scalar(_statements["owner"], {"router": router_id})


def check_device(tx: Transaction, request: Request | None, owner: str, device_id: str, project_id: str) -> None:
    """A port that says it is a router's interface names a router of its own project, or none that exists."""
    if owner != ROUTER_INTERFACE or not device_id or request is None or is_admin(request):
        return
    found = _router_owner(tx, device_id)
    if found is not None and found != project_id:
        text = f"The following device_id {device_id} is not owned by your project or matches another project router."
        raise conflict(text, "DeviceIDNotOwnedByTenant")


# --- security ------------------------------------------------------------------------------------------------------------


def secured(values: Mapping[str, Any], network: Row, has_address: bool) -> bool:
    """Is the port filtered?"""
    if is_trusted(values["device_owner"]):
        return False
    given = values.get("port_security_enabled")
    if given is not None:
        return given
    return network.port_security_enabled or (has_address and values.get("security_groups") is not None)


def groups_for(tx: Transaction, request: Request | None, values: Values, security: bool) -> Sequence[str]:
    """The groups a new port is in: those it names, else its project's default. Raises as Neutron does for what does not go together."""
    named = values.get("security_groups")
    if values.get("allowed_address_pairs") and not security:
        raise pairs_need_security()
    if not security:
        if named:
            raise groups_need_security()
        return ()
    if is_trusted(values["device_owner"]):
        return ()
    if named is None:
        return [default.ensure(tx, request, values["project_id"]).id]
    check_groups(tx, request, named, values["project_id"])
    return named


def check_groups(tx: Transaction, request: Request | None, named: Sequence[str], project_id: str) -> None:
    """Groups of the port's project or shared with it, and all of one kind. Raises SecurityGroupNotFound, SecurityGroupConflict."""
    found = find_groups(tx, named)
    allowed = set(found) if request is None or is_admin(request) or not project_id else usable_groups(tx, named, project_id)
    missing = [id for id in named if id not in allowed]
    if missing:
        raise not_found("security_group", ", ".join(missing))
    if len({found[id].stateful for id in named}) > 1:
        text = "Cannot apply both stateful and stateless security groups on the same port at the same time"
        raise conflict(f"Error {text} while attempting the operation.", "SecurityGroupConflict")


def check_security_change(row: Row, present: Sequence[str], changes: Values) -> None:
    """Groups and address pairs need port security, so that it cannot be turned off under them."""
    if changes.get("port_security_enabled", row.port_security_enabled):
        return
    if changes.get("allowed_address_pairs", row.allowed_address_pairs):
        raise pairs_need_security()
    if changes.get("security_groups"):
        raise groups_need_security()
    if "security_groups" not in changes and present:
        text = "Port has security group associated. Cannot disable port security or IP address until security group is removed."
        raise conflict(text, "PortSecurityPortHasSecurityGroup")


def pairs_need_security() -> Exception:
    text = "Port Security must be enabled in order to have allowed address pairs on a port."
    return conflict(text, "AddressPairAndPortSecurityRequired")


def groups_need_security() -> Exception:
    text = "Port security must be enabled and port must have an IP address in order to use security groups."
    return refused(text, "PortSecurityAndIPRequiredForSecurityGroups")


# --- small parts -----------------------------------------------------------------------------------------------------------


def complete_pairs(pairs: Sequence[Mapping[str, str]] | None, mac: str) -> list[dict[str, str]]:
    """Pairs that name no MAC mean the port's own."""
    return [{"mac_address": pair.get("mac_address", mac), "ip_address": pair["ip_address"]} for pair in pairs or ()]


def merge_options(present: Sequence[Mapping[str, Any]], changes: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """DHCP options by name and IP version; a value of null takes one away."""
    found = {(option["opt_name"], option["ip_version"]): dict(option) for option in present}
    for change in changes:
        key = (change["opt_name"], change.get("ip_version", 4))
        if change["opt_value"] is None:
            found.pop(key, None)
        else:
            found[key] = {"opt_name": key[0], "opt_value": change["opt_value"], "ip_version": key[1]}
    return list(found.values())


def profile(given: Mapping[str, Any] | None, trusted: bool | None) -> dict[str, Any]:
    """What the binding's profile tells the host: also whether the guest's virtual function is trusted."""
    return {**(given or {}), **({"trusted": trusted} if trusted is not None else {})}
