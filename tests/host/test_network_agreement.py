"""The kernel and the review of connections read the same rules: what one lets begin, the other lets go on."""

import random
import socket
import time
from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from frames import ether, icmp, ipv4, tcp_syn, udp
from network_lab import ABSENCE, PATIENCE, Lab, group, items, lab, network, port, rule

from monostack.agent.network.linux.rules import Flow, allows, parse
from monostack.protocol.network import RuleItem

__all__ = ["lab"]
pytestmark = pytest.mark.host

A, B = "10.10.0.11", "10.10.0.12"
PREFIXES = ["10.10.0.0/24", "10.20.0.0/16", "10.20.3.0/24", "10.20.3.7/32", "0.0.0.0/0", "192.168.0.0/16"]
SOURCES = ["10.10.0.77", "10.20.3.7", "10.20.3.8", "10.20.200.1", "192.168.5.5", "11.0.0.1"]
PORTS = [1, 22, 80, 443, 8080, 65535]
MEMBERS = ["10.20.3.8", "192.168.4.0/23"]


def any_rule(chance: random.Random, friends: str) -> dict[str, Any]:
    protocol = chance.choice(["tcp", "udp", "6", "icmp", None, "47"])
    made = rule(protocol=protocol)
    if protocol == "icmp" and chance.random() < 0.7:
        made["port_min"] = chance.choice([8, 13])
    elif protocol in ("tcp", "udp", "6") and chance.random() < 0.8:
        made["port_min"] = chance.choice(PORTS)
        made["port_max"] = chance.choice([number for number in PORTS if number >= made["port_min"]])
    far = chance.random()
    if far < 0.5:
        made["remote_cidr"] = chance.choice(PREFIXES)
    elif far < 0.8:
        made["remote_group"] = friends
    return made


def every_packet() -> list[tuple[Flow, bytes]]:
    """What guest `a`, which may claim any address, sends to `b`; each begins a connection of its own."""
    made = []
    for source in SOURCES:
        for number in PORTS:
            for protocol, payload in ((6, tcp_syn(40000, number)), (17, udp(40000, number, b"agree"))):
                made.append((Flow(4, ip_address(source), ip_address(B), protocol, number, number), ipv4(source, B, protocol, payload)))
        for kind in (8, 13):
            made.append((Flow(4, ip_address(source), ip_address(B), 1, kind, 0), ipv4(source, B, 1, icmp(kind, 0))))
        for protocol in (47, 50):
            made.append((Flow(4, ip_address(source), ip_address(B), protocol, 0, 0), ipv4(source, B, protocol, bytes(24))))
    return made


def hear(wire: socket.socket) -> set[bytes]:
    """The packets that arrive until none does for a while."""
    wire.settimeout(ABSENCE)
    heard = set()
    try:
        while True:
            heard.add(wire.recv(4096)[14:])
    except TimeoutError:
        return heard


@pytest.mark.parametrize("seed", range(4))
def test_agreement(lab: Lab, seed: int) -> None:
    chance = random.Random(seed)
    net, friends, everything = network(), group(), group(rule())
    tested = {"id": group()["id"], "rules": [any_rule(chance, friends["id"]) for _ in range(chance.randint(1, 5))]}
    sender = port(net, A, groups=[everything["id"]], allowed_pairs=[{"ip_address": "0.0.0.0/0"}])
    receiver = port(net, B, groups=[tested["id"]])
    a, b = lab.guest(sender), lab.guest(receiver)
    members = {"id": friends["id"], "addresses": MEMBERS}
    lab.apply(items(network=[net], group=[friends, everything, tested], members=[members], port=[sender, receiver]))
    held = [parse(RuleItem(**item)) for item in tested["rules"]]
    known = {friends["id"]: frozenset(map(ip_network, MEMBERS))}
    packets = every_packet()
    wanted = {packet for flow, packet in packets if allows(held, known, flow, ingress=True)}
    with b.sniffer(0x0800) as hears, a.open(socket.AF_PACKET, socket.SOCK_RAW) as wire:
        hears.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        wire.bind(("eth0", 0))
        for _, packet in packets:
            wire.send(ether(receiver["mac"], sender["mac"], 0x0800, packet))
        heard: set[bytes] = set()
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until and not wanted <= {packet for _, packet in packets if packet in heard}:
            heard |= hear(hears)
        heard |= hear(hears)
    arrived = {packet for _, packet in packets if packet in heard}
    assert [flow for flow, packet in packets if packet in arrived - wanted] == [], "let in though no rule says so"
    assert [flow for flow, packet in packets if packet in wanted - arrived] == [], "kept out though a rule lets it in"
    assert 0 < len(wanted) <= len(packets)
