"""Security groups, enforced: between guests on one bridge, in both directions, also for connections under way."""

import socket
from typing import Any

import pytest
from network_lab import ABSENCE, PATIENCE, Lab, Node, group, items, lab, network, port, rule, waits_for

from monostack.agent.network.linux import sysctl

__all__ = ["lab"]
pytestmark = pytest.mark.host

SSH = {"protocol": "tcp", "port_min": 22, "port_max": 22}
A, B, C = "10.10.0.11", "10.10.0.12", "10.10.0.13"


class Pair:
    """Two guests on one network: `a` in no group that matters, `b` behind the group under test."""

    def __init__(self, lab: Lab, *rules: dict[str, Any], **changes: Any) -> None:
        self.lab = lab
        self.net = network()
        self.open, self.group = group(rule(), rule(ethertype="IPv6")), group(*rules, **changes)
        self.ports = [port(self.net, A, groups=[self.open["id"]]), port(self.net, B, groups=[self.group["id"]])]
        self.a, self.b = (lab.guest(made) for made in self.ports)
        self.a.address(A + "/24")
        self.b.address(B + "/24")
        lab.apply(items(network=[self.net], group=[self.open, self.group], port=self.ports))

    def set_rules(self, *rules: dict[str, Any]) -> None:
        self.group["rules"] = [*self.group["rules"][:2], *rules]
        self.lab.apply(items(group=[self.group]))


def established(caller: Node, called: Node, address: str, number: int) -> tuple[socket.socket, socket.socket]:
    with called.listen(number) as listening:
        here = caller.connect(address, number)
        there, _ = listening.accept()
    return here, there


def passes(sender: socket.socket, receiver: socket.socket) -> bool:
    """Whether what is sent arrives, however long it takes on a busy machine."""
    return arrives(sender, receiver, PATIENCE)


def cut(sender: socket.socket, receiver: socket.socket) -> bool:
    """Whether nothing that is sent arrives."""
    return not arrives(sender, receiver, ABSENCE)


def arrives(sender: socket.socket, receiver: socket.socket, within: float) -> bool:
    receiver.settimeout(within)
    sender.send(b"x")
    try:
        return receiver.recv(16) != b""
    except TimeoutError:
        return False


def test_what_no_rule_allows_is_blocked_and_what_one_allows_passes(lab: Lab) -> None:
    pair = Pair(lab)
    with pair.b.listen(22), pair.b.listen(80), pair.a.listen(80):
        assert pair.a.is_kept_from(B, 22)
        assert pair.a.pings_in_vain(B)
        # Outward everything goes, and answers come back though nothing may come in.
        assert pair.b.reaches(A, 80)
        assert pair.b.pings(A)
        pair.set_rules(rule(**SSH))
        assert pair.a.reaches(B, 22)
        assert pair.a.is_kept_from(B, 80)
        assert pair.a.pings_in_vain(B)


def test_a_guest_without_egress_rules_says_nothing(lab: Lab) -> None:
    pair = Pair(lab, rule(**SSH))
    pair.group["rules"] = [pair.group["rules"][2]]
    lab.apply(items(group=[pair.group]))
    with pair.a.listen(80), pair.b.listen(22):
        assert pair.b.is_kept_from(A, 80)
        assert pair.b.pings_in_vain(A)
        assert pair.a.reaches(B, 22), "answers to what may come in go out"


def test_removing_a_rule_cuts_what_it_alone_allowed(lab: Lab) -> None:
    pair = Pair(lab, rule(**SSH), rule(protocol="tcp", port_min=80, port_max=81))
    ssh_a, ssh_b = established(pair.a, pair.b, B, 22)
    web_a, web_b = established(pair.a, pair.b, B, 80)
    out_b, out_a = established(pair.b, pair.a, A, 80)
    assert passes(ssh_a, ssh_b) and passes(ssh_b, ssh_a)
    # The web's connection is allowed by another rule than before: it goes on.
    pair.set_rules(rule(protocol="tcp", port_min=80, port_max=80, remote_cidr=A + "/32"))
    assert cut(ssh_a, ssh_b)
    assert cut(ssh_b, ssh_a), "the guest's own packets must not make it a connection of the guest's"
    assert passes(web_a, web_b) and passes(web_b, web_a)
    assert passes(out_b, out_a) and passes(out_a, out_b)
    # Allowed again before TCP gave up, it goes on.
    pair.set_rules(rule(**SSH), rule(protocol="tcp", port_min=80, port_max=80))
    ssh_b.settimeout(PATIENCE)
    assert ssh_b.recv(16)


def test_removing_a_rule_cuts_datagrams_and_echoes(lab: Lab) -> None:
    pair = Pair(lab, rule(protocol="udp"), rule(protocol="icmp"))
    with pair.b.listen(5000, B, socket.SOCK_DGRAM) as there, pair.a.open(kind=socket.SOCK_DGRAM) as here:
        here.connect((B, 5000))
        here.settimeout(PATIENCE)
        there.settimeout(PATIENCE)
        here.send(b"x")
        _, back = there.recvfrom(16)
        there.sendto(b"y", back)
        assert here.recv(16) == b"y"
        assert pair.a.pings(B)
        pair.set_rules()
        here.settimeout(ABSENCE)
        there.settimeout(ABSENCE)
        here.send(b"x")
        with pytest.raises(TimeoutError):
            there.recv(16)
        there.sendto(b"y", back)
        with pytest.raises(TimeoutError):
            here.recv(16)
        assert pair.a.pings_in_vain(B)


