"""What becomes of connections under way when security groups change.

A connection that the rules would not let begin any more is marked in the kernel and refused in both directions from then on;
one that they allow (again) goes on. Only deleting it would not do: the guest's next packet might begin it anew as its own.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from monostack.agent.network.linux import conntrack
from monostack.agent.network.linux.chains import REFUSED
from monostack.agent.network.linux.rules import Address, Flow, Network, Rule, allows

Members = Mapping[str, frozenset[Network]]


@dataclass(frozen=True, slots=True)
class Policy:
    """What decides about the connections of one port. Without `filtered` nothing is refused."""

    zone: int
    addresses: frozenset[Network]
    rules: frozenset[Rule]
    filtered: bool

    def remote_groups(self) -> set[str]:
        return {rule.group for rule in self.rules if rule.group}

    def own(self) -> frozenset[Network]:
        """The single addresses: prefixes of allowed pairs are claimed by many."""
        return frozenset(network for network in self.addresses if network.num_addresses == 1)


@dataclass(slots=True)
class Review:
    """Zones whose connections must be looked at again, and the addresses of ports that are gone."""

    narrowed: set[int] = field(default_factory=set)
    widened: set[int] = field(default_factory=set)
    ended: dict[int, set[Network]] = field(default_factory=lambda: defaultdict(set))


def compare(before: Mapping[str, Policy], members_before: Members, after: Mapping[str, Policy], members: Members) -> Review:
    """What a change of policies by port asks to be reviewed. A port that is new has no connections yet."""
    review = Review()
    smaller = {group for group, known in members_before.items() if not known <= members.get(group, frozenset())}
    larger = {group for group, known in members.items() if not known <= members_before.get(group, frozenset())}
    for port, old in before.items():
        new = after.get(port)
        if new is None or new.zone != old.zone:
            review.ended[old.zone] |= old.own()
            continue
        if gone := old.own() - new.own():
            review.ended[old.zone] |= gone
        groups = new.remote_groups()
        if new.filtered and (not old.filtered or not old.rules <= new.rules or new.addresses != old.addresses or groups & smaller):
            review.narrowed.add(new.zone)
        elif new.rules != old.rules or groups & larger:
            review.widened.add(new.zone)
    return review


def carry_out(review: Review, policies: Iterable[Policy], members: Members, refused: set[int]) -> None:
    """Refuse, or allow again, the connections under review, and forget those of ports that are gone.

    `refused` are the zones with refused connections, and is kept so: only there can a wider policy let something go on.
    """
    judged = review.narrowed | (review.widened & refused)
    zones = judged | review.ended.keys()
    if not zones:
        return
    ports = _Ports(policies)
    found = [entry for entry in conntrack.entries(zone=min(zones) if len(zones) == 1 else None) if entry.zone in zones]
    gone = [entry for entry in found if _concerns(entry.flow, review.ended.get(entry.zone, set()))]
    conntrack.delete(gone)
    ended = set(map(id, gone))
    changes = [
        (entry, mark) for entry in found if entry.zone in judged and id(entry) not in ended for mark in _judge(entry, ports, members)
    ]
    conntrack.mark([(entry, mark) for entry, mark in changes if mark != entry.mark])
    refused -= judged
    refused |= {entry.zone for entry, mark in changes if mark == REFUSED}


def forget_zone(zone: int) -> None:
    """Forget every connection of a zone, so that its number may serve another network."""
    conntrack.delete(conntrack.entries(zone=zone))


def _concerns(flow: Flow, addresses: set[Network]) -> bool:
    return any(end in network for network in addresses for end in (flow.source, flow.destination))


class _Ports:
    """Policies by zone and address. An address may be several ports' (a virtual one that moves between them)."""

    def __init__(self, policies: Iterable[Policy]) -> None:
        self._exact: dict[tuple[int, Address], list[Policy]] = defaultdict(list)
        self._wide: list[tuple[Policy, Network]] = []
        for policy in policies:
            for network in policy.addresses:
                if network.num_addresses == 1:
                    self._exact[policy.zone, network.network_address].append(policy)
                else:
                    self._wide.append((policy, network))

    def of(self, zone: int, address: Address) -> list[Policy]:
        """The policies of the ports that have an address, else of those that may claim it; none: it is nobody's here."""
        exact = self._exact.get((zone, address))
        return exact if exact else [policy for policy, network in self._wide if policy.zone == zone and address in network]


def _judge(entry: conntrack.Entry, ports: _Ports, members: Members) -> Iterator[int]:
    """The mark a connection should bear, unless no port here has to do with it."""
    senders, receivers = ports.of(entry.zone, entry.flow.source), ports.of(entry.zone, entry.flow.destination)
    if senders or receivers:
        allowed = _allowed(senders, members, entry.flow, ingress=False) and _allowed(receivers, members, entry.flow, ingress=True)
        yield REFUSED if not allowed else 0 if entry.mark == REFUSED else entry.mark


def _allowed(policies: list[Policy], members: Members, flow: Flow, *, ingress: bool) -> bool:
    return not policies or any(not policy.filtered or allows(policy.rules, members, flow, ingress=ingress) for policy in policies)
