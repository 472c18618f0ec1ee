"""Ports of guests: a tap each, on its network's bridge, there before the guest is and after it."""

from monostack.agent.network.linux import sysctl
from monostack.agent.network.linux.links import MARK, Link, Links
from monostack.protocol.network import NetworkItem, PortItem, tap_name


def ensure(links: Links, port: PortItem, network: NetworkItem, bridge: Link) -> None:
    """Plug a port in. An interface of the tap's name that exists already is used as it is, whatever its kind. Raises LinkError."""
    assert port.tap is not None, "only ports bound to this host are plugged in"
    tap = links.find(port.tap)
    if tap is None and port.parent is not None:
        # The guest tags the frames of this port; the kernel takes them off its parent's tap before the bridge sees them.
        parent = links.get(tap_name(port.parent))
        links.add(port.tap, "vlan", link=parent.index, vlan_id=port.vlan)
        tap = links.get(port.tap)
    elif tap is None:
        # Persistent and with one queue: QEMU opens it by name, when and as often as the guest is started.
        links.add(port.tap, "tuntap", mode="tap")
        tap = links.get(port.tap)
    sysctl.silence_ipv6(port.tap)
    links.set(tap, alias=f"{MARK} port {port.id}", mtu=network.mtu, master=bridge.index, up=port.admin_up)


def remove(links: Links, tap: str) -> None:
    links.delete(tap)