def test_leaving_a_group_or_a_remote_group_cuts_too(lab: Lab) -> None:
    pair = Pair(lab)
    friends = group()
    pair.set_rules(rule(protocol="tcp", remote_group=friends["id"]))
    members = {"id": friends["id"], "addresses": [A, "10.99.0.0/16"]}
    lab.apply(items(group=[friends], members=[members]))
    a, b = established(pair.a, pair.b, B, 22)
    assert passes(a, b)
    lab.apply(items(members=[{**members, "addresses": ["10.99.0.0/16"]}]))
    assert cut(a, b) and cut(b, a)
    lab.apply(items(members=[members]))
    c, d = established(pair.a, pair.b, B, 23)
    assert passes(c, d)
    lab.apply(items(port=[{**pair.ports[1], "groups": []}]))
    assert cut(c, d) and cut(d, c)


def test_a_remote_group_lets_its_members_in_and_nobody_else(lab: Lab) -> None:
    pair = Pair(lab)
    stranger = port(pair.net, C, groups=[pair.open["id"]])
    c = lab.guest(stranger)
    c.address(C + "/24")
    lab.apply(items(port=[stranger], members=[{"id": pair.open["id"], "addresses": [A]}]))
    pair.set_rules(rule(protocol="tcp", port_min=80, port_max=90, remote_group=pair.open["id"]))
    with pair.b.listen(85):
        assert pair.a.reaches(B, 85)
        assert c.is_kept_from(B, 85)
        lab.apply(items(members=[{"id": pair.open["id"], "addresses": [A, C]}]))
        assert c.reaches(B, 85)


def test_prefixes_ranges_and_many_rules(lab: Lab) -> None:
    many = [
        rule(protocol="tcp", port_min=number, port_max=number, remote_cidr=f"10.20.{number % 200}.0/24") for number in range(1000, 1400)
    ]
    pair = Pair(
        lab, *many, rule(protocol="tcp", port_min=7000, port_max=7010, remote_cidr="10.10.0.8/30"), rule(protocol="tcp", port_min=9000)
    )
    with pair.b.listen(7005), pair.b.listen(7011), pair.b.listen(1001), pair.b.listen(65000), pair.b.listen(8999):
        assert pair.a.reaches(B, 7005), "10.10.0.11 is in 10.10.0.8/30"
        assert pair.a.is_kept_from(B, 7011)
        assert pair.a.is_kept_from(B, 1001)
        assert pair.a.reaches(B, 65000)
        assert pair.a.is_kept_from(B, 8999)


def test_icmp_types_and_codes(lab: Lab) -> None:
    pair = Pair(lab, rule(protocol="icmp", port_min=8, port_max=0))
    with pair.b.sniffer(0x0800) as hears:
        hears.settimeout(ABSENCE)
        assert pair.a.pings(B)
        pair.set_rules(rule(protocol="icmp", port_min=13))
        assert pair.a.pings_in_vain(B)
        pair.a.pings(B, timeout=0.2, kind=13)  # a timestamp request: nobody answers it, but it arrives
        kinds = set()
        with pytest.raises(TimeoutError):
            while True:
                kinds.add(hears.recv(2048)[34])
    assert 13 in kinds


def test_any_protocol_by_number(lab: Lab) -> None:
    pair = Pair(lab, rule(protocol="47"))
    with pair.b.open(kind=socket.SOCK_RAW, protocol=47) as gre, pair.b.open(kind=socket.SOCK_RAW, protocol=50) as esp:
        gre.settimeout(PATIENCE)
        esp.settimeout(ABSENCE)
        with pair.a.open(kind=socket.SOCK_RAW, protocol=47) as out:
            out.sendto(b"\0\0\x08\0" + bytes(28), (B, 0))
        with pair.a.open(kind=socket.SOCK_RAW, protocol=50) as out:
            out.sendto(b"\0\0\0\1" + bytes(28), (B, 0))
        assert gre.recv(2048)
        with pytest.raises(TimeoutError):
            esp.recv(2048)


def test_a_large_datagram_passes_in_fragments(lab: Lab) -> None:
    pair = Pair(lab, rule(protocol="udp", port_min=5000, port_max=5000))
    with pair.b.listen(5000, B, socket.SOCK_DGRAM) as there, pair.a.open(kind=socket.SOCK_DGRAM) as here:
        there.settimeout(PATIENCE)
        here.sendto(b"x" * 5000, (B, 5000))
        assert len(there.recv(8192)) == 5000


