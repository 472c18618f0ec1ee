"""QoS policies, measured: bits and packets a second of ports and of floating IPs, and the marks on what guests send."""

import json
import socket
import time
from typing import Any

import pytest
from network_lab import PATIENCE, Lab, Node, gateway, group, in_namespace, items, lab, network, port, router, rule, waits_for
from network_lab import external as external_network

from monostack.agent.network.linux import nftables

__all__ = ["lab"]
pytestmark = pytest.mark.host

A, B, FLOATING, OUTER = "10.10.0.11", "10.10.0.12", "172.24.4.50", "172.24.4.200"
OPEN = group(rule(), rule(ethertype="IPv6"))
SIZE = 150_000  # bytes
RATE = {"kbps": 1000, "burst_kb": 100}  # SIZE takes more than a second
DATAGRAMS = 300


def qos(egress: dict[str, int] | None = None, ingress: dict[str, int] | None = None, **more: Any) -> dict[str, Any]:
    return {"egress": egress or {}, "ingress": ingress or {}, **more}


def seconds(sender: Node, receiver: Node, address: str) -> float:
    """How long it takes to bring SIZE bytes over."""
    with receiver.listen(80) as listening, sender.connect(address, 80) as here:
        there, _ = listening.accept()
        with there:
            there.settimeout(PATIENCE)
            here.settimeout(PATIENCE)
            began = time.monotonic()
            here.sendall(bytes(SIZE))
            here.shutdown(socket.SHUT_WR)
            got = 0
            while data := there.recv(65536):
                got += len(data)
            assert got == SIZE
            return time.monotonic() - began


def arrived(sender: Node, receiver: Node, address: str) -> list[bytes]:
    """Which of many datagrams, sent at once, come through."""
    with receiver.listen(53, kind=socket.SOCK_DGRAM) as listening, sender.open(kind=socket.SOCK_DGRAM) as here:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_000_000)
        for number in range(DATAGRAMS):
            here.sendto(number.to_bytes(2, "big") + bytes(400), (address, 53))
        listening.settimeout(0.5)
        got = []
        try:
            while True:
                got.append(listening.recv(1000))
        except TimeoutError:
            return got


def test_a_port_is_as_fast_as_its_policy_says(lab: Lab) -> None:
    net = network()
    ports = [port(net, A, groups=[OPEN["id"]]), port(net, B, groups=[OPEN["id"]])]
    a, b = (lab.guest(made) for made in ports)
    a.address(A + "/24")
    b.address(B + "/24")
    least = (SIZE * 8 - RATE["burst_kb"] * 1000) / (RATE["kbps"] * 1000) * 0.9
    lab.apply(items(network=[net], group=[OPEN], port=ports))
    free = seconds(a, b, B)
    for policy in (qos(egress=RATE), qos(ingress=RATE)):
        ports[0]["qos"] = policy
        lab.apply(items(port=ports))
        there, back = seconds(a, b, B), seconds(b, a, A)
        held, other = (there, back) if policy["egress"] else (back, there)
        assert held > least > other, f"{held:.2f} s, the other way {other:.2f} s"
    del ports[0]["qos"]
    lab.apply(items(port=ports))
    before = lab.dump()
    assert seconds(a, b, B) < least > free and seconds(b, a, A) < least
    # An agent that starts anew leaves nothing behind of what it does not know.
    ports[0]["qos"] = qos(egress=RATE, ingress=RATE)
    lab.apply(items(port=ports))
    assert seconds(a, b, B) > least
    lab.restart()
    del ports[0]["qos"]
    lab.apply(items(network=[net], group=[OPEN], port=ports), full=True)
    assert seconds(a, b, B) < least and seconds(b, a, A) < least
    assert "msi" not in lab.dump() and "msi" not in before


def test_packets_are_counted_and_marked(lab: Lab) -> None:
    net = network()
    ports = [port(net, A, groups=[OPEN["id"]], qos=qos({"kpps": 1, "burst_kp": 0}, dscp=46)), port(net, B, port_security=False)]
    a, b = (lab.guest(made) for made in ports)
    a.address(A + "/24")
    b.address(B + "/24")
    lab.apply(items(network=[net], group=[OPEN], port=ports))
    assert a.pings(B)
    with b.listen(99, kind=socket.SOCK_DGRAM) as listening, a.open(kind=socket.SOCK_DGRAM) as here:
        listening.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)
        listening.settimeout(PATIENCE)
        here.sendto(b"x", (B, 99))
        _, extra, _, _ = listening.recvmsg(10, 100)
        assert [data[0] >> 2 for _, kind, data in extra if kind == socket.IP_TOS] == [46]
    assert 0 < len(arrived(a, b, B)) < DATAGRAMS / 2
    # A port that no rule filters is held to its policy too.
    ports[0].pop("qos")
    ports[1]["qos"] = qos(ingress={"kpps": 1})
    lab.apply(items(port=ports))
    assert 0 < len(arrived(a, b, B)) < DATAGRAMS / 2
    ports[1].pop("qos")
    lab.apply(items(port=ports))
    assert len(arrived(a, b, B)) > DATAGRAMS * 0.9


