"""The two chains of a guest's port: what may leave the guest and what may reach it.

Who may claim which address, and the little that needs no rule (DHCP, neighbour discovery), is as Neutron has it.
"""

from collections.abc import Iterable
from ipaddress import IPv6Address, ip_network
from typing import Any

from monostack.protocol.network import Limit, PortItem

# Marks on a packet, set from what connection tracking knows (the bridge family has no `ct` on kernels without NF_CONNTRACK_BRIDGE).
ESTABLISHED = 0x4D530001
REFUSED = (
    0x4D530002  # of no known connection though it should be, or of one that a removed rule had allowed; also a mark on such a connection
)
CALLED = 0x4C000000  # with the end of a local IP: whose connection began by calling that; also a mark on the connection (local_ips)
IS_CALLED = f"& 0xff000000 == {CALLED:#x}"

INGRESS, EGRESS = "in", "out"
ACCEPT, DROP = "ACCEPT", "DROP"  # what becomes of a packet that is logged


def chain_name(identifier: str, direction: str, prefix: str = "port") -> str:
    return f"{prefix}_{identifier.replace('-', '')}_{direction}"


def logged_chain(port: PortItem, action: str) -> str:
    """Where a packet of the port goes to be logged and then accepted, or dropped (packet_logs)."""
    return chain_name(port.id, action.lower(), "logged")


def logged_groups(port: PortItem) -> list[str]:
    """The groups of the port whose accepted packets are logged."""
    return [group for group in port.groups if any(log.accepted and log.group in (None, group) for log in port.logs)]


def group_chain(port: PortItem, group: str, direction: str) -> str:
    """Where the port asks a group: a copy of its own where that logs."""
    return chain_name(f"{port.id}_{group}", direction, "logged") if group in logged_groups(port) else chain_name(group, direction, "group")


def _refusal(port: PortItem) -> str:
    """The verdict on what the port may not have."""
    return f"goto {logged_chain(port, DROP)}" if any(log.dropped for log in port.logs) else "drop"


def link_local(mac: str) -> str:
    """The address a guest makes from its MAC (RFC 4291, appendix A)."""
    octets = bytes.fromhex(mac.replace(":", ""))
    return str(IPv6Address(b"\xfe\x80" + bytes(6) + bytes([octets[0] ^ 2]) + octets[1:3] + b"\xff\xfe" + octets[3:]))


def sources(port: PortItem) -> dict[int, list[tuple[str, str]]]:
    """The pairs of MAC and network a guest may send from, by IP version."""
    pairs = [(port.mac.lower(), fixed.ip_address) for fixed in port.fixed_ips]
    pairs += [((pair.get("mac_address") or port.mac).lower(), pair["ip_address"]) for pair in port.allowed_pairs]
    found: dict[int, dict[tuple[str, str], None]] = {4: {}, 6: {}}
    for mac, address in pairs:
        network = ip_network(address, strict=False)
        found[network.version][mac, str(network)] = None
    for mac in macs(port):
        found[6][mac, f"{link_local(mac)}/128"] = None
    return {version: _disjoint(list(known)) for version, known in found.items()}


