"""What ports reserve of their host: the guarantees of their QoS policies as requests to placement.

A port asks with a group for each type of rule: for bandwidth of a device that carries its network, and for packets of an agent that plugs
its kind of NIC. Groups are named after the port and the rules, as Neutron names them. Source: the extensions port-resource-request and
port-resource-request-groups.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

import os_traits

from monostack.db import Transaction
from monostack.http.answers import ID, INTEGER, TEXTS, Record, many, mapping, maybe
from monostack.services.network.qos.rules import MINIMUM_BANDWIDTH, MINIMUM_PACKET_RATE, RESERVING, Rule, RuleType, rules_of
from monostack.services.network.segments.table import of_networks
from monostack.services.placement.facade import RequestGroup

BANDWIDTH = {"egress": "NET_BW_EGR_KILOBIT_PER_SEC", "ingress": "NET_BW_IGR_KILOBIT_PER_SEC"}
PACKET_RATE = {
    "egress": "NET_PACKET_RATE_EGR_KILOPACKET_PER_SEC", "ingress": "NET_PACKET_RATE_IGR_KILOPACKET_PER_SEC",
    "any": "NET_PACKET_RATE_KILOPACKET_PER_SEC",
}  # fmt: skip
_CLASSES = {MINIMUM_BANDWIDTH: (BANDWIDTH, "min_kbps"), MINIMUM_PACKET_RATE: (PACKET_RATE, "min_kpps")}
TUNNELS = "CUSTOM_NETWORK_TUNNEL_PROVIDER"

_GROUP = Record("RequestGroup", {"id": ID, "required": TEXTS, "resources": mapping(INTEGER)})
SHOWN = maybe(Record("ResourceRequest", {"request_groups": many(_GROUP), "same_subtree": many(ID)}))


@dataclass(frozen=True, slots=True)
class Asking:
    """A port, as far as its requests depend on it."""

    id: str
    network_id: str
    vnic_type: str
    policy_id: str  # the one it is under


def network_trait(physical_network: str | None) -> str:
    """The trait of a device that carries a physical network, or tunnels."""
    return str(os_traits.normalize_name(f"PHYSNET_{physical_network}")) if physical_network else TUNNELS


def vnic_trait(vnic_type: str) -> str:
    return str(os_traits.normalize_name(f"VNIC_TYPE_{vnic_type}"))


def group_id(port_id: str, rules: Iterable[Rule]) -> str:
    """The name of the group of these rules of a type."""
    return str(uuid5(UUID(port_id), ":".join(rule.row.id for rule in rules)))


def amounts(kind: RuleType, rules: Iterable[Rule]) -> dict[str, int]:
    """What rules of a type ask for, by resource class."""
    classes, value = _CLASSES[kind]
    return {classes[rule.get("direction")]: rule.get(value) for rule in rules}


def request_groups(tx: Transaction, ports: Sequence[Asking]) -> dict[str, list[RequestGroup]]:
    """What each of these ports asks for; those that ask for nothing are missing."""
    rules = rules_of(tx, {port.policy_id for port in ports}, RESERVING)
    asking = [port for port in ports if port.policy_id in rules]
    segments = of_networks(tx, {port.network_id for port in asking}) if asking else {}
    found = {port.id: list(_groups(port, rules[port.policy_id], segments.get(port.network_id, ()))) for port in asking}
    return {id: groups for id, groups in found.items() if groups}


def _groups(port: Asking, rules: Sequence[Rule], segments: Sequence[Any]) -> Iterable[RequestGroup]:
    for kind in RESERVING:
        mine = [rule for rule in rules if rule.kind is kind]
        if not mine or (kind is MINIMUM_BANDWIDTH and not segments):
            continue
        traits = [network_trait(segments[0].physical_network)] if kind is MINIMUM_BANDWIDTH else []
        yield RequestGroup(group_id(port.id, mine), amounts(kind, mine), (*traits, vnic_trait(port.vnic_type)))


def shown(groups: Sequence[RequestGroup] | None) -> Mapping[str, Any] | None:
    """The `resource_request` of a port."""
    if not groups:
        return None
    described = [{"id": group.id, "required": list(group.required), "resources": dict(group.resources)} for group in groups]
    return {"request_groups": described, "same_subtree": [group.id for group in groups]}
