"""Local IPs: neighbours that call one reach the port it leads to on their host, and hear from nobody else by it."""

import socket
from typing import Any

import pytest
from network_lab import ABSENCE, PATIENCE, Lab, group, items, lab, network, port, router, rule
from network_site import caller_seen

__all__ = ["lab"]
pytestmark = pytest.mark.host

A, B, C, LOCAL = "10.10.0.11", "10.10.0.12", "10.20.0.11", "10.10.0.99"
WEB = {"protocol": "tcp", "port_min": 80, "port_max": 80}


class Site:
    """Guests `a` and `b` of one network; an address that leads to `b`, and `owner`, whose address it is by right."""

    def __init__(self, lab: Lab, *rules: dict[str, Any]) -> None:
        self.lab, self.net = lab, network(serves_dhcp=False)
        self.open, self.group = group(rule()), group(*rules)
        self.ports = [
            port(self.net, A, groups=[self.open["id"]]),
            port(self.net, B, groups=[self.group["id"]]),
            port(self.net, LOCAL, groups=[self.open["id"]]),
        ]
        self.a, self.b, self.owner = (lab.guest(made) for made in self.ports)
        for node, address in ((self.a, A), (self.b, B), (self.owner, LOCAL)):
            node.address(address + "/24")
        lab.apply(items(network=[self.net], group=[self.open, self.group], port=self.ports))

    def lead(self, *addresses: str) -> None:
        """These addresses, and no others, lead to `b`."""
        self.ports[1]["local_ips"] = [{"local_ip": address, "fixed_ip": B} for address in addresses]
        self.lab.apply(items(port=[self.ports[1]]))


def test_an_address_leads_to_its_port_and_no_longer_when_it_is_taken_away(lab: Lab) -> None:
    site = Site(lab, rule(**WEB), rule(protocol="icmp"), rule(protocol="udp"))
    assert caller_seen(site.a, site.owner, LOCAL) == A, "so far it is its owner's"
    site.lead(LOCAL, "10.10.0.98")
    assert caller_seen(site.a, site.b, LOCAL) == A, "the server sees who calls"
    assert caller_seen(site.a, site.b, "10.10.0.98") == A, "it need not be anybody's"
    assert caller_seen(site.a, site.b, B) == A, "its own address is as it was"
    assert site.a.pings(LOCAL) and site.a.pings(B)
    with site.a.open(kind=socket.SOCK_DGRAM) as caller, site.b.listen(53, kind=socket.SOCK_DGRAM) as server:
        caller.settimeout(PATIENCE)
        server.settimeout(PATIENCE)
        caller.sendto(b"?", (LOCAL, 53))
        server.sendto(b"!", server.recvfrom(16)[1])
        assert caller.recvfrom(16) == (b"!", (LOCAL, 53)), "the answer comes from who was asked"
    assert caller_seen(site.b, site.owner, LOCAL, 81) == B, "who it leads to reaches its owner"
    with pytest.raises(ConnectionRefusedError):
        site.a.connect(LOCAL, 80)
    site.lead()
    assert caller_seen(site.a, site.owner, LOCAL) == A
    assert "_local_ips {\n}" in lab.dump()


def test_who_comes_through_a_router_of_the_host_is_led_there_too(lab: Lab) -> None:
    site = Site(lab, rule(**WEB))
    beyond = network("10.20.0.0/24", serves_dhcp=False)
    other = port(beyond, C, groups=[site.open["id"]])
    c = lab.guest(other)
    c.address(C + "/24", "10.20.0.1")
    for node in (site.b, site.owner):
        node.route("10.20.0.0/24", "10.10.0.1")
    between = router((site.net, "10.10.0.1/24"), (beyond, "10.20.0.1/24"))
    lab.apply(items(network=[beyond], port=[other], router=[between]))
    assert caller_seen(c, site.owner, LOCAL) == C
    site.lead(LOCAL)
    assert caller_seen(c, site.b, LOCAL) == C, "though the router knows where the owner is"


def test_security_groups_hold_whatever_was_called(lab: Lab) -> None:
    site = Site(lab, rule(**WEB))
    site.lead(LOCAL)
    with site.b.listen(22), site.owner.listen(22):
        assert site.a.is_kept_from(LOCAL, 22)
        assert site.a.is_kept_from(B, 22)
    with site.b.listen(80) as server, site.a.connect(LOCAL, 80) as here:
        there, _ = server.accept()
        site.group["rules"] = site.group["rules"][:2]
        lab.apply(items(group=[site.group]))
        here.send(b"x")
        there.settimeout(ABSENCE)
        with there, pytest.raises(TimeoutError):
            there.recv(1)


def test_a_port_without_security_is_led_to_as_well_and_an_agent_that_starts_keeps_connections(lab: Lab) -> None:
    site = Site(lab)
    site.ports[1] |= {"port_security": False, "groups": []}
    site.lead(LOCAL)
    with site.b.listen(80) as server, site.a.connect(LOCAL, 80) as here:
        there, _ = server.accept()
        lab.restart()
        lab.apply(items(network=[site.net], group=[site.open, site.group], port=site.ports), full=True)
        there.send(b"x")
        here.settimeout(PATIENCE)
        assert here.recv(1) == b"x"
        there.close()
