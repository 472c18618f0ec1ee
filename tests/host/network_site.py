"""A tenant's site of two networks behind a router, and whether and how its guests and the world outside reach each other."""

import socket
from typing import Any

from network_lab import ABSENCE, PATIENCE, Lab, Node, external, gateway, group, items, network, port, router, rule

OPEN = group(rule(), rule(ethertype="IPv6"))
A, B, C = "10.10.0.11", "10.10.0.12", "10.20.0.11"
OUTER = "172.24.4.200"
FLOATING = "172.24.4.50"


class Site:
    """A tenant with two networks, guests `a` and `b` on the first and `c` on the second; a machine `out` on the external network."""

    def __init__(self, lab: Lab, *, outside: bool = True, **changes: Any) -> None:
        self.lab = lab
        self.nets = [network(), network("10.20.0.0/24")]
        self.public = external()
        self.ports = [port(self.nets[net], address, groups=[OPEN["id"]]) for net, address in ((0, A), (0, B), (1, C))]
        self.a, self.b, self.c = (lab.guest(made) for made in self.ports)
        for node, address in ((self.a, A), (self.b, B), (self.c, C)):
            node.address(address + "/24", address.rpartition(".")[0] + ".1")
        self.router = router((self.nets[0], "10.10.0.1/24"), (self.nets[1], "10.20.0.1/24"), **changes)
        if outside:
            self.router["gateway"] = gateway(self.public, "172.24.4.10/24")
        lab.apply(items(network=[*self.nets, self.public], group=[OPEN], port=self.ports, router=[self.router]))
        self.out = lab.nodes.get("out") or lab.node("out", "fa:16:3e:77:77:77", "out", lab.external.bridge)
        if "out" not in lab.__dict__:
            self.out.address(OUTER + "/24")
            lab.__dict__["out"] = self.out

    def float(self, *pairs: tuple[str, str]) -> None:
        self.router["floating_ips"] = [
            {"id": f"f1{number:06d}-0000-4000-8000-000000000000", "floating_ip": floating, "fixed_ip": fixed}
            for number, (floating, fixed) in enumerate(pairs)
        ]
        self.lab.apply(items(router=[self.router]))


def caller_seen(caller: Node, called: Node, address: str, number: int = 80) -> str:
    """Whom a server takes its caller for; both directions are tried."""
    with called.listen(number) as listening:
        listening.settimeout(PATIENCE)
        with caller.connect(address, number) as here:
            there, peer = listening.accept()
            with there:
                there.settimeout(PATIENCE)
                here.settimeout(PATIENCE)
                here.send(b"hello")
                assert there.recv(16) == b"hello"
                there.send(b"welcome")
                assert here.recv(16) == b"welcome"
    return str(peer[0])


def silent(here: socket.socket, there: socket.socket) -> bool:
    """Whether nothing passes on a connection any more, either way."""
    heard = []
    for sender, receiver in ((here, there), (there, here)):
        receiver.settimeout(ABSENCE)
        try:
            sender.send(b"x")
            heard.append(receiver.recv(16) != b"")
        except (TimeoutError, ConnectionError):
            heard.append(False)
    return not any(heard)
