"""The two tables that filter guests' ports, made from the items."""

from collections.abc import Mapping

from monostack.agent.config import PacketLog
from monostack.agent.network.linux import packet_logs, rules
from monostack.agent.network.linux.chains import (
    EGRESS,
    ESTABLISHED,
    INGRESS,
    IS_CALLED,
    REFUSED,
    chain_name,
    from_guest,
    governed,
    to_guest,
)
from monostack.agent.network.linux.nftables import Chain, Elements, Table
from monostack.agent.network.linux.settings import DHCP_PORT, ROUTER_PORT, TABLE, TAP, short
from monostack.agent.network.linux.state import Desired
from monostack.protocol.network import PortItem

Rules = Mapping[str, frozenset[rules.Rule]]


def tracking(bridges: Mapping[str, str], zones: Mapping[str, int], masqueraded: Mapping[str, str]) -> Table:
    """Which zone a bridge's connections are in, and what is known of a packet's connection, as a mark on the packet.

    Packets come here bridged (in and out is the bridge), routed by the host onto a bridge, or from the host itself.
    `masqueraded` are external bridges with the prefix behind the host's address: what is there reaches everything, and is
    reached from elsewhere by answers only, and by what the host's administrator forwards there.
    """
    seen = (
        f"ct mark {REFUSED:#x} meta mark set {REFUSED:#x} return",
        f"meta mark {IS_CALLED} ct state new ct mark set meta mark",
        f"meta mark {IS_CALLED} meta mark set 0",
        f"ct direction reply ct mark {IS_CALLED} meta mark set ct mark return",
        f"ct state established,related meta mark set {ESTABLISHED:#x} return",
        f"ct state invalid meta mark set {REFUSED:#x}",
    )
    hook = "type filter hook {} priority mangle; policy accept;"
    leaving = tuple(
        f'iifname "{bridge}" oifname != @bridges ip saddr {prefix} masquerade' for bridge, prefix in sorted(masqueraded.items())
    )
    crossing = tuple(
        f'oifname "{bridge}" iifname != @bridges ct state != {{ established, related }} ct status & dnat == 0 drop'
        for bridge in sorted(masqueraded)
    )
    return Table(
        "inet",
        TABLE,
        {
            "zones": Elements("map", "typeof iifname : ct zone;", {f'"{bridge}"': str(zone) for bridge, zone in sorted(zones.items())}),
            "bridges": Elements("set", "type ifname;", {f'"{bridge}"': None for bridge in sorted(bridges.values())}),
        },
        {
            "zone": Chain(("ct zone set iifname map @zones",), "type filter hook prerouting priority raw; policy accept;"),
            "seen": Chain(seen),
            "arriving": Chain(("iifname @bridges jump seen",), hook.format("prerouting")),
            "routed": Chain(("iifname != @bridges oifname @bridges jump seen",), hook.format("forward")),
            "sent": Chain(("oifname @bridges jump seen",), hook.format("output")),
            "crossing": Chain(crossing, "type filter hook forward priority filter; policy accept;"),
            "leaving": Chain(leaving, "type nat hook postrouting priority srcnat; policy accept;"),
        },
    )


def filtering(desired: Desired, rules_of: Rules, cache: dict[str, tuple[PortItem, bool, Chain, Chain]], log: PacketLog) -> Table:
    """The chains of ports and groups. What the frame of the table lets through in the end is only what a port's chain let through:
    an interface named like a guest's, but not known, is cut off. `cache` holds a port's chains as long as its item is the same. `log`
    bounds what is logged of packets.
    """
    made: dict[str, Chain] = {}
    verdicts: dict[str, tuple[str, str]] = {}
    groups: set[str] = set()
    for port in desired.ports.values():
        if port.tap is None:
            continue
        if port.port_security:
            stateful = is_stateful(port, desired)
            known = cache.get(port.id)
            if known is None or known[0] is not port or known[1] != stateful:
                known = cache[port.id] = (
                    port,
                    stateful,
                    Chain(from_guest(port, stateful=stateful)),
                    Chain(to_guest(port, stateful=stateful)),
                )
            names = chain_name(port.id, EGRESS), chain_name(port.id, INGRESS)
            made |= {names[0]: known[2], names[1]: known[3]}
            verdicts[port.tap] = f"jump {names[0]}", f"jump {names[1]}"
            groups |= set(port.groups)
            made |= packet_logs.chains(port, rules_of) if port.logs else {}
        else:
            verdicts[port.tap] = _open(port, EGRESS, made), _open(port, INGRESS, made)
    sets: dict[str, Elements] = {}
    for group in sorted(groups):
        known_rules = rules_of.get(group, frozenset())
        made[chain_name(group, EGRESS, "group")] = Chain(rules.statements(known_rules, ingress=False))
        made[chain_name(group, INGRESS, "group")] = Chain(rules.statements(known_rules, ingress=True))
        for remote in {rule.group for rule in known_rules if rule.group}:
            sets |= _member_sets(remote, desired)
    limits = packet_logs.limit(log) if any(port.logs for port in desired.ports.values()) else {}
    return Table("bridge", TABLE, {**limits, **sets, **_ports(desired, verdicts)}, {**made, **_FRAME})


