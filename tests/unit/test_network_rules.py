"""Security group rules: read, rendered, and asked about a connection."""

from ipaddress import ip_address, ip_network

import pytest

from monostack.agent.network.linux import chains, flows, rules
from monostack.agent.network.linux.rules import Flow, Rule, allows, parse, statements
from monostack.protocol.network import FixedIP, PortItem, RuleItem


def read(**changes: object) -> Rule:
    return parse(RuleItem(**{"id": "r", "direction": "ingress", "ethertype": "IPv4", **changes}))


def rendered(*items: Rule) -> list[str]:
    return list(statements(items, ingress=True))


@pytest.mark.parametrize(
    ("item", "statement"),
    [
        ({}, "ether type ip accept"),
        ({"protocol": "any"}, "ether type ip accept"),
        ({"protocol": "0", "ethertype": "IPv6"}, "ether type ip6 accept"),
        ({"protocol": "tcp"}, "ether type ip meta l4proto 6 accept"),
        ({"protocol": "TCP", "port_min": 22, "port_max": 22}, "ether type ip meta l4proto 6 th dport { 22 } accept"),
        ({"protocol": "17", "port_min": 5, "port_max": 9}, "ether type ip meta l4proto 17 th dport { 5-9 } accept"),
        ({"protocol": "sctp", "port_min": 7}, "ether type ip meta l4proto 132 th dport { 7-65535 } accept"),
        ({"protocol": "47", "port_min": 5, "port_max": 9}, "ether type ip meta l4proto 47 accept"),
        ({"protocol": "icmp"}, "ether type ip meta l4proto 1 accept"),
        ({"protocol": "icmp", "port_min": 8}, "ether type ip meta l4proto 1 icmp type 8 accept"),
        ({"protocol": "icmp", "port_min": 3, "port_max": 0}, "ether type ip meta l4proto 1 icmp type 3 icmp code 0 accept"),
        (
            {"protocol": "icmp", "ethertype": "IPv6", "port_min": 128},
            "ether type ip6 meta l4proto 58 icmpv6 type 128 accept",
        ),
        ({"protocol": "ipv6-icmp", "ethertype": "IPv6"}, "ether type ip6 meta l4proto 58 accept"),
        ({"remote_cidr": "0.0.0.0/0"}, "ether type ip accept"),
        ({"remote_cidr": "10.0.0.5/24"}, "ether type ip ip saddr { 10.0.0.0/24 } accept"),
        ({"remote_group": "a-b"}, "ether type ip ip saddr @members4_ab accept"),
    ],
)
def test_one_rule(item: dict[str, object], statement: str) -> None:
    assert rendered(read(**item)) == [statement]


