"""Meters of a router: counters in the kernel, one for each label, of what passes between the inside and the outside.

They are read as `nft list counters` in the router's namespace, and go on counting while rules change.
"""

from ipaddress import ip_network

from monostack.agent.network.linux.nftables import Chain, Elements, Table
from monostack.agent.network.linux.settings import TABLE, outside
from monostack.protocol.network import MeterItem, MeterRule, RouterItem

_HOOK = "type filter hook forward priority filter - 10; policy accept;"
_NAME = TABLE + "_meters"  # of its own: it is none of the translation's


def meter(item: MeterItem) -> str:
    return f"meter_{item.id.replace('-', '')}"


def table(router: RouterItem) -> Table:
    """Counts by the addresses of the inside: before a source is translated, and after a destination is."""
    meters = [item for item in router.meters if item.rules] if router.gateway else []
    counters = {meter(item): Elements("counter", "packets 0 bytes 0") for item in meters}
    chains = {f"by_{meter(item)}": Chain(_rules(item, outside(router))) for item in meters}
    hook = Chain(tuple(f"jump by_{meter(item)}" for item in meters), _HOOK)
    return Table("inet", _NAME, counters, {**chains, "metering": hook} if meters else {})


def _rules(item: MeterItem, interfaces: str) -> tuple[str, ...]:
    """What is excluded comes first; a packet is counted once."""
    ordered = sorted(item.rules, key=lambda rule: not rule.excluded)
    count = f'counter name "{meter(item)}" return'
    return tuple(f"{_matches(rule, interfaces)} {'return' if rule.excluded else count}" for rule in ordered)


def _matches(rule: MeterRule, interfaces: str) -> str:
    parts = [f'{"iif" if rule.direction == "ingress" else "oif"}name {interfaces}']
    for side, prefix in (("saddr", rule.source), ("daddr", rule.destination)):
        if prefix is not None:
            network = ip_network(prefix)
            parts.append(f"{'ip' if network.version == 4 else 'ip6'} {side} {network}")
    return " ".join(parts)
