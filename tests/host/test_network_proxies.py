"""NDP proxies: an address behind a router is found on the external network; others behind it are not reached from there."""

import pytest
from network_lab import Lab, external, gateway, group, items, lab, network, port, router, rule

__all__ = ["lab"]
pytestmark = pytest.mark.host

OPEN = group(rule(ethertype="IPv6"))
INNER, OTHER, OUTER = "2001:db8:60:2::10", "2001:db8:60:2::11", "2001:db8:60:1::200"


def test_a_router_answers_for_some_addresses(lab: Lab) -> None:
    net, public = network(serves_dhcp=False), external()
    six = {"cidr": "2001:db8:60:2::/64", "ip_version": 6, "gateway_ip": "2001:db8:60:2::1", "dhcp": False, "dhcp_ip": None}
    net["subnets"] = [{**net["subnets"][0], **six}]
    ports = [port(net, address, groups=[OPEN["id"]]) for address in (INNER, OTHER)]
    inner, other = (lab.guest(made) for made in ports)
    for node, address in ((inner, INNER), (other, OTHER)):
        node.address(f"{address}/64", "2001:db8:60:2::1")
    made = router((net, "2001:db8:60:2::1/64"), gateway=gateway(public, "2001:db8:60:1::10/64"), ndp_proxy=True, ndp_proxies=[INNER])
    lab.apply(items(network=[net, public], group=[OPEN], port=ports, router=[made]))
    out = lab.node("out", "fa:16:3e:77:77:77", "out", lab.external.bridge)
    # It takes everything to be on the external network.
    out.address(f"{OUTER}/48")
    assert out.pings(INNER)
    assert inner.pings(OUTER)
    assert out.pings_in_vain(OTHER)
    out.neighbour(OTHER, made["gateway"]["mac"])
    assert out.pings_in_vain(OTHER), "who goes to the router by itself does not get in either"
    lab.apply(items(router=[{**made, "ndp_proxies": [OTHER]}]))
    assert out.pings(OTHER)
    assert out.pings_in_vain(INNER)
    lab.apply(items(router=[{**made, "ndp_proxy": False, "ndp_proxies": []}]))
    assert out.pings(OTHER), "without proxies a router is open, to who knows the way"
