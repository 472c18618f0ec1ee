"""Three routers of one tenant, each joined with each: packets take the longest prefix, and the way that was chosen."""

import socket
from typing import Any

import pytest
from network_lab import PATIENCE, Lab, Node, external, gateway, group, items, lab, network, port, router, rule

__all__ = ["lab"]
pytestmark = pytest.mark.host

OPEN = group(rule())
A, C, D = "10.1.0.11", "10.3.0.11", "10.3.1.11"
FIRST_TTL = 64
IP_RECVTTL = 12  # linux/in.h
NEAR, FAR = 2, 3  # routers on the way from A to networks behind the third one: straight, or by the second


class Triangle:
    """Guest `a` behind the first router, `c` and `d` behind the third; the second stands between, too."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        lans = {address: network(f"{address.rpartition('.')[0]}.0/24", serves_dhcp=False) for address in (A, C, D)}
        joins = {pair: network(f"10.{pair}.0.0/24", serves_dhcp=False) for pair in ("12", "13", "23")}
        ports = [port(lans[address], address, groups=[OPEN["id"]]) for address in (A, C, D)]
        self.a, self.c, self.d = (self._guest(made, address) for made, address in zip(ports, (A, C, D), strict=True))
        self.one = router((lans[A], "10.1.0.1/24"), (joins["12"], "10.12.0.1/24"), (joins["13"], "10.13.0.1/24"))
        self.two = router((joins["12"], "10.12.0.2/24"), (joins["23"], "10.23.0.2/24"))
        self.three = router(
            (lans[C], "10.3.0.1/24"), (lans[D], "10.3.1.1/24"), (joins["13"], "10.13.0.3/24"), (joins["23"], "10.23.0.3/24")
        )
        self.two["routes"] = [to("10.3.0.0/16", "10.23.0.3"), to("10.1.0.0/24", "10.12.0.1")]
        self.three["routes"] = [to("10.1.0.0/24", "10.13.0.1")]
        networks = [*lans.values(), *joins.values()]
        lab.apply(items(network=networks, group=[OPEN], port=ports, router=[self.one, self.two, self.three]))

    def _guest(self, made: dict[str, Any], address: str) -> Node:
        node = self.lab.guest(made)
        node.address(f"{address}/24", f"{address.rpartition('.')[0]}.1")
        return node

    def route(self, *routes: dict[str, str]) -> None:
        """Give the first router these routes."""
        self.one["routes"] = list(routes)
        self.lab.apply(items(router=[self.one]))

    def passed(self, target: Node, address: str) -> int:
        """How many routers a packet of `a` passes, as its addressee can tell."""
        assert self.a.pings(address), "both ways are there"
        with target.listen(5000, kind=socket.SOCK_DGRAM) as ear, self.a.open(kind=socket.SOCK_DGRAM) as mouth:
            ear.setsockopt(socket.IPPROTO_IP, IP_RECVTTL, 1)
            ear.settimeout(PATIENCE)
            mouth.sendto(b"x", (address, 5000))
            _, extra, _, _ = ear.recvmsg(16, 64)
        ttl = next(int.from_bytes(data, "little") for level, kind, data in extra if (level, kind) == (socket.IPPROTO_IP, socket.IP_TTL))
        return FIRST_TTL - ttl


def to(destination: str, nexthop: str) -> dict[str, str]:
    return {"destination": destination, "nexthop": nexthop}


def test_the_longest_prefix_decides(lab: Lab) -> None:
    site = Triangle(lab)
    site.route(to("10.3.0.0/16", "10.12.0.2"), to("10.3.0.0/24", "10.13.0.3"))
    assert site.passed(site.c, C) == NEAR, "its network has a route of its own"
    assert site.passed(site.d, D) == FAR, "this one is only among the others"
    site.route(to("10.3.0.0/16", "10.12.0.2"))
    assert site.passed(site.c, C) == FAR
    site.route(to("10.3.0.0/16", "10.13.0.3"), to("10.3.1.0/24", "10.12.0.2"))
    assert (site.passed(site.c, C), site.passed(site.d, D)) == (NEAR, FAR)


def test_a_way_that_is_taken_away(lab: Lab) -> None:
    site = Triangle(lab)
    site.route(to("10.3.0.0/24", "10.13.0.3"))
    assert site.passed(site.c, C) == NEAR
    assert site.a.pings_in_vain(D)
    site.route()
    assert site.a.pings_in_vain(C)


def test_a_floating_ip_of_a_guest_behind_a_second_router(lab: Lab) -> None:
    lan, transit, public = network("10.1.0.0/24"), network("10.2.0.0/24", serves_dhcp=False), external()
    made = port(lan, A, groups=[OPEN["id"]])
    guest = lab.guest(made)
    guest.address(f"{A}/24", "10.1.0.1")
    inner = router((lan, "10.1.0.1/24"), (transit, "10.2.0.2/24"))
    inner["routes"] = [to("0.0.0.0/0", "10.2.0.1")]
    outer = router((transit, "10.2.0.1/24"))
    outer.update(gateway=gateway(public, "172.24.4.10/24"), routes=[to("10.1.0.0/24", "10.2.0.2")])
    outer["floating_ips"] = [{"id": "f1000000-0000-4000-8000-000000000000", "floating_ip": "172.24.4.50", "fixed_ip": A}]
    lab.apply(items(network=[lan, transit, public], group=[OPEN], port=[made], router=[inner, outer]))
    out = lab.node("out", "fa:16:3e:77:77:77", "out", lab.external.bridge)
    out.address("172.24.4.200/24")
    with guest.listen(80) as ear, out.connect("172.24.4.50", 80):
        assert ear.accept()[1][0] == "172.24.4.200", "the guest sees who calls"
    with out.listen(80) as ear, guest.connect("172.24.4.200", 80):
        assert ear.accept()[1][0] == "172.24.4.50"