def _open(port: PortItem, direction: str, made: dict[str, Chain]) -> str:
    """The verdict on a port that nothing but its QoS policy holds."""
    rules = governed(port, direction)
    if not rules:
        return "accept"
    name = chain_name(port.id, direction)
    made[name] = Chain((*rules, "accept"))
    return f"jump {name}"


_FRAME = {
    # After br_netfilter (priority 0) sent the packet through the inet hooks, so that its mark is there.
    "guest_sends": Chain(("iifname vmap @sends", f'iifname "{TAP}*" drop'), "type filter hook prerouting priority 100; policy accept;"),
    "guest_receives": Chain(("oifname vmap @receives", f'oifname "{TAP}*" drop'), "type filter hook forward priority 100; policy accept;"),
    "host_sends": Chain(("oifname vmap @receives", f'oifname "{TAP}*" drop'), "type filter hook output priority 100; policy accept;"),
    # The host has no business in a tenant's network: it answers nothing there, and routes nothing out of it.
    "host_receives": Chain(
        ("iifname @external accept", *(f'iifname "{prefix}*" drop' for prefix in (TAP, DHCP_PORT, ROUTER_PORT))),
        "type filter hook input priority 100; policy accept;",
    ),
}


def _ports(desired: Desired, verdicts: Mapping[str, tuple[str, str]]) -> dict[str, Elements]:
    return {
        "sends": Elements("map", "type ifname : verdict;", {f'"{tap}"': sends for tap, (sends, _) in sorted(verdicts.items())}),
        "receives": Elements("map", "type ifname : verdict;", {f'"{tap}"': receives for tap, (_, receives) in sorted(verdicts.items())}),
        "external": Elements("set", "type ifname;", {f'"{name}"': None for name in sorted(_external_ports(desired))}),
    }


def _external_ports(desired: Desired) -> set[str]:
    """Everything plugged into bridges of flat networks: these are the host's networks too."""
    flat = {network.id for network in desired.networks.values() if network.kind == "flat"}
    plugged = {port.tap for port in desired.ports.values() if port.tap and port.network_id in flat}
    plugged |= {DHCP_PORT + short(network) for network in flat}
    for router in desired.routers.values():
        plugged |= {ROUTER_PORT + short(end.port_id) for end in router.ends if end.network_id in flat}
    return plugged


def is_stateful(port: PortItem, desired: Desired) -> bool:
    """A port's groups are all stateful or all stateless: the API refuses a mixture."""
    known = [desired.groups[group] for group in port.groups if group in desired.groups]
    return not known or any(group.stateful for group in known)


def members(desired: Desired) -> dict[str, frozenset[rules.Network]]:
    """The addresses of each remote group."""
    return {identifier: frozenset(rules.networks(item.addresses)) for identifier, item in desired.members.items()}


def _member_sets(group: str, desired: Desired) -> dict[str, Elements]:
    item = desired.members.get(group)
    networks = rules.networks(item.addresses) if item else []
    return {
        rules.group_set(group, version): Elements(
            "set",
            f"type ipv{version}_addr; flags interval;",
            {str(net): None for net in rules.collapse(net for net in networks if net.version == version)},
        )
        for version in (4, 6)
    }
