"""Routers, floating IPs and the way out, between guests, the host and a machine on the external network."""

import pytest
from network_lab import PATIENCE, Lab, gateway, items, lab, network, port, router, waits_for
from network_site import FLOATING, OPEN, OUTER, A, B, C, Site, caller_seen, silent

__all__ = ["lab"]
pytestmark = pytest.mark.host


def test_between_two_networks_nothing_is_translated(lab: Lab) -> None:
    site = Site(lab)
    assert caller_seen(site.a, site.c, C) == A
    assert caller_seen(site.c, site.a, A) == C


def test_without_a_router_networks_are_apart(lab: Lab) -> None:
    site = Site(lab)
    lab.apply({f"router/{site.router['id']}": None})
    assert site.a.pings_in_vain(C)
    assert site.a.pings_in_vain("10.10.0.1")


def test_the_way_out_shows_the_routers_address(lab: Lab) -> None:
    site = Site(lab)
    assert caller_seen(site.a, site.out, OUTER) == "172.24.4.10"
    assert caller_seen(site.c, lab.machine(), "172.24.4.1") == "172.24.4.10"
    assert site.a.pings(OUTER)


def test_without_snat_addresses_stay(lab: Lab) -> None:
    site = Site(lab)
    site.router["gateway"]["snat"] = False
    lab.apply(items(router=[site.router]))
    site.out.route("10.10.0.0/24", "172.24.4.10")
    assert caller_seen(site.a, site.out, OUTER) == A


def test_a_floating_ip_both_ways(lab: Lab) -> None:
    site = Site(lab)
    site.float((FLOATING, A))
    assert caller_seen(site.out, site.a, FLOATING) == OUTER, "the server sees who calls"
    assert caller_seen(lab.machine(), site.a, FLOATING) == "172.24.4.1", "the host reaches it too"
    assert caller_seen(site.a, site.out, OUTER) == FLOATING
    assert caller_seen(site.b, site.out, OUTER) == "172.24.4.10", "others have the router's address"
    assert site.out.pings(FLOATING)


def test_a_floating_ip_from_inside(lab: Lab) -> None:
    site = Site(lab)
    site.float((FLOATING, A), ("172.24.4.51", C))
    assert caller_seen(site.b, site.a, FLOATING) == "172.24.4.10", "a neighbour without a floating IP"
    assert caller_seen(site.c, site.a, FLOATING) == "172.24.4.51", "from the other network, with one"
    assert caller_seen(site.a, site.a, FLOATING) == FLOATING, "itself"
    assert caller_seen(site.b, site.a, A) == B, "its own address needs no router"


def test_a_floating_ip_moves_to_another_server_and_cuts_the_first(lab: Lab) -> None:
    site = Site(lab)
    site.float((FLOATING, A))
    with site.a.listen(80) as listening, site.out.connect(FLOATING, 80) as here:
        there, _ = listening.accept()
        here.send(b"1")
        assert there.recv(1) == b"1"
        site.float((FLOATING, C))
        assert caller_seen(site.out, site.c, FLOATING, 81) == OUTER
        assert silent(here, there)
    site.float()
    assert site.out.pings_in_vain(FLOATING)
    assert caller_seen(site.a, site.out, OUTER) == "172.24.4.10"


def test_a_floating_ip_moves_to_another_router(lab: Lab) -> None:
    one = Site(lab)
    one.float((FLOATING, A))
    assert caller_seen(one.out, one.a, FLOATING) == OUTER
    net = network("10.30.0.0/24")
    made = port(net, "10.30.0.5", groups=[OPEN["id"]])
    other = lab.guest(made)
    other.address("10.30.0.5/24", "10.30.0.1")
    second = router((net, "10.30.0.1/24"), gateway=gateway(one.public, "172.24.4.11/24"))
    lab.apply(items(network=[net], port=[made], router=[second]))
    one.router["floating_ips"] = []
    second["floating_ips"] = [{"id": "f1000000-0000-4000-8000-000000000000", "floating_ip": FLOATING, "fixed_ip": "10.30.0.5"}]
    lab.apply(items(router=[one.router, second]))
    # The neighbours, which knew it elsewhere, were told: the very next packet finds it.
    assert one.out.pings(FLOATING, timeout=0.25)
    assert caller_seen(one.out, other, FLOATING) == OUTER
    assert caller_seen(lab.machine(), other, FLOATING) == "172.24.4.1"


def test_removing_a_floating_ip_cuts_its_connections(lab: Lab) -> None:
    site = Site(lab)
    site.float((FLOATING, A))
    with site.a.listen(80) as listening, site.out.connect(FLOATING, 80) as here:
        there, _ = listening.accept()
        here.send(b"1")
        assert there.recv(1) == b"1"
        site.float()
        assert silent(here, there)


