"""Security group rules: read, rendered as nftables statements, and asked about a flow that exists already."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, collapse_addresses, ip_network
from typing import Any, NamedTuple, cast

from monostack.protocol.network import RuleItem

# The names Neutron's API accepts, with IANA's numbers.
PROTOCOLS = {
    "ah": 51, "dccp": 33, "egp": 8, "esp": 50, "gre": 47, "icmp": 1, "icmpv6": 58, "igmp": 2, "ipip": 4, "ipv6-encap": 41,
    "ipv6-frag": 44, "ipv6-icmp": 58, "ipv6-nonxt": 59, "ipv6-opts": 60, "ipv6-route": 43, "ospf": 89, "pgm": 113, "rsvp": 46,
    "sctp": 132, "tcp": 6, "udp": 17, "udplite": 136, "vrrp": 112,
}  # fmt: skip
ICMP, ICMPV6 = 1, 58
WITH_PORTS = frozenset({6, 17, 33, 132, 136})
_ANY = ("any", "ip", "hopopt", "0", "-1")

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


class Rule(NamedTuple):
    """A rule in force. None means any. For ICMP `low` is the type and `high` the code."""

    ingress: bool
    version: int
    protocol: int | None
    low: int | None
    high: int | None
    remote: Network | None
    group: str | None


class Flow(NamedTuple):
    """The first packet of a connection as conntrack remembers it. `low` and `high` are the destination port, or ICMP type and code."""

    version: int
    source: Address
    destination: Address
    protocol: int
    low: int
    high: int


def parse(item: RuleItem) -> Rule:
    """Raises ValueError for what cannot be enforced."""
    version = {"IPv4": 4, "IPv6": 6}.get(item.ethertype)
    if version is None or item.direction not in ("ingress", "egress"):
        raise ValueError(f"rule {item.id}: there is no {item.direction!r} {item.ethertype!r}")
    protocol = _protocol(item, version)
    low, high = item.port_min, item.port_max
    if protocol in (ICMP, ICMPV6):
        for number in (low, high):
            if number is not None and not 0 <= number <= 255:
                raise ValueError(f"rule {item.id}: {number} is not an ICMP type or code")
    elif protocol not in WITH_PORTS:
        low = high = None
    elif low is not None or high is not None:
        low, high = low if low is not None else 0, high if high is not None else 65535
        if not 0 <= low <= high <= 65535:
            raise ValueError(f"rule {item.id}: {low}-{high} is not a range of ports")
    remote = ip_network(item.remote_cidr, strict=False) if item.remote_cidr else None
    if remote is not None and remote.version != version:
        raise ValueError(f"rule {item.id}: {remote} is not {item.ethertype}")
    if remote is not None and item.remote_group:
        raise ValueError(f"rule {item.id}: it names a remote group and a remote prefix")
    if remote is not None and remote.prefixlen == 0:
        remote = None
    return Rule(item.direction == "ingress", version, protocol, low, high, remote, item.remote_group)


def _protocol(item: RuleItem, version: int) -> int | None:
    name = (item.protocol or "any").lower()
    if name in _ANY:
        return None
    number = PROTOCOLS.get(name)
    if number is None:
        if not name.isascii() or not name.isdecimal() or int(name) > 255:
            raise ValueError(f"rule {item.id}: there is no protocol {item.protocol!r}")
        number = int(name)
    return ICMPV6 if version == 6 and number == ICMP else number


def group_set(group_id: str, version: int) -> str:
    """Name of the set with the addresses of a remote group."""
    return f"members{version}_{group_id.replace('-', '')}"


def statements(rules: Iterable[Rule], *, ingress: bool, verdict: str = "accept") -> tuple[str, ...]:
    """Nftables statements (family bridge) of what may pass in one direction, rules of one kind drawn together into sets."""
    kinds: dict[tuple[int, int | None, str | None, tuple[int | None, int | None]], dict[Network | None, list[Rule]]] = {}
    for rule in rules:
        if rule.ingress == ingress:
            icmp = (rule.low, rule.high) if rule.protocol in (ICMP, ICMPV6) else (None, None)
            kind = (rule.version, rule.protocol, rule.group, icmp)
            kinds.setdefault(kind, defaultdict(list))[rule.remote].append(rule)
    made = []
    for (version, protocol, group, icmp), by_remote in kinds.items():
        remotes: dict[str, list[Network | None]] = defaultdict(list)
        for remote, alike in by_remote.items():
            remotes[_ports(alike)].append(remote)
        for ports, sources in remotes.items():
            parts = [
                f"ether type {'ip' if version == 4 else 'ip6'}",
                _transport(protocol, icmp),
                ports,
                _far(version, group, sources, ingress),
            ]
            made.append(" ".join([part for part in parts if part] + [verdict]))
    return tuple(sorted(made))


def _ports(rules: list[Rule]) -> str:
    """The union of the rules' ports; "" when one of them takes any."""
    if any(rule.low is None or rule.protocol not in WITH_PORTS for rule in rules):
        return ""
    merged: list[list[int]] = []
    for low, high in sorted((rule.low or 0, rule.high or 0) for rule in rules):
        if merged and low <= merged[-1][1] + 1:
            merged[-1][1] = max(merged[-1][1], high)
        else:
            merged.append([low, high])
    return "th dport { " + ", ".join(str(low) if low == high else f"{low}-{high}" for low, high in merged) + " }"


def _transport(protocol: int | None, icmp: tuple[int | None, int | None]) -> str:
    if protocol is None:
        return ""
    name = "icmp" if protocol == ICMP else "icmpv6"
    kind, code = icmp
    return (
        f"meta l4proto {protocol}"
        + (f" {name} type {kind}" if kind is not None else "")
        + (f" {name} code {code}" if code is not None else "")
    )


def _far(version: int, group: str | None, remotes: list[Network | None], ingress: bool) -> str:
    side = f"{'ip' if version == 4 else 'ip6'} {'saddr' if ingress else 'daddr'}"
    if group is not None:
        return f"{side} @{group_set(group, version)}"
    given = [remote for remote in remotes if remote is not None]
    if len(given) < len(remotes):
        return ""
    return f"{side} {{ {', '.join(str(network) for network in collapse(given))} }}"


def networks(addresses: Iterable[str]) -> list[Network]:
    """Addresses and prefixes as networks."""
    return [ip_network(address, strict=False) for address in addresses]


def collapse(networks: Iterable[Network]) -> list[Network]:
    """The fewest networks of the same addresses, which no longer overlap (one IP version at a time)."""
    return list(collapse_addresses(cast("Iterable[Any]", networks)))


def allows(rules: Iterable[Rule], members: Mapping[str, frozenset[Network]], flow: Flow, *, ingress: bool) -> bool:
    """Whether the rules of a port would let this connection begin now."""
    far = flow.source if ingress else flow.destination
    return any(rule.ingress == ingress and _covers(rule, members, flow, far) for rule in rules)


def _covers(rule: Rule, members: Mapping[str, frozenset[Network]], flow: Flow, far: Address) -> bool:
    if rule.version != flow.version or rule.protocol not in (None, flow.protocol):
        return False
    if rule.protocol in (ICMP, ICMPV6):
        if rule.low not in (None, flow.low) or rule.high not in (None, flow.high):
            return False
    elif rule.low is not None and not rule.low <= flow.low <= (rule.high or 0):
        return False
    if rule.remote is not None and far not in rule.remote:
        return False
    return rule.group is None or any(far in network for network in members.get(rule.group, frozenset()))
