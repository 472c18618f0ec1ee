"""Resource providers of what hosts guarantee to ports, as Neutron's agents make them: below each host its agent, which has the packet
rates, and below that the devices, which have the bandwidth of the physical network, or the tunnels, that they carry.
"""

from collections.abc import Iterable
from uuid import UUID, uuid5

from monostack.db import Transaction
from monostack.protocol import NetworkCapacity, Nic
from monostack.services.network.qos.requests import BANDWIDTH, PACKET_RATE, network_trait, vnic_trait
from monostack.services.placement import facade as placement

AGENT = "Linux bridge agent"
_NAMESPACE = UUID("4e0c4a3b-3c3e-5d0e-9d0f-2a3a53a5b6f1")  # providers keep their uuids when a host enrols anew
_KEPT = ("allocation_ratio", "reserved")


def provide(tx: Transaction, host_id: str, host: str, capacity: NetworkCapacity | None) -> None:
    """Tell placement what a host, whose own provider is there, can guarantee. What an operator set there (ratios, reservations) stays;
    what is not told any more goes, unless it is in use.
    """
    prefix, named = f"{host}:{AGENT}", set[str]()
    if capacity is not None:
        agent = _agent(host)
        rates = {PACKET_RATE[way]: _stock(rate) for way, rate in capacity.kpps.items()}
        placement.ensure_provider(tx, agent, prefix, rates, [vnic_trait("normal")], keep=_KEPT, parent=host_id)
        named = {agent, *(_provide_nic(tx, agent, host, nic) for nic in capacity.nics)}
    placement.remove_unnamed(tx, host_id, prefix, named)


def _agent(host: str) -> str:
    return str(uuid5(_NAMESPACE, host))


def provided(tx: Transaction, hosts: Iterable[str]) -> set[str]:
    """Those of the hosts of which placement knows what they can guarantee."""
    agents = {_agent(host): host for host in hosts}
    return {agents[uuid] for uuid in placement.traits_of(tx, agents)}


def _provide_nic(tx: Transaction, agent: str, host: str, nic: Nic) -> str:
    totals = {"egress": nic.egress_kbps, "ingress": nic.ingress_kbps}
    stock = {BANDWIDTH[way]: _stock(total) for way, total in totals.items() if total}
    traits = [network_trait(nic.physical_network), vnic_trait("normal")]
    uuid = str(uuid5(_NAMESPACE, f"{host}:{nic.name}"))
    return placement.ensure_provider(tx, uuid, f"{host}:{AGENT}:{nic.name}", stock, traits, keep=_KEPT, parent=agent)


def _stock(total: int) -> placement.Inventory:
    return placement.Inventory(total=total, max_unit=total)
