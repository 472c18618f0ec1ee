"""How fast a guest's port may be: queues on its tap that let so many bits pass in a second, and hold the rest back for a moment.

What the guest receives leaves the tap, and is queued there. What it sends arrives, where nothing can be queued: it is led through an
intermediate device (ifb), which it leaves again. Packets are counted by the filters, see chains.limited.
"""

from pyroute2.netlink.exceptions import NetlinkError

from monostack.agent.network.linux.links import MARK, Link, Links, doing
from monostack.agent.network.linux.settings import INTERMEDIATE, short
from monostack.protocol.network import Limit, PortItem, Qos

_ROOT, _INGRESS = 0xFFFFFFFF, 0xFFFF0000  # parents of queueing disciplines (TC_H_ROOT, TC_H_INGRESS)
_INGRESS_HANDLE = 0xFFFF0000
_LATENCY = 0.05  # seconds a packet waits at most
_LEAST_BURST = 4096  # bytes: more than a full packet, or nothing would ever pass
_OF_RATE = 0.8  # burst where a policy leaves it open, as a part of what passes in a second: Neutron's, so that TCP reaches the rate
_ANY_PROTOCOL = 3  # ETH_P_ALL


def intermediate(port: PortItem) -> str:
    return INTERMEDIATE + short(port.id)


def burst_bytes(limit: Limit) -> int:
    return max((limit.burst_kb or int(limit.kbps * _OF_RATE)) * 125, _LEAST_BURST)


class Shaping:
    """The queues of one host's ports. Lives in the worker thread, in the host's namespace."""

    def __init__(self) -> None:
        self._made: dict[str, tuple[int, Qos | None]] = {}  # by tap: its index and what its queues are made for

    def ensure(self, links: Links, port: PortItem) -> None:
        """Shape a port that is plugged in, as its item says. Raises LinkError."""
        assert port.tap is not None, "only ports bound to this host are shaped"
        tap = links.get(port.tap)
        if self._made.get(port.tap) == (tap.index, port.qos):
            return
        self._made.pop(port.tap, None)
        receives, sends = (port.qos.ingress, port.qos.egress) if port.qos else (Limit(), Limit())
        _queue(links, tap, receives)
        _lead_through(links, tap, port, sends)
        self._made[port.tap] = tap.index, port.qos

    def remove(self, links: Links, port: PortItem) -> None:
        """The port goes; what is on its tap goes with that."""
        self._made.pop(port.tap or "", None)
        links.delete(intermediate(port))


def _present(links: Links, link: Link) -> set[str]:
    """The kinds of queueing disciplines an interface has."""
    return {message.get_attr("TCA_KIND") for message in links.netlink.get_qdiscs(index=link.index)}


def _queue(links: Links, link: Link, limit: Limit) -> None:
    if limit.kbps:
        rate = limit.kbps * 125
        burst = max(burst_bytes(limit), rate // 250)
        with doing(f"limit {link.name} to {limit.kbps} kbit/s"):
            waiting = int(rate * _LATENCY) + burst
            links.netlink.tc("replace", "tbf", link.index, handle=0x10000, parent=_ROOT, rate=rate, burst=burst, limit=waiting)
    elif "tbf" in _present(links, link):
        with doing(f"lift the limit of {link.name}"):
            links.netlink.tc("del", index=link.index, handle=0x10000, parent=_ROOT)


def _lead_through(links: Links, tap: Link, port: PortItem, limit: Limit) -> None:
    name = intermediate(port)
    if not limit.kbps:
        if "ingress" in _present(links, tap):
            with doing(f"lift the limit of {tap.name}"):
                links.netlink.tc("del", "ingress", tap.index, _INGRESS_HANDLE)
        links.delete(name)
        return
    device = links.find(name)
    if device is None:
        links.add(name, "ifb")
        device = links.get(name)
    links.set(device, alias=f"{MARK} port {port.id}", mtu=tap.mtu, up=True)
    _queue(links, device, limit)
    if "ingress" in _present(links, tap):
        # The device it leads to may be another.
        links.netlink.tc("del", "ingress", tap.index, _INGRESS_HANDLE)
    through = {"kind": "mirred", "direction": "egress", "action": "redirect", "ifindex": device.index}
    with doing(f"lead what {tap.name} sends through {name}"):
        links.netlink.tc("add", "ingress", tap.index, _INGRESS_HANDLE)
        every = {"prio": 1, "protocol": _ANY_PROTOCOL, "target": 0x10000, "keys": ["0x0/0x0+0"]}
        links.netlink.tc("add-filter", "u32", tap.index, parent=_INGRESS_HANDLE, action=through, **every)


def try_out() -> str:
    """Make each kind of queue in the calling thread's namespace. Raises LinkError where the kernel lacks one."""
    with Links() as links:
        links.add("tap1", "tuntap", mode="tap")
        port = PortItem("3" * 12, "", "", [], "tap1", True, False, [], [], None, "", qos=Qos(Limit(kbps=1000), Limit(kbps=1000)))
        try:
            Shaping().ensure(links, port)
        except NetlinkError as error:
            raise RuntimeError(f"QoS policies cannot limit ports: {error}") from error
    return "ports can be limited in bits a second"
