"""The types of networks that hosts make, and how a segment of each gets its segmentation id and MTU.

Tenants' networks are "vxlan": the hosts keep one apart by its segmentation id. "flat" is a physical network of the hosts, by the name it
has in the configuration (`agent.external_networks`); "vlan" are tagged frames on one. Checks and their texts are Neutron's.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa

from monostack.core import ids
from monostack.db import Transaction
from monostack.services.network.segment_ranges.table import candidates
from monostack.services.network.segments.table import SEGMENTS
from monostack.services.network.words import conflict, invalid

MTU = {"vxlan": 1450, "flat": 1500, "vlan": 1500}  # bytes a packet may have; VXLAN needs 50 of the 1500 of the wire
TENANT = "vxlan"
VNIS, VLANS = 2**24, 4095
FIRST = 2000  # so many of a range are given out before the others: short numbers are easier on people
_TRIES = 20

_s = SEGMENTS.table.c
_SAME = sa.select(_s.id).where(
    _s.network_type == sa.bindparam("kind"),
    sa.func.coalesce(_s.physical_network, "") == sa.bindparam("physical"),
    sa.func.coalesce(_s.segmentation_id, 0) == sa.bindparam("number"),
)
_TAKEN = sa.select(_s.segmentation_id).where(
    _s.network_type == sa.bindparam("kind"),
    sa.func.coalesce(_s.physical_network, "") == sa.bindparam("physical"),
    _s.segmentation_id.between(sa.bindparam("low", type_=sa.Integer), sa.bindparam("high", type_=sa.Integer)),
)
Segment = dict[str, Any]  # network_type, physical_network, segmentation_id


def check(cloud: Any, segment: Mapping[str, Any]) -> None:
    """May a segment be described so? Raises InvalidInput."""
    kind, physical, number = segment["network_type"], segment["physical_network"], segment["segmentation_id"]
    known = cloud.config.agent.external_networks
    if kind is None:
        raise invalid("network_type required")
    if kind not in MTU:
        raise invalid(f"network_type value '{kind}' not supported")
    if kind == "flat":
        if not physical:
            raise invalid("physical_network required for flat provider network")
        if physical not in known:
            raise invalid(f"physical_network '{physical}' unknown for flat provider network")
        if number:
            raise invalid("segmentation_id prohibited for flat provider network")
    elif kind == "vlan":
        _check_vlan(known, physical, number)
    elif physical:
        raise invalid("provider:physical_network specified for vxlan network")
    elif number is not None and not 0 < number < VNIS:
        raise invalid(f"segmentation_id out of range (1 through {VNIS - 1})")


def _check_vlan(known: Mapping[str, Any], physical: str | None, number: int | None) -> None:
    if physical and physical not in known:
        raise invalid(f"physical_network '{physical}' unknown for VLAN provider network")
    if physical and number is not None and not 0 < number < VLANS:
        raise invalid(f"segmentation_id out of range (1 through {VLANS - 1})")
    if not physical and number is not None:
        raise invalid("segmentation_id requires physical_network for VLAN provider network")


def reserve(tx: Transaction, segment: Segment, project_id: str | None) -> Segment:
    """The segment with its segmentation id. Raises FlatNetworkInUse, VlanIdInUse, TunnelIdInUse, NoNetworkAvailable."""
    kind, physical, number = segment["network_type"], segment["physical_network"], segment["segmentation_id"]
    if kind != "flat" and number is None:
        return _free(tx, kind, physical, project_id)
    if tx.scalar(_SAME, {"kind": kind, "physical": physical or "", "number": number or 0}) is None:
        return segment
    if kind == "flat":
        raise conflict(f"Unable to create the flat network. Physical network {physical} is in use.", "FlatNetworkInUse")
    if kind == "vlan":
        text = f"Unable to create the network. The VLAN {number} on physical network {physical} is in use."
        raise conflict(text, "VlanIdInUse")
    raise conflict(f"Unable to create the network. The tunnel ID {number} is in use.", "TunnelIdInUse")


def _free(tx: Transaction, kind: str, physical: str | None, project_id: str | None) -> Segment:
    """One of the project's ranges, or of those for everybody. A random one: controllers that create networks at the same time do not get
    in each other's way.
    """
    for wire, numbers in candidates(tx, kind, physical, project_id):
        for number in _tried(tx, kind, wire, numbers):
            return {"network_type": kind, "physical_network": wire, "segmentation_id": number}
    raise conflict("Unable to create the network. No project network is available for allocation.", "NoNetworkAvailable")


def _tried(tx: Transaction, kind: str, wire: str | None, numbers: range) -> Iterator[int]:
    where = {"kind": kind, "physical": wire or ""}
    for attempt in range(_TRIES):
        among = numbers[:FIRST] if attempt < _TRIES // 2 else numbers
        number = among[ids.random_int(24) % len(among)]
        if tx.scalar(_SAME, {**where, "number": number}) is None:
            yield number
    taken = {row[0] for row in tx.rows(_TAKEN, {**where, "low": numbers[0], "high": numbers[-1]})}
    yield from (number for number in numbers if number not in taken)


def checked_mtu(kinds: Iterator[str] | list[str], wanted: int) -> int:
    """The MTU of a network of segments of these types; 0 asks for the largest. Raises InvalidInput when it is too large."""
    most = min((MTU[kind] for kind in kinds), default=MTU["flat"])
    if wanted > most:
        raise invalid(f"Requested MTU is too big, maximum is {most}")
    return wanted or most