def test_a_floating_ip_is_held_to_its_policy(lab: Lab) -> None:
    net, public = network(), external_network()
    made = port(net, A, groups=[OPEN["id"]])
    guest = lab.guest(made)
    guest.address(A + "/24", "10.10.0.1")
    floating = {"id": "f1000000-0000-4000-8000-000000000000", "floating_ip": FLOATING, "fixed_ip": A}
    at = router((net, "10.10.0.1/24"), gateway=gateway(public, "172.24.4.10/24"), floating_ips=[floating])
    lab.apply(items(network=[net, public], group=[OPEN], port=[made], router=[at]))
    out = lab.node("out", "fa:16:3e:77:77:77", "out", lab.external.bridge)
    out.address(OUTER + "/24")
    waits_for(lambda: out.pings(FLOATING), "the floating IP answers")
    assert len(arrived(guest, out, OUTER)) > DATAGRAMS * 0.9 and len(arrived(out, guest, FLOATING)) > DATAGRAMS * 0.9
    floating["qos"] = qos(egress={"kbps": 200, "burst_kb": 80})
    lab.apply(items(router=[at]))
    assert 0 < len(arrived(guest, out, OUTER)) < DATAGRAMS / 2
    assert len(arrived(out, guest, FLOATING)) > DATAGRAMS * 0.9
    # What has no floating IP is held to the policy of the gateway.
    at["gateway"]["qos"] = floating.pop("qos")
    lab.apply(items(router=[at]))
    assert len(arrived(guest, out, OUTER)) > DATAGRAMS * 0.9
    at["floating_ips"] = []
    lab.apply(items(router=[at]))
    assert 0 < len(arrived(guest, out, OUTER)) < DATAGRAMS / 2


def counted(lab: Lab, router_id: str) -> dict[str, int]:
    """Bytes by meter, of a router."""
    name = lab.settings.router_namespace(router_id)
    listing = in_namespace(name, lambda: json.loads(nftables.run("list counters", json=True)))
    return {item["counter"]["name"]: item["counter"]["bytes"] for item in listing["nftables"] if "counter" in item}


def test_meters_count_what_goes_out_and_comes_in(lab: Lab) -> None:
    net, public = network(), external_network()
    made = port(net, A, groups=[OPEN["id"]])
    guest = lab.guest(made)
    guest.address(A + "/24", "10.10.0.1")
    out_label, in_label = "3e000000-0000-4000-8000-000000000001", "3e000000-0000-4000-8000-000000000002"
    rules = [{"direction": "egress", "source": "10.10.0.0/24", "destination": None, "excluded": False}]
    meters = [{"id": out_label, "rules": rules}, {"id": in_label, "rules": [{**rules[0], "direction": "ingress", "source": OUTER + "/32"}]}]
    at = router((net, "10.10.0.1/24"), gateway=gateway(public, "172.24.4.10/24"), meters=meters)
    lab.apply(items(network=[net, public], group=[OPEN], port=[made], router=[at]))
    out = lab.node("out", "fa:16:3e:77:77:77", "out", lab.external.bridge)
    out.address(OUTER + "/24")
    outgoing, incoming = (f"meter_{label.replace('-', '')}" for label in (out_label, in_label))
    assert counted(lab, at["id"]) == {outgoing: 0, incoming: 0}
    seconds(guest, out, OUTER)
    first = counted(lab, at["id"])
    assert SIZE < first[outgoing] < 2 * SIZE and 0 < first[incoming] < SIZE
    # What is excluded is not counted, and what was counted stays.
    rules.append({"direction": "egress", "source": None, "destination": OUTER + "/32", "excluded": True})
    lab.apply(items(router=[at]))
    seconds(guest, out, OUTER)
    then = counted(lab, at["id"])
    assert then[outgoing] == first[outgoing] and then[incoming] > first[incoming]
    at["meters"] = []
    lab.apply(items(router=[at]))
    assert counted(lab, at["id"]) == {}
