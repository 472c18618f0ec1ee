"""Which wire a network is on: its type, physical network, segmentation id and MTU.

Tenants' networks are "vxlan": the hosts keep one apart by its segmentation id. "flat" is a physical network of the hosts, by the name it
has in the configuration (`agent.external_networks`).
"""

from typing import Any

import sqlalchemy as sa

from monostack.core import ids
from monostack.db import Transaction
from monostack.services.network.attributes import Values
from monostack.services.network.networks.table import NETWORKS
from monostack.services.network.segment_ranges.table import candidates
from monostack.services.network.words import conflict, invalid

MTU = {"vxlan": 1450, "flat": 1500}  # bytes a packet may have; VXLAN needs 50 of the 1500 of the wire
VNIS = 2**24
_TRIES = 20

_n = NETWORKS.table.c
_VNI = sa.select(_n.id).where(_n.network_type == "vxlan", _n.segmentation_id == sa.bindparam("vni"))
_TAKEN = sa.select(_n.segmentation_id).where(
    _n.network_type == "vxlan", _n.segmentation_id.between(sa.bindparam("low", type_=sa.Integer), sa.bindparam("high", type_=sa.Integer))
)
_FLAT = sa.select(_n.id).where(_n.network_type == "flat", _n.physical_network == sa.bindparam("physical"))


def choose(tx: Transaction, cloud: Any, values: Values) -> None:
    """Complete the provider attributes and the MTU of a network that is created. Raises InvalidInput, TunnelIdInUse, FlatNetworkInUse."""
    kind = values.get("provider:network_type")
    physical, segment = values.get("provider:physical_network"), values.get("provider:segmentation_id")
    if kind is None and (physical is not None or segment is not None):
        raise invalid("network_type required")
    kind = kind if kind is not None else "vxlan"
    if kind == "flat":
        _check_flat(tx, cloud, physical, segment)
    elif kind == "vxlan":
        if physical:
            raise invalid("provider:physical_network specified for vxlan network")
        segment = _free_vni(tx, values["project_id"]) if segment is None else _this_vni(tx, segment)
    else:
        raise invalid(f"network_type value '{kind}' not supported")
    values["provider:network_type"], values["provider:segmentation_id"] = kind, segment
    values["mtu"] = checked_mtu(kind, values["mtu"])


def checked_mtu(kind: str, wanted: int) -> int:
    """The MTU of a network of this type; 0 asks for the largest. Raises InvalidInput when it is too large."""
    if wanted > MTU[kind]:
        raise invalid(f"Requested MTU is too big, maximum is {MTU[kind]}")
    return wanted or MTU[kind]


def _check_flat(tx: Transaction, cloud: Any, physical: str | None, segment: int | None) -> None:
    if not physical:
        raise invalid("physical_network required for flat provider network")
    if physical not in cloud.config.agent.external_networks:
        raise invalid(f"physical_network '{physical}' unknown for flat provider network")
    if segment:
        raise invalid("segmentation_id prohibited for flat provider network")
    if tx.scalar(_FLAT, {"physical": physical}) is not None:
        raise conflict(f"Unable to create the flat network. Physical network {physical} is in use.", "FlatNetworkInUse")


def _this_vni(tx: Transaction, vni: int) -> int:
    if not 0 < vni < VNIS:
        raise invalid(f"segmentation_id out of range (1 through {VNIS - 1})")
    if tx.scalar(_VNI, {"vni": vni}) is not None:
        raise conflict(f"Unable to create the network. The tunnel ID {vni} is in use.", "TunnelIdInUse")
    return vni


def _free_vni(tx: Transaction, project_id: str) -> int:
    """One of the project's ranges, or of those for everybody. A random one: controllers that create networks at the same time do not get
    in each other's way.
    """
    for numbers in candidates(tx, "vxlan", project_id):
        for _ in range(_TRIES):
            vni = numbers[ids.random_int(24) % len(numbers)]
            if tx.scalar(_VNI, {"vni": vni}) is None:
                return vni
        taken = {row[0] for row in tx.rows(_TAKEN, {"low": numbers[0], "high": numbers[-1]})}
        free = next((vni for vni in numbers if vni not in taken), None)
        if free is not None:
            return free
    raise conflict("Unable to create the network. No project network is available for allocation.", "NoNetworkAvailable")
