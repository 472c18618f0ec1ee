"""What a host can guarantee to ports, from its configuration."""

from monostack.core.config.options import Agent
from monostack.protocol import NetworkCapacity, Nic

TUNNELS = "rp_tunnelled"  # Neutron's name for what carries the networks of tenants


def network_capacity(settings: Agent, kbps: int = 0) -> NetworkCapacity | None:
    """None: it guarantees nothing. `kbps` is what networks have, each way, that say nothing of it."""
    nics = [
        Nic(network.bridge, name, network.egress_kbps or kbps, network.ingress_kbps or kbps)
        for name, network in settings.external_networks.items()
    ]
    capacity = settings.capacity
    nics.append(Nic(TUNNELS, None, capacity.tunnel_egress_kbps or kbps, capacity.tunnel_ingress_kbps or kbps))
    rates = {
        "any": capacity.packet_rate_kpps, "egress": capacity.packet_rate_egress_kpps, "ingress": capacity.packet_rate_ingress_kpps
    }  # fmt: skip
    given = [nic for nic in nics if nic.egress_kbps or nic.ingress_kbps]
    found = NetworkCapacity(given, {way: rate for way, rate in rates.items() if rate})
    return found if found.nics or found.kpps else None
