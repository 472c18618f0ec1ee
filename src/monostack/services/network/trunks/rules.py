"""Which ports may be in a trunk. Checks, their order and their texts are Neutron's."""

from collections.abc import Sequence
from typing import Any

from monostack.core.errors import Fault, NotFound
from monostack.db import Row, Transaction
from monostack.http import Request
from monostack.services.network.networks.table import find_all
from monostack.services.network.ports.table import PORTS, find_many
from monostack.services.network.segments.table import of_networks, shown
from monostack.services.network.trunks.table import INHERIT, legs, missing_tag, of_trunks, trunks_of
from monostack.services.network.values.plain import to_int
from monostack.services.network.words import conflict, invalid

VLANS = range(1, 4095)

Subport = dict[str, Any]


def _in_use(port_id: str) -> Fault:
    return conflict(f"Port {port_id} is currently in use and is not eligible for use as a parent port.", "ParentPortInUse")


def check_free(tx: Transaction, port_id: str) -> None:
    """The port is in no trunk, neither as parent nor as subport."""
    if legs(tx, [port_id]):
        raise conflict(f"Port {port_id} is in use by another trunk.", "TrunkPortInUse")
    if trunks_of(tx, [port_id]):
        raise _in_use(port_id)


def check_manageable(trunk: Row) -> None:
    if not trunk.admin_state_up:
        raise conflict(f"Trunk {trunk.id} is currently disabled.", "TrunkDisabled")


def check_subports(tx: Transaction, request: Request, parent: Row, wanted: Sequence[Subport]) -> list[Subport]:
    """Subports that a trunk with this parent may have; tags that are inherited are filled in."""
    ports = find_many(tx, [one["port_id"] for one in wanted])
    networks = find_all(tx, [parent.network_id, *(port.network_id for port in ports.values())])
    room = networks[parent.network_id].mtu
    heirs = [one["port_id"] for one in wanted if one.get("segmentation_type") == INHERIT and one["port_id"] in ports]
    inherited = of_networks(tx, [ports[id].network_id for id in heirs])
    checked = []
    for one in wanted:
        port = ports.get(one["port_id"])
        network = networks[port.network_id] if port is not None else None
        if one["port_id"] in heirs and network is not None:
            one = {"port_id": one["port_id"], **_inherited(inherited.get(network.id, ()))}
        if one["port_id"] == parent.id:
            raise _in_use(parent.id)
        if network is not None and network.mtu > room:
            text = f"MTU {network.mtu} of subport {one['port_id']} cannot be greater than MTU {room} of trunk {parent.id}."
            raise conflict(text, "SubPortMtuGreaterThanTrunkPortMtu")
        checked.append(_tagged(one))
        check_free(tx, one["port_id"])
        _check_unused(PORTS.get(request, tx, one["port_id"]))
    return checked


def _inherited(segments: Sequence[Row]) -> Subport:
    """The tag of a network's frames; there is none where it has several segments."""
    provided = shown(segments)
    return {"segmentation_type": provided.get("provider:network_type"), "segmentation_id": provided.get("provider:segmentation_id")}


def _tagged(one: Subport) -> Subport:
    if "segmentation_type" not in one or "segmentation_id" not in one:
        raise invalid(missing_tag(one))
    kind = one["segmentation_type"]
    try:
        tag = to_int(one["segmentation_id"])
    except Fault:
        raise invalid(f"Invalid subport details: segmentation_id '{one['segmentation_id']}' is not an integer") from None
    if kind != "vlan":
        raise invalid(f"Unknown segmentation_type '{kind}'")
    if tag not in VLANS:
        raise invalid(f"Segmentation ID '{tag}' is not in range")
    return {"port_id": one["port_id"], "segmentation_type": kind, "segmentation_id": tag}


def _check_unused(port: Row) -> None:
    """A subport is nothing else's: no router's, no server's."""
    if port.device_id:
        text = (
            f"Unable to complete operation on port {port.id} for network {port.network_id}. Port already has an attached device "
            f"{port.device_id}."
        )
        raise conflict(text, "PortInUse")


def check_tags(tx: Transaction, trunk_id: str, added: Sequence[Subport]) -> None:
    """Raises DuplicateSubPort for a tag the trunk has already."""
    taken = {(row.segmentation_type, row.segmentation_id) for row in of_trunks(tx, [trunk_id]).get(trunk_id, ())}
    for one in added:
        kind, tag = one["segmentation_type"], one["segmentation_id"]
        if (kind, tag) in taken:
            text = f"segmentation_type {kind} and segmentation_id {tag} already in use on trunk {trunk_id}."
            raise conflict(text, "DuplicateSubPort")


def no_subport(trunk_id: str, port_id: str) -> Fault:
    return NotFound(f"SubPort {port_id} on trunk {trunk_id} could not be found.", kind="SubPortNotFound")


def check_port_deletable(tx: Transaction, port_id: str) -> None:
    """Ports in a trunk stay. Raises PortInUseAsTrunkParent, PortInUseAsSubPort."""
    trunk_id = trunks_of(tx, [port_id]).get(port_id)
    if trunk_id is not None:
        raise conflict(f"Port {port_id} is currently a parent port for trunk {trunk_id}.", "PortInUseAsTrunkParent")
    leg = legs(tx, [port_id]).get(port_id)
    if leg is not None:
        raise conflict(f"Port {port_id} is currently a subport for trunk {leg.trunk_id}.", "PortInUseAsSubPort")


