"""Networks as bridges: one of ours for each tenant network and each VLAN, and the one the configuration names for a flat network."""

import hashlib
from ipaddress import ip_interface

from monostack.agent.config import ExternalNetwork
from monostack.agent.network.linux import addresses, sysctl
from monostack.agent.network.linux.links import MARK, Link, Links
from monostack.agent.network.linux.restore import Restore
from monostack.agent.network.linux.settings import VLAN_PORT, Settings, bridge_name, short
from monostack.agent.network.linux.state import Desired
from monostack.protocol.network import NetworkItem


def names(desired: Desired, settings: Settings) -> dict[str, str]:
    """The bridge of each network by its id, without networks this host cannot reach."""
    found = {}
    for network in desired.networks.values():
        external = settings.external_networks.get(network.physical_network or "")
        if network.kind == "tenant" or (network.kind == "vlan" and external is not None):
            found[network.id] = bridge_name(network.id)
        elif external is not None:
            found[network.id] = external.bridge
    return found


def masqueraded(desired: Desired, settings: Settings) -> dict[str, str]:
    """External bridges of the networks here that hide behind the host, with the prefix that does."""
    found = {}
    for network in desired.networks.values():
        external = settings.external_networks.get(network.physical_network or "")
        if network.kind == "flat" and external is not None and external.masquerade and external.address:
            found[external.bridge] = str(ip_interface(external.address).network)
    return found


def vlan_port(network: NetworkItem) -> str:
    """The interface by which a VLAN's frames come into its bridge."""
    return VLAN_PORT + short(network.id)


def ensure(links: Links, network: NetworkItem, settings: Settings, restore: Restore) -> Link:
    """The network's bridge, as it should be. Raises ValueError when this host does not reach the network, and LinkError."""
    if network.kind == "tenant":
        return _own(links, bridge_name(network.id), network)
    external = settings.external_networks.get(network.physical_network or "")
    if external is None:
        known = ", ".join(sorted(settings.external_networks)) or "none"
        raise ValueError(f"this host has no physical network {network.physical_network!r} (it has: {known}); set agent.external_networks")
    physical = _physical(links, network, external, restore)
    if network.kind == "flat":
        return physical
    bridge = _own(links, bridge_name(network.id), network)
    _tag(links, network, physical, bridge)
    return bridge


def _physical(links: Links, network: NetworkItem, external: ExternalNetwork, restore: Restore) -> Link:
    present = links.find(external.bridge)
    if present is not None and not present.ours:
        # Somebody else's bridge, with the way out plugged in: used as it is.
        restore.filter_bridge(links, external.bridge)
        return links.get(external.bridge)
    if present is not None and network.kind == "vlan":
        return present
    bridge = _own(links, external.bridge, network, external)
    if external.masquerade:
        restore.sysctl("ipv4/ip_forward", 1)
    return bridge


def _tag(links: Links, network: NetworkItem, physical: Link, bridge: Link) -> None:
    """Tagged frames of the physical network come into the network's bridge without their tag, and leave it with it."""
    name = vlan_port(network)
    present = links.find(name)
    if present is not None and (present.below, present.vlan) != (physical.index, network.segment):
        links.delete(name)
        present = None
    if present is None:
        links.add(name, "vlan", link=physical.index, vlan_id=network.segment)
        sysctl.silence_ipv6(name)
    links.set(links.get(name), alias=f"{MARK} network {network.id}", master=bridge.index, mtu=network.mtu, up=True)


def _own(links: Links, name: str, network: NetworkItem, external: ExternalNetwork | None = None) -> Link:
    bridge = links.find(name)
    if bridge is None:
        links.add(
            name,
            "bridge",
            # A bridge takes the lowest address of its ports unless it has its own, and changes when they do.
            address="0a:" + hashlib.sha256(name.encode()).digest()[:5].hex(":"),
            br_stp_state=0,
            br_forward_delay=0,
            br_mcast_snooping=0,
            br_nf_call_iptables=1,
            br_nf_call_ip6tables=1,
        )
        bridge = links.get(name)
    if bridge.kind != "bridge":
        raise ValueError(f"interface {name} is a {bridge.kind or 'device'}, not a bridge: remove it")
    own = external.address if external else None
    if own is None or ip_interface(own).version == 4:
        sysctl.silence_ipv6(name)
    else:
        sysctl.write(f"ipv6/conf/{name}/accept_ra", 0)
    # The host's other addresses are nobody's business out there.
    sysctl.write(f"ipv4/conf/{name}/arp_ignore", 1)
    links.set(bridge, alias=f"{MARK} network {network.id}", mtu=network.mtu, filtered=True, up=True)
    addresses.settle(links, bridge, [own] if own else [])
    return links.get(name)


def unused(network: NetworkItem, desired: Desired, settings: Settings) -> list[str]:
    """The interfaces of a network that is no more, as far as no other network needs them."""
    wanted = links_of(desired, settings)
    return [name for name in links_of(Desired(networks={network.id: network}), settings) if name not in wanted]


def links_of(desired: Desired, settings: Settings) -> list[str]:
    """All interfaces networks are made of, those first that stand on others."""
    own = names(desired, settings)
    tagged = [network for network in desired.networks.values() if network.kind == "vlan" and network.id in own]
    below = [settings.external_networks[network.physical_network or ""].bridge for network in tagged]
    return [*map(vlan_port, tagged), *own.values(), *below]


def remove(links: Links, name: str) -> None:
    """Remove a network's interface unless it is somebody else's."""
    bridge = links.find(name)
    if bridge is not None and bridge.ours:
        links.delete(name)
