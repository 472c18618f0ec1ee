"""Security groups: the filter of each guest's port, kept as the items say.

The kernels this runs on need not track connections of bridged packets by themselves (NF_CONNTRACK_BRIDGE). So br_netfilter,
switched on for our bridges only, sends them through the inet hooks too: there each network has its conntrack zone, and what
is known of a packet's connection is written on it as a mark; the bridge table, which sees the ports, decides by that mark.
"""

import json
from typing import Any

from monostack.agent.config import PacketLog
from monostack.agent.network.linux import flows, local_ips, nftables, rules, ruleset
from monostack.agent.network.linux.chains import sources
from monostack.agent.network.linux.nftables import Chain, NftablesError, Table
from monostack.agent.network.linux.settings import TABLE
from monostack.agent.network.linux.state import Desired
from monostack.protocol.network import GroupItem, PortItem

FIRST_ZONE, LAST_ZONE = 0x4000, 0xFFFF  # lower ones may be in use by others; 0 is the host's own, and that of flat networks


class Filters:
    """The filters of one host's ports. Lives in the worker thread, in the host's namespace."""

    def __init__(self, log: PacketLog) -> None:
        self._log = log
        self._zones: dict[str, int] = {}  # by bridge, the name they are found again by in the kernel
        self._installed: list[Table] | None = None
        self._groups: dict[str, tuple[GroupItem, frozenset[rules.Rule], str]] = {}
        self._chains: dict[str, tuple[PortItem, bool, Chain, Chain]] = {}
        self._policies: dict[str, flows.Policy] = {}
        self._policy_cache: dict[str, tuple[tuple[Any, ...], flows.Policy]] = {}
        self._members: dict[str, frozenset[rules.Network]] = {}
        self._refused: set[int] = set()  # zones with connections that were refused
        self._reviewed = False  # whether the connections under way are known to be as the policies above allow

    def sync(self, desired: Desired, bridges: dict[str, str], masqueraded: dict[str, str], *, anew: bool) -> dict[str, str]:
        """Bring the tables and the connections under way to the items. Returns errors by key.

        `bridges` are the networks' by id, `masqueraded` see ruleset.tracking. `anew` writes the tables whatever is there. One
        transaction changes everything; raises NftablesError, having changed nothing, when the kernel does not take it.
        """
        if self._installed is None:
            self._zones = _zones_in_kernel()
        ended = self._number(desired, bridges)
        errors = self._read_groups(desired)
        for cache in (self._chains, self._policy_cache):
            for port in cache.keys() - desired.ports.keys():
                del cache[port]
        of_group = {group: known[1] for group, known in self._groups.items()}
        tables = [
            ruleset.tracking(bridges, self._zones, masqueraded),
            ruleset.filtering(desired, of_group, self._chains, self._log),
            local_ips.table(desired),
        ]
        self._install(tables, anew=anew)
        for zone in ended:
            flows.forget_zone(zone)
        self._review(desired, bridges)
        return errors

    def _install(self, tables: list[Table], *, anew: bool) -> None:
        if self._installed is not None and not anew:
            commands = [nftables.change(old, new) for old, new in zip(self._installed, tables, strict=True)]
        else:
            commands = [nftables.replace(table) for table in tables]
        text = "\n".join(command for command in commands if command)
        if text:
            try:
                nftables.run(text)
            except NftablesError:
                if self._installed is None or anew:
                    raise
                # Somebody else changed our tables: put them right as a whole.
                nftables.run("\n".join(nftables.replace(table) for table in tables))
        self._installed = tables

    def _number(self, desired: Desired, bridges: dict[str, str]) -> list[int]:
        """Give each tenant network a zone of its own; returns those that are no longer used."""
        wanted = {bridges[network.id] for network in desired.networks.values() if network.kind == "tenant" and network.id in bridges}
        ended = [self._zones.pop(bridge) for bridge in [*self._zones] if bridge not in wanted]
        taken = {*self._zones.values(), *ended}
        free = (zone for zone in range(FIRST_ZONE, LAST_ZONE + 1) if zone not in taken)
        for bridge in sorted(wanted - self._zones.keys()):
            self._zones[bridge] = next(free)
        return ended

    def _read_groups(self, desired: Desired) -> dict[str, str]:
        """A rule that cannot be enforced is left out, which allows less, and is an error of its group."""
        known = {}
        for identifier, group in desired.groups.items():
            before = self._groups.get(identifier)
            known[identifier] = before if before is not None and before[0] is group else (group, *_read(group))
        self._groups = known
        return {f"group/{identifier}": wrong for identifier, (_, _, wrong) in known.items() if wrong}

    def _review(self, desired: Desired, bridges: dict[str, str]) -> None:
        policies = {port.id: self._policy(port, desired, bridges) for port in desired.ports.values() if port.tap}
        members = ruleset.members(desired)
        if self._reviewed:
            review = flows.compare(self._policies, self._members, policies, members)
        else:
            # Rules may have been removed while no agent ran.
            review = flows.Review(narrowed={policy.zone for policy in policies.values()})
        flows.carry_out(review, policies.values(), members, self._refused)
        self._policies, self._members, self._reviewed = policies, members, True

    def _policy(self, port: PortItem, desired: Desired, bridges: dict[str, str]) -> flows.Policy:
        zone = self._zones.get(bridges.get(port.network_id, ""), 0)
        filtered = port.port_security and ruleset.is_stateful(port, desired)
        allowed = [self._groups[group][1] for group in port.groups if group in self._groups]
        made_of = (port, zone, filtered, allowed)
        cached = self._policy_cache.get(port.id)
        if cached is None or any(old is not new and old != new for old, new in zip(cached[0], made_of, strict=True)):
            addresses = frozenset(rules.networks(network for pairs in sources(port).values() for _, network in pairs))
            cached = self._policy_cache[port.id] = (made_of, flows.Policy(zone, addresses, frozenset().union(*allowed), filtered))
        return cached[1]


def _read(group: GroupItem) -> tuple[frozenset[rules.Rule], str]:
    good, wrong = set(), []
    for item in group.rules:
        try:
            good.add(rules.parse(item))
        except ValueError as error:
            wrong.append(str(error))
    return frozenset(good), "; ".join(wrong)


def _zones_in_kernel() -> dict[str, int]:
    """The zones an earlier process gave: connections under way are known by them."""
    try:
        listing = json.loads(nftables.run(f"list map inet {TABLE} zones", json=True))
    except NftablesError:
        return {}  # there is no such table: the first start since the machine booted
    elements = next((item["map"].get("elem", []) for item in listing["nftables"] if "map" in item), [])
    return {bridge: int(zone) for bridge, zone in elements}


def remove() -> None:
    """Remove the tables, whoever made them."""
    ours = (("inet", TABLE), ("bridge", TABLE), ("bridge", local_ips.NAME))
    nftables.run("\n".join(nftables.remove(family, name) for family, name in ours))