@pytest.mark.parametrize(
    "item",
    [
        {"direction": "sideways"},
        {"ethertype": "ARP"},
        {"protocol": "nonsense"},
        {"protocol": "256"},
        {"protocol": "-5"},
        {"protocol": "tcp", "port_min": 10, "port_max": 9},
        {"protocol": "tcp", "port_min": 1, "port_max": 65536},
        {"protocol": "icmp", "port_min": 256},
        {"remote_cidr": "2001:db8::/32"},
        {"remote_cidr": "10.0.0.0/33"},
        {"remote_cidr": "10.0.0.0/8", "remote_group": "g"},
    ],
)
def test_what_cannot_be_enforced(item: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        read(**item)


def test_rules_of_one_kind_become_one_statement() -> None:
    many = [read(protocol="tcp", port_min=n, port_max=n, remote_cidr=f"10.0.{n}.0/24") for n in (1, 2)]
    alike = [read(protocol="tcp", port_min=80, port_max=80, remote_cidr=f"10.1.{n}.0/24") for n in range(256)]
    anybody = [read(protocol="udp", port_min=n, port_max=n + 5) for n in (1, 4, 10, 30)]
    assert rendered(*many, *alike, *anybody) == [
        "ether type ip meta l4proto 17 th dport { 1-15, 30-35 } accept",
        "ether type ip meta l4proto 6 th dport { 1 } ip saddr { 10.0.1.0/24 } accept",
        "ether type ip meta l4proto 6 th dport { 2 } ip saddr { 10.0.2.0/24 } accept",
        "ether type ip meta l4proto 6 th dport { 80 } ip saddr { 10.1.0.0/16 } accept",
    ]
    # Anybody is wider than any prefix: the kernel refuses sets with overlaps.
    assert rendered(read(remote_cidr="10.0.0.0/8"), read()) == ["ether type ip accept"]
    assert statements([read()], ingress=False) == ()


def flow(source: str, destination: str = "10.0.0.1", protocol: int = 6, low: int = 80, high: int | None = None) -> Flow:
    return Flow(ip_address(source).version, ip_address(source), ip_address(destination), protocol, low, low if high is None else high)


def test_whether_a_connection_may_begin() -> None:
    web = [read(protocol="tcp", port_min=80, port_max=90, remote_cidr="10.9.0.0/16")]
    assert allows(web, {}, flow("10.9.1.1"), ingress=True)
    assert not allows(web, {}, flow("10.9.1.1"), ingress=False)
    assert not allows(web, {}, flow("10.8.1.1"), ingress=True)
    assert not allows(web, {}, flow("10.9.1.1", low=91), ingress=True)
    assert not allows(web, {}, flow("10.9.1.1", protocol=17), ingress=True)
    assert not allows([read()], {}, flow("2001:db8::1", "2001:db8::2"), ingress=True)
    outward = [read(direction="egress", remote_cidr="10.9.0.0/16")]
    assert allows(outward, {}, flow("10.0.0.1", "10.9.0.1"), ingress=False)
    assert not allows(outward, {}, flow("10.9.0.1", "10.0.0.1"), ingress=False)
    echo = [read(protocol="icmp", port_min=8, port_max=0)]
    assert allows(echo, {}, flow("10.9.0.1", protocol=1, low=8, high=0), ingress=True)
    assert not allows(echo, {}, flow("10.9.0.1", protocol=1, low=8, high=1), ingress=True)
    friends = [read(remote_group="g")]
    assert allows(friends, {"g": frozenset({ip_network("10.9.0.0/31")})}, flow("10.9.0.1"), ingress=True)
    assert not allows(friends, {"g": frozenset({ip_network("10.9.0.0/31")})}, flow("10.9.0.2"), ingress=True)
    assert not allows(friends, {}, flow("10.9.0.1"), ingress=True)


def policy(*held: Rule, zone: int = 1, address: str = "10.0.0.1/32", filtered: bool = True) -> flows.Policy:
    return flows.Policy(zone, frozenset({ip_network(address)}), frozenset(held), filtered)


def test_which_connections_are_looked_at_again() -> None:
    wide, narrow, friends = read(), read(protocol="tcp"), read(remote_group="g")
    some, more = {"g": frozenset({ip_network("10.9.0.1")})}, {"g": frozenset({ip_network("10.9.0.1"), ip_network("10.9.0.2")})}

    def review(
        before: flows.Policy, after: flows.Policy | None, members: flows.Members = some, later: flows.Members = some
    ) -> flows.Review:
        return flows.compare({"p": before}, members, {"p": after} if after else {}, later)

    assert review(policy(wide, narrow), policy(wide)).narrowed == {1}
    assert review(policy(wide), policy(wide, narrow)) == flows.Review(widened={1})
    assert review(policy(wide), policy(wide)) == flows.Review()
    assert review(policy(friends), policy(friends), more, some).narrowed == {1}
    assert review(policy(friends), policy(friends), some, more) == flows.Review(widened={1})
    assert review(policy(wide), policy(wide), more, some) == flows.Review(), "nobody here asks about that group"
    assert review(policy(filtered=False), policy()).narrowed == {1}
    assert review(policy(), None).ended == {1: {ip_network("10.0.0.1")}}
    moved = review(policy(), policy(address="10.0.0.2/32"))
    assert moved.narrowed == {1}
    assert moved.ended == {1: {ip_network("10.0.0.1")}}
    assert review(policy(address="10.0.0.0/8"), None).ended[1] == set(), "a prefix is claimed by many"


def test_who_a_guest_may_be() -> None:
    pairs = [{"ip_address": "10.0.0.0/24", "mac_address": "FA:16:3E:00:00:01"}, {"ip_address": "10.9.0.1"}, {"ip_address": "::/0"}]
    port = PortItem("p", "n", "fa:16:3e:00:00:01", [FixedIP("s", "10.0.0.5")], None, True, True, [], pairs, None, "")
    found = chains.sources(port)
    # The kernel refuses overlaps: an address in an allowed prefix goes with it.
    assert found[4] == [("fa:16:3e:00:00:01", "10.0.0.0/24"), ("fa:16:3e:00:00:01", "10.9.0.1/32")]
    assert found[6] == [("fa:16:3e:00:00:01", "::/0")]
    assert chains.link_local("fa:16:3e:00:00:01") == "fe80::f816:3eff:fe00:1"
    assert rules.networks(["10.0.0.5/24"]) == [ip_network("10.0.0.0/24")]