def _disjoint(pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Without pairs that another one includes: the kernel refuses overlapping elements."""
    networks: list[tuple[str, Any]] = [(mac, ip_network(network)) for mac, network in pairs]
    return [
        (mac, str(network))
        for mac, network in networks
        if not any(mac == other and network != wider and network.subnet_of(wider) for other, wider in networks)
    ]


def macs(port: PortItem) -> list[str]:
    return list(dict.fromkeys([port.mac.lower(), *((pair.get("mac_address") or port.mac).lower() for pair in port.allowed_pairs)]))


def _set(values: Iterable[str]) -> str:
    return "{ " + ", ".join(values) + " }"


def _pairs(pairs: list[tuple[str, str]]) -> str:
    return _set(f"{mac} . {network.removesuffix('/32').removesuffix('/128')}" for mac, network in pairs)


def _may_send(port: PortItem) -> list[str]:
    """Anti-spoofing. A port without addresses is held to its MAC only."""
    allowed, own = sources(port), _set(macs(port))
    spoofed = [f"ether saddr != {own} drop"]
    if not port.fixed_ips:
        return [
            *spoofed,
            f"ether type arp arp saddr ether {own} accept",
            "ether type arp drop",
            "ether type != { ip, ip6 } drop",
            *_nobody(),
        ]
    if allowed[4]:
        spoofed.append(f"ether type arp arp saddr ether . arp saddr ip {_pairs(allowed[4])} accept")
    # A probe claims nothing (RFC 5227): it asks whether somebody else has the address.
    spoofed.append(f"ether type arp arp operation request arp saddr ip 0.0.0.0 arp saddr ether {own} accept")
    spoofed += ["ether type arp drop", "ether type != { ip, ip6 } drop", *_nobody()]
    spoofed.append(f"ether type ip ether saddr . ip saddr != {_pairs(allowed[4])} drop" if allowed[4] else "ether type ip drop")
    spoofed.append(f"ether type ip6 ether saddr . ip6 saddr != {_pairs(allowed[6])} drop")
    advertised = [ip_network(network) for _, network in allowed[6]]
    ranges = _set(
        f"{int(net.network_address):#034x}" + ("" if net.num_addresses == 1 else f"-{int(net.broadcast_address):#034x}")
        for net in advertised
    )
    # The target of a neighbour advertisement, 8 octets into it, is the address being claimed.
    spoofed.append(f"icmpv6 type nd-neighbor-advert @th,64,128 != {ranges} drop")
    return spoofed


def _nobody() -> list[str]:
    """What a guest sends before it has an address."""
    return [
        "ip saddr 0.0.0.0 ip daddr 255.255.255.255 udp sport 68 udp dport 67 accept",
        "ip6 saddr :: ip6 daddr ff02::/16 icmpv6 type { mld-listener-report, nd-neighbor-solicit, mld2-listener-report } accept",
    ]


def _decided(port: PortItem, direction: str, *, stateful: bool) -> list[str]:
    refused = _refusal(port)
    marks = [f"{ESTABLISHED:#x} accept", f"{REFUSED:#x} {refused}", f"{IS_CALLED} accept"] if stateful else []
    known = [f"meta mark {mark}" for mark in marks]
    return [*known, *(f"jump {group_chain(port, group, direction)}" for group in port.groups), refused]


def limited(limit: Limit) -> list[str]:
    """Packets beyond the limit are dropped. Bits are shaped where the port is plugged in (shaping)."""
    burst = f" burst {limit.burst_kp * 1000} packets" if limit.burst_kp else ""
    return [f"limit rate over {limit.kpps * 1000}/second{burst} drop"] if limit.kpps else []


def governed(port: PortItem, direction: str) -> list[str]:
    """What the port's QoS policy says of its packets."""
    if port.qos is None:
        return []
    if direction == INGRESS:
        return limited(port.qos.ingress)
    marks = [f"ether type {ip} {ip} dscp set {port.qos.dscp}" for ip in ("ip", "ip6")] if port.qos.dscp is not None else []
    return [*limited(port.qos.egress), *marks]


def from_guest(port: PortItem, *, stateful: bool) -> tuple[str, ...]:
    """Raises ValueError for an address that is none."""
    return (
        *governed(port, EGRESS),
        *(rule.removesuffix("drop") + _refusal(port) if rule.endswith(" drop") else rule for rule in _may_send(port)),
        "ether type ip udp sport 67 udp dport 68 drop",
        "ether type ip6 udp sport 547 udp dport 546 drop",
        "icmpv6 type nd-router-advert drop",
        "ether type ip udp sport 68 udp dport 67 accept",
        "ether type ip6 udp sport 546 udp dport 547 accept",
        "icmpv6 type { mld-listener-query, mld-listener-report, mld-listener-done, mld2-listener-report } accept",
        "icmpv6 type { nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert } accept",
        *_decided(port, EGRESS, stateful=stateful),
    )


def to_guest(port: PortItem, *, stateful: bool) -> tuple[str, ...]:
    return (
        *governed(port, INGRESS),
        # A bridge floods what it does not know the place of; that is for its addressee only.
        f"ether daddr & 01:00:00:00:00:00 == 00:00:00:00:00:00 ether daddr != {_set(macs(port))} drop",
        "ether type arp accept",
        "ether type != { ip, ip6 } drop",
        "ether type ip udp sport 67 udp dport 68 accept",
        "ether type ip6 udp sport 547 udp dport 546 accept",
        "icmpv6 type { mld-listener-query, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert } accept",
        *_decided(port, INGRESS, stateful=stateful),
    )
