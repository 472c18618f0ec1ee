"""A router with gateways on two external networks, and a machine beyond each."""

import select
import socket
from collections.abc import Iterator

import pytest
from network_lab import PATIENCE, Lab, Node, external, gateway, group, items, network, port, router, rule, unused

from monostack.agent.config import ExternalNetwork

pytestmark = pytest.mark.host

OPEN = group(rule())
A, B = "10.10.0.11", "10.10.0.12"
FAR = "203.0.113.9"  # what both machines say they are: whoever is called there was the way out
SECOND = "172.25.4.0/24"


@pytest.fixture
def lab() -> Iterator[Lab]:
    """A host with a second physical network."""
    first = ExternalNetwork(bridge="br-lab", address="172.24.4.254/24")
    made = Lab(external_networks={"public": first, "other": ExternalNetwork(bridge="br-other", address="172.25.4.254/24")})
    yield made
    made.close()


class Site:
    """Guests `a` and `b` behind the router; `one` and `two` on the external networks, each the next hop of a gateway."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.net, self.public = network(), external()
        self.other = network(SECOND, kind="flat", physical_network="other", serves_dhcp=False, mtu=1500)
        ports = [port(self.net, address, groups=[OPEN["id"]]) for address in (A, B)]
        self.a, self.b = (lab.guest(made) for made in ports)
        for node, address in ((self.a, A), (self.b, B)):
            node.address(f"{address}/24", "10.10.0.1")
        further = {**gateway(self.other, "172.25.4.10/24"), "gateway_ips": ["172.25.4.1"]}
        self.router = router((self.net, "10.10.0.1/24"), gateway=gateway(self.public, "172.24.4.10/24"), further_gateways=[further])
        lab.apply(items(network=[self.net, self.public, self.other], group=[OPEN], port=ports, router=[self.router]))
        self.one, self.two = self._next_hop("one", "br-lab", "172.24.4.1"), self._next_hop("two", "br-other", "172.25.4.1")

    def _next_hop(self, name: str, bridge: str, address: str) -> Node:
        node = self.lab.node(name, "fa:16:3e:77:77:01" if name == "one" else "fa:16:3e:77:77:02", name, bridge)
        node.address(f"{address}/24")
        node.address(f"{FAR}/32")
        return node

    def change(self, **changes: object) -> None:
        self.router.update(changes)
        self.lab.apply(items(router=[self.router]))


def seen(caller: Node, called: Node, address: str) -> str:
    with called.listen(80) as ear, caller.connect(address, 80):
        ear.settimeout(PATIENCE)
        return str(ear.accept()[1][0])


def test_the_first_gateway_is_the_way_out(lab: Lab) -> None:
    site = Site(lab)
    assert seen(site.a, site.one, FAR) == "172.24.4.10"
    assert seen(site.a, site.two, "172.25.4.1") == "172.25.4.10", "what is on the second network is reached there"
    site.change(gateway=site.router["further_gateways"][0], further_gateways=[site.router["gateway"]])
    assert seen(site.a, site.two, FAR) == "172.25.4.10"
    site.change(gateway=site.router["further_gateways"][0], further_gateways=[])
    assert seen(site.a, site.one, FAR) == "172.24.4.10", "the second one is gone"


def test_with_ecmp_both_gateways_are(lab: Lab) -> None:
    site = Site(lab)
    site.change(ecmp=True)
    addresses = [f"198.51.100.{number}" for number in range(1, 25)]
    for node in (site.one, site.two):
        for address in addresses:
            node.address(f"{address}/32")
    with site.one.listen(80) as first, site.two.listen(80) as second:
        for address in addresses:
            site.a.connect(address, 80).close()
        by_first, by_second = _callers(first), _callers(second)
    assert set(by_first) == {"172.24.4.10"} and set(by_second) == {"172.25.4.10"}, "some went by each"
    assert len(by_first) + len(by_second) == len(addresses)
    before = lab.dump()
    site.change()
    assert lab.dump() == before
    site.change(ecmp=False)
    assert seen(site.a, site.one, FAR) == "172.24.4.10"


def _callers(ear: socket.socket) -> list[str]:
    """Who has connected already."""
    ear.setblocking(False)
    found = []
    while select.select([ear], [], [], 0)[0]:
        connection, peer = ear.accept()
        connection.close()
        found.append(str(peer[0]))
    return found


def test_a_floating_ip_of_the_second_network(lab: Lab) -> None:
    site = Site(lab)
    bearer = site.router["further_gateways"][0]["port_id"]
    floating = {"id": unused("f1"), "floating_ip": "172.25.4.50", "fixed_ip": A}
    site.change(floating_ips=[{**floating, "bearer": bearer}])
    assert seen(site.two, site.a, "172.25.4.50") == "172.25.4.1"
    assert seen(site.a, site.two, "172.25.4.1") == "172.25.4.50"
    assert seen(site.a, site.one, "172.24.4.1") == "172.24.4.10", "on the first network nobody knows it"
    assert seen(site.b, site.a, "172.25.4.50") == "172.24.4.10", "a neighbour without one"