def test_stateless_groups_let_nothing_back_by_themselves(lab: Lab) -> None:
    pair = Pair(lab, stateful=False)
    with pair.a.listen(80):
        assert pair.b.is_kept_from(A, 80), "the answer is not let in"
        # Without connections known, the answer needs its own rule.
        pair.set_rules(rule(protocol="tcp", remote_cidr=A + "/32"))
        assert pair.b.reaches(A, 80)


def test_without_port_security_everything_passes(lab: Lab) -> None:
    pair = Pair(lab)
    with pair.b.listen(22):
        assert pair.a.is_kept_from(B, 22)
        lab.apply(items(port=[{**pair.ports[1], "port_security": False, "groups": []}]))
        assert pair.a.reaches(B, 22)
        a, b = established(pair.a, pair.b, B, 23)
        lab.apply(items(port=[pair.ports[1]]))
        assert pair.a.is_kept_from(B, 22)
        assert cut(a, b)


def test_tenants_with_the_same_addresses_know_nothing_of_each_other(lab: Lab) -> None:
    one, two = Pair(lab, rule(**SSH)), Pair(lab, rule(**SSH))
    a, b = established(one.a, one.b, B, 22)
    with two.b.listen(22):
        assert two.a.reaches(B, 22)
    # The same addresses and ports, in two networks at once: each connection is known for itself.
    with two.a.open() as twin, two.b.listen(22) as listening:
        twin.bind((A, a.getsockname()[1]))
        twin.settimeout(PATIENCE)
        twin.connect((B, 22))
        other, _ = listening.accept()
        two.set_rules()
        assert passes(a, b) and passes(b, a)
        assert cut(twin, other)


def test_a_port_that_is_down_carries_nothing(lab: Lab) -> None:
    pair = Pair(lab, rule(protocol="icmp"))
    assert pair.a.pings(B)
    lab.apply(items(port=[{**pair.ports[1], "admin_up": False}]))
    assert pair.a.pings_in_vain(B)
    lab.apply(items(port=[pair.ports[1]]))
    waits_for(lambda: pair.a.pings(B), "the port is up again")


def test_a_rule_that_cannot_be_enforced_is_told_and_allows_nothing(lab: Lab) -> None:
    pair = Pair(lab, rule(**SSH))
    pair.group["rules"].append(rule(protocol="tcp", port_min=90, port_max=80))
    errors = lab.errors(items(group=[pair.group]))
    assert list(errors) == [f"group/{pair.group['id']}"]
    assert "90-80 is not a range of ports" in errors[f"group/{pair.group['id']}"]
    with pair.b.listen(22), pair.b.listen(85):
        assert pair.a.reaches(B, 22), "the group's other rules are in force"
        assert pair.a.is_kept_from(B, 85)


def test_only_our_bridges_are_filtered_and_only_by_us(lab: Lab) -> None:
    """The host's switches for all bridges stay as they are: off is off for others, and ours are filtered all the same."""
    switches = ("bridge/bridge-nf-call-iptables", "bridge/bridge-nf-call-ip6tables", "bridge/bridge-nf-call-arptables")
    lab.on_host(lambda: [sysctl.write(switch, 0) for switch in switches])
    pair = Pair(lab, rule(**SSH))
    with pair.b.listen(22), pair.b.listen(80), pair.a.listen(80):
        assert pair.a.reaches(B, 22)
        assert pair.a.is_kept_from(B, 80)
        assert pair.b.reaches(A, 80)
    assert lab.on_host(lambda: [sysctl.read(switch) for switch in switches]) == ["0", "0", "0"]


def test_an_address_of_two_ports_is_judged_by_both(lab: Lab) -> None:
    """A virtual address that moves between guests: a connection goes on while one of them may have it."""
    shared = "10.10.0.100"
    pair = Pair(lab)
    for made in pair.ports:
        made["allowed_pairs"] = [{"ip_address": shared}]
    pair.ports[0]["groups"] = [group()["id"]]
    lab.apply(items(port=pair.ports))
    pair.set_rules(rule(**SSH))
    pair.b.address(shared + "/24")
    caller = port(pair.net, C, groups=[pair.open["id"]])
    c = lab.guest(caller)
    c.address(C + "/24")
    lab.apply(items(port=[caller]))
    here, there = established(c, pair.b, shared, 22)
    lab.apply(items(port=[{**caller, "groups": [pair.open["id"], pair.group["id"]]}, {**pair.ports[0], "groups": []}]))
    assert passes(here, there) and passes(there, here)
    pair.set_rules()
    assert cut(here, there) and cut(there, here)


def test_removing_a_port_leaves_its_neighbours_connections(lab: Lab) -> None:
    pair = Pair(lab, rule(**SSH))
    here, there = established(pair.a, pair.b, B, 22)
    other = port(pair.net, C, allowed_pairs=[{"ip_address": "0.0.0.0/0"}], groups=[pair.open["id"]])
    c = lab.guest(other)
    c.address(C + "/24")
    lab.apply(items(port=[other]))
    assert c.pings(A), "a port that may claim any address is held to none"
    lab.apply({f"port/{other['id']}": None})
    assert passes(here, there) and passes(there, here)
