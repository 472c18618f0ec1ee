"""Items as they come in: merged, refused, and what each asks of DHCP."""

from typing import Any

import pytest

from monostack.agent.network.linux import dhcp
from monostack.agent.network.linux.lookup import Lookup
from monostack.agent.network.linux.state import Desired
from monostack.protocol.network import Apply, NetworkItem, PortItem

NET, SUBNET, SUBNET6, PORT = "ae000000-0000", "5b000000-0000", "56000000-0000", "b0000000-0000"


def subnet(**changes: Any) -> dict[str, Any]:
    known = {"id": SUBNET, "cidr": "10.0.0.0/24", "ip_version": 4, "gateway_ip": "10.0.0.1", "dhcp": True, "dns_nameservers": []}
    return {**known, "host_routes": [], "dhcp_ip": "10.0.0.2", **changes}


def subnet6(**changes: Any) -> dict[str, Any]:
    known = subnet(id=SUBNET6, cidr="2001:db8::/64", ip_version=6, gateway_ip="2001:db8::1", dhcp_ip="2001:db8::2")
    return {**known, **changes}


def network(*subnets: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {"id": NET, "name": "n", "mtu": 1450, "kind": "tenant", "subnets": list(subnets or [subnet()]), "serves_dhcp": True, **changes}


def port(**changes: Any) -> dict[str, Any]:
    known = {"id": PORT, "network_id": NET, "mac": "fa:16:3e:00:00:01", "fixed_ips": [{"subnet_id": SUBNET, "ip_address": "10.0.0.5"}]}
    return {
        **known,
        "tap": None,
        "admin_up": True,
        "port_security": True,
        "groups": [],
        "allowed_pairs": [],
        "server_id": "s1",
        "project_id": "p",
        **changes,
    }


def refusal(key: str, item: dict[str, Any]) -> str:
    changes = Desired().merge(Apply({key: item}))
    assert changes.set == {}
    return changes.errors.get(key, "")


def test_set_again_and_removed() -> None:
    desired = Desired()
    key = f"network/{NET}"
    assert desired.merge(Apply({key: network()})).set == {key: None}
    before = desired.networks[NET]
    assert desired.merge(Apply({key: network()})).set == {}
    assert desired.networks[NET] is before
    assert desired.merge(Apply({key: network(mtu=1400)})).set == {key: before}
    assert list(desired.merge(Apply({key: None})).removed) == [key]
    assert desired.merge(Apply({key: None})).removed == {}


def test_full_removes_what_is_not_named_but_keeps_what_is_not_understood() -> None:
    desired = Desired()
    desired.merge(Apply({f"network/{NET}": network(), f"port/{PORT}": port()}))
    changes = desired.merge(Apply({f"network/{NET}": {"id": NET}}, full=True))
    assert list(changes.removed) == [f"port/{PORT}"]
    assert list(changes.errors) == [f"network/{NET}"]
    assert desired.networks[NET].mtu == 1450


@pytest.mark.parametrize(
    ("key", "item", "why"),
    [
        ("nonsense/1", {}, "there is no item 'nonsense'"),
        (f"network/{NET}", network(id="other"), "its key says"),
        ("network/../../etc", network(id="../../etc"), "is not an id"),
        (f"network/{NET}", network(kind="vlan"), "a vlan network names its physical network"),
        (f"network/{NET}", network(kind="vlan", physical_network="public", segment=4095), "4095 is not a VLAN tag"),
        (f"network/{NET}", network(kind="gre"), "tenant, flat and vlan networks, not 'gre'"),
        (f"network/{NET}", network(kind="flat"), "names its physical network"),
        (f"network/{NET}", network(mtu=9), "MTU 9"),
        (f"network/{NET}", network(dns_domain="a\nb"), "is not a DNS name"),
        (f"network/{NET}", network(dhcp_mac="x"), "is not a MAC address"),
        (f"network/{NET}", network(subnet(cidr="10.0.0.1/24")), "has host bits set"),
        (f"network/{NET}", network(subnet(gateway_ip="::1")), "is not an address for subnet"),
        (f"network/{NET}", network(subnet(dns_nameservers=["x"])), "'x' does not appear to be"),
        (f"network/{NET}", network(subnet(host_routes=[{"destination": "10.9.0.0/16"}])), "a destination and a nexthop"),
        (f"network/{NET}", network(subnet6(ipv6_ra_mode="x")), "no such IPv6 mode"),
        (f"port/{PORT}", port(mac="fa:16:3e"), "is not a MAC address"),
        (f"port/{PORT}", port(tap="eth0"), "is not the name of a tap"),
        (f"port/{PORT}", port(hostname="a b"), "is not a DNS name"),
        (f"port/{PORT}", port(groups=["../x"]), "is not an id"),
        (f"port/{PORT}", port(fixed_ips=[{"subnet_id": SUBNET, "ip_address": "10.0.0"}]), "does not appear to be"),
        (f"port/{PORT}", port(allowed_pairs=[{"ip_address": "10.0.0.1; drop"}]), "does not appear to be"),
        (f"port/{PORT}", port(dhcp_options=[{"opt_name": "a b", "opt_value": "x"}]), "is not the name of a DHCP option"),
        (f"port/{PORT}", port(dhcp_options=[{"opt_name": "router", "opt_value": "1\n2"}]), "is not one line of text"),
        (f"port/{PORT}", port(dhcp_options=[{"opt_name": "client-id", "opt_value": "x,10.0.0.9"}]), "is not a DHCP client id"),
        ("metadata/5e000000-0000", {"meta_data": {}, "network_data": {}, "ec2": {}, "user_data": "x"}, "user data is not base64"),
        ("members/9a000000-0000", {"id": "9a000000-0000", "addresses": ["x"]}, "does not appear to be"),
    ],
)
def test_refused(key: str, item: dict[str, Any], why: str) -> None:
    assert why in refusal(key, item)


def test_a_router_is_looked_through() -> None:
    end = {"port_id": "f0000000-0000", "network_id": NET, "mac": "fa:16:3e:00:00:09", "addresses": ["10.0.0.1/24"]}
    good = {"id": "e0000000-0000", "admin_up": True, "interfaces": [end], "gateway": None, "routes": [], "floating_ips": []}
    key = "router/e0000000-0000"
    assert refusal(key, {**good, "interfaces": [{**end, "mac": "x"}]})
    assert refusal(key, {**good, "interfaces": [{**end, "addresses": ["x"]}]})
    assert refusal(key, {**good, "routes": [{"destination": "10.0.0.0/8", "nexthop": "::1"}]})
    assert refusal(key, {**good, "floating_ips": [{"id": "f", "floating_ip": "::1", "fixed_ip": "10.0.0.5"}]})
    assert Desired().merge(Apply({key: good})).errors == {}


def made(net: dict[str, Any], *ports: dict[str, Any]) -> tuple[NetworkItem, list[PortItem]]:
    desired = Desired()
    changes = desired.merge(Apply({f"network/{NET}": net, **{f"port/{item['id']}": item for item in ports}}))
    assert changes.errors == {}
    return desired.networks[NET], list(desired.ports.values())


def test_dhcp_hosts_by_mode() -> None:
    fixed = [{"subnet_id": SUBNET, "ip_address": "10.0.0.5"}, {"subnet_id": SUBNET6, "ip_address": "2001:db8::5"}]
    both = port(fixed_ips=fixed, hostname="web")
    stateful = subnet6(ipv6_address_mode="dhcpv6-stateful", ipv6_ra_mode="dhcpv6-stateful")
    hosts = dhcp.files(*made(network(subnet(), stateful), both))["hosts"].splitlines()
    assert hosts == ["fa:16:3e:00:00:01,10.0.0.5,web", "fa:16:3e:00:00:01,tag:dhcpv6,[2001:db8::5],web"]
    for mode in ("slaac", "dhcpv6-stateless"):
        net = network(subnet(), subnet6(ipv6_address_mode=mode, ipv6_ra_mode=mode))
        assert dhcp.files(*made(net, both))["hosts"].splitlines() == ["fa:16:3e:00:00:01,10.0.0.5,web"]
        served = [item.id for item in dhcp.subnets(made(net)[0])]
        assert (SUBNET6 in served) == (mode == "dhcpv6-stateless")
    assert dhcp.leased(*made(network(subnet(), stateful), both)) == {"10.0.0.5": both["mac"], "2001:db8::5": both["mac"]}


def test_dhcp_options_of_ports_need_no_tags_among_the_hosts() -> None:
    """dnsmasq crashes when it reads a host with `set:` again after a lease."""
    net, ports = made(network(), port(dhcp_options=[{"opt_name": "66", "opt_value": "boot", "ip_version": 4}]))
    assert "set:" not in dhcp.files(net, ports)["hosts"]
    assert f"dhcp-mac=set:port-{PORT},fa:16:3e:00:00:01\n" in dhcp.config(net, ports, "eth0", "/d", [])
    assert f"tag:port-{PORT},66,boot" in dhcp.files(net, ports)["options"]
    plain = made(network(), port())
    assert "dhcp-mac" not in dhcp.config(*plain, "eth0", "/d", [])


def test_dhcp_serves_only_subnets_that_want_it() -> None:
    net, _ = made(network(subnet(dhcp=False)))
    assert dhcp.subnets(net) == []
    net, ports = made(network(subnet(), dns_domain="x.test."), port())
    config = dhcp.config(net, ports, "eth0", "/d", ["192.0.2.53"])
    assert "server=192.0.2.53\n" in config
    assert "domain=x.test\n" in config
    assert dhcp.files(net, ports)["names"] == "10.0.0.5\thost-10-0-0-5.x.test host-10-0-0-5\n"


def test_who_asks_for_metadata() -> None:
    desired = Desired()
    meta = {"meta_data": {}, "network_data": {}, "ec2": {}}
    other = "ae000000-0001"
    items = {
        f"network/{NET}": network(),
        f"port/{PORT}": port(),
        "port/b0000000-0001": port(id="b0000000-0001", network_id=other, server_id="5e000000-0002"),
        "metadata/5e000000-0002": meta,
    }
    desired.merge(Apply({**items, f"port/{PORT}": port(server_id="5e000000-0001"), "metadata/5e000000-0001": meta}))
    lookup = Lookup(desired)
    one, two = lookup.find((NET,), "10.0.0.5"), lookup.find(("unknown", other), "10.0.0.5")
    assert one is not None and one.server_id == "5e000000-0001"
    assert two is not None and two.server_id == "5e000000-0002"
    assert lookup.find((NET,), "10.0.0.6") is None
    assert lookup.find((), "10.0.0.5") is None
    assert Lookup().find((NET,), "10.0.0.5") is None
