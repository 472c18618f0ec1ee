"""Local IPs: guests of this host that call such an address reach the port of this host that it leads to, and are answered from it.

So do routers of this host, for guests of other networks. Frames are changed where they enter the bridge, before connections are tracked,
and changed back behind the filters: in between all is as if the port had been called itself. Since it may be called both ways, a connection
remembers by a mark which (ruleset.tracking), and who asked for an address by ARP is noted until he is answered.
"""

from ipaddress import IPv4Address, ip_address
from typing import NamedTuple

from monostack.agent.network.linux.chains import CALLED
from monostack.agent.network.linux.nftables import Chain, Elements, Table
from monostack.agent.network.linux.settings import ROUTER_PORT, TABLE, short
from monostack.agent.network.linux.state import Desired
from monostack.protocol.network import PortItem

NAME = TABLE + "_local_ips"
_PREROUTING, _FORWARD = "type filter hook prerouting priority {}; policy accept;", "type filter hook forward priority 50; policy accept;"
_BEFORE_TRACKING, _AFTER_FILTER = -10, 110
_ASKED = "type ipv4_addr; flags dynamic,timeout; timeout 3s; size 4096;"


class Way(NamedTuple):
    """Where an address leads on this host. Who has a port that it leads to, here or one besides, reaches the true owner by it."""

    address: str
    port: PortItem
    fixed_ip: str
    excepted: tuple[str, ...]

    @property
    def callers(self) -> str:
        return "!= { " + ", ".join(f'"{tap}"' for tap in self.excepted) + " }"

    @property
    def mark(self) -> int:
        """What the connections bear. The last three octets tell the addresses of a port apart."""
        return CALLED | int(IPv4Address(self.address)) & 0xFFFFFF

    @property
    def asked(self) -> str:
        return f"asked_{self.port.id.replace('-', '')}_{self.address.replace('.', '_')}"


def ways(desired: Desired) -> dict[str, list[Way]]:
    """By network. Of several ports of this host an address leads to the one with the lowest id. IPv4 alone, as with Neutron."""
    found: dict[tuple[str, str], list[tuple[PortItem, str]]] = {}
    for port in sorted(desired.ports.values(), key=lambda port: port.id):
        for item in port.local_ips if port.tap else ():
            if ip_address(item.local_ip).version == ip_address(item.fixed_ip).version == 4:
                found.setdefault((port.network_id, item.local_ip), []).append((port, item.fixed_ip))
    ordered: dict[str, list[Way]] = {}
    for (network_id, address), ports in sorted(found.items()):
        way = Way(address, *ports[0], tuple(port.tap or "" for port, _ in ports))
        ordered.setdefault(network_id, []).append(way)
    return ordered


def table(desired: Desired) -> Table:
    """Empty without local IPs."""
    known = ways(desired)
    if not known:
        return Table("bridge", NAME)
    elements = {way.asked: Elements("set", _ASKED) for found in known.values() for way in found}
    chains: dict[str, Chain] = {}
    jumps: dict[str, dict[str, str | None]] = {kind: {} for kind in ("asks", "calls", "hears", "answers")}
    for network_id, found in known.items():
        made = {
            "asks": [f"iifname {way.callers} {_ask(way)}" for way in found],
            "calls": [f"iifname {way.callers} {_call(way)}" for way in found],
            "hears": [f"oifname {way.callers} arp saddr ip {way.address} ether saddr != {way.port.mac} drop" for way in found],
        }
        for kind, rules in made.items():
            name = f"{kind}_{network_id.replace('-', '')}"
            chains[name] = Chain(tuple(rules))
            jumps[kind] |= {f'"{caller}"': f"jump {name}" for caller in _callers(desired, network_id)}
        for port in {way.port.id: way.port for way in found}.values():
            name = f"answers_{port.id.replace('-', '')}"
            chains[name] = Chain(tuple(rule for way in found if way.port is port for rule in _answer(way)))
            jumps["answers"][f'"{port.tap}"'] = f"jump {name}"
    maps = {kind: Elements("map", "type ifname : verdict;", dict(sorted(taps.items()))) for kind, taps in jumps.items()}
    hooks = {
        "calling": Chain(("iifname vmap @calls",), _PREROUTING.format(_BEFORE_TRACKING)),
        "asking": Chain(("iifname vmap @asks",), _PREROUTING.format(_AFTER_FILTER)),
        "answering": Chain(("iifname vmap @answers", "oifname vmap @hears"), _FORWARD),
    }
    return Table("bridge", NAME, {**elements, **maps}, {**chains, **hooks})


def _callers(desired: Desired, network_id: str) -> list[str]:
    """The interfaces of guests and routers on the bridge of a network."""
    routers = [router for router in desired.routers_of(network_id) if router.admin_up]
    ends = [ROUTER_PORT + short(end.port_id) for router in routers for end in router.ends if end.network_id == network_id]
    return [*(port.tap for port in desired.ports_of(network_id) if port.tap), *ends]


def _ask(way: Way) -> str:
    """Who has the address? The port answers for its own. A probe is for the true owner (RFC 5227)."""
    return (
        f"arp operation request arp daddr ip {way.address} arp saddr ip != 0.0.0.0 update @{way.asked} {{ arp saddr ip }} "
        f"arp daddr ip set {way.fixed_ip} ether daddr set {way.port.mac} accept"
    )


def _call(way: Way) -> str:
    return f"ip daddr {way.address} meta mark set {way.mark:#x} ip daddr set {way.fixed_ip} ether daddr set {way.port.mac} accept"


def _answer(way: Way) -> tuple[str, str]:
    return (
        f"arp operation reply arp saddr ip {way.fixed_ip} arp daddr ip @{way.asked} delete @{way.asked} {{ arp daddr ip }} "
        f"arp saddr ip set {way.address}",
        f"meta mark {way.mark:#x} ip saddr {way.fixed_ip} ip saddr set {way.address}",
    )