def test_tenants_with_the_same_networks(lab: Lab) -> None:
    one, two = Site(lab), Site(lab, outside=False)
    two.router["gateway"] = gateway(one.public, "172.24.4.11/24")
    lab.apply(items(network=[one.public], router=[two.router]))
    one.float((FLOATING, A))
    two.float(("172.24.4.60", A))
    assert caller_seen(one.out, one.a, FLOATING) == OUTER
    assert caller_seen(one.out, two.a, "172.24.4.60") == OUTER
    assert caller_seen(two.a, one.a, FLOATING) == "172.24.4.60"
    with one.c.listen(80), pytest.raises(ConnectionRefusedError):
        # The same address is in the own tenant too, where nobody listens.
        two.a.connect(C, 80)


def test_static_routes(lab: Lab) -> None:
    site = Site(lab)
    site.c.address("192.168.50.1/32")
    site.router["routes"] = [{"destination": "192.168.50.0/24", "nexthop": C}]
    lab.apply(items(router=[site.router]))
    with site.c.listen(80, "192.168.50.1"):
        # The guest's own filter lets such an address out only when it is allowed.
        assert site.a.is_kept_from("192.168.50.1", 80)
        lab.apply(items(port=[{**site.ports[2], "allowed_pairs": [{"ip_address": "192.168.50.0/24"}]}]))
        assert site.a.reaches("192.168.50.1", 80)
        site.router["routes"] = []
        lab.apply(items(router=[site.router]))
        assert site.a.is_kept_from("192.168.50.1", 80)


def test_a_router_that_is_down_and_up_again(lab: Lab) -> None:
    site = Site(lab)
    assert site.a.pings(C)
    lab.apply(items(router=[{**site.router, "admin_up": False}]))
    assert site.a.pings_in_vain(C)
    lab.apply(items(router=[site.router]))
    waits_for(lambda: site.a.pings(C), "the router is up again")


def test_interfaces_come_and_go(lab: Lab) -> None:
    site = Site(lab)
    both = site.router["interfaces"]
    site.router["interfaces"] = both[:1]
    lab.apply(items(router=[site.router]))
    assert site.a.pings_in_vain(C)
    assert site.a.pings(OUTER)
    site.router["interfaces"] = both
    lab.apply(items(router=[site.router]))
    waits_for(lambda: site.a.pings(C), "the interface is back")
    site.router["gateway"] = None
    lab.apply(items(router=[site.router]))
    assert site.a.pings_in_vain(OUTER)
    assert site.a.pings(C)


def test_a_long_answer_fits_through_a_network_of_smaller_packets(lab: Lab) -> None:
    """The external network carries 1500 octets, the tenant's 1450: the router says so to who sends more."""
    site = Site(lab)
    site.float((FLOATING, A))
    site.out.netlink(lambda netlink, index: netlink.link("set", index=index, mtu=1500))
    with site.a.listen(80) as listening, site.out.connect(FLOATING, 80) as here:
        there, _ = listening.accept()
        there.settimeout(PATIENCE)
        here.sendall(b"x" * 200_000)
        total = 0
        while total < 200_000:
            total += len(there.recv(65536))


def test_address_scopes_are_kept_apart_and_within_one_nothing_is_translated(lab: Lab) -> None:
    site = Site(lab)
    scope, another = "5c000000-0000-4000-8000-000000000001", "5c000000-0000-4000-8000-000000000002"
    with site.c.listen(80):
        assert site.a.reaches(C, 80)
        site.router["interfaces"][0]["scopes"] = {"4": scope}
        site.router["interfaces"][1]["scopes"] = {"4": another}
        lab.apply(items(router=[site.router]))
        assert site.a.is_kept_from(C, 80)
        # By the gateway's address it is seen, and by a floating IP it is reached, from everywhere.
        assert caller_seen(site.a, site.out, OUTER) == "172.24.4.10"
        site.float((FLOATING, C))
        assert site.a.reaches(FLOATING, 80) and site.out.reaches(FLOATING, 80)
        site.float()
        site.router["interfaces"][1]["scopes"] = {"4": scope}
        site.router["gateway"]["scopes"] = {"4": scope}
        site.out.route("10.20.0.0/24", "172.24.4.10")
        site.out.route("10.10.0.0/24", "172.24.4.10")
        lab.apply(items(router=[site.router]))
        assert site.a.reaches(C, 80) and site.out.reaches(C, 80)
        assert caller_seen(site.a, site.out, OUTER) == A
