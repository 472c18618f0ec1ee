"""The metadata service, asked by guests over 169.254.169.254: each hears of itself."""

import json
from typing import Any

import pytest
from network_lab import Lab, Node, external, gateway, group, items, lab, network, port, router

__all__ = ["lab"]
pytestmark = pytest.mark.host


def metadata(name: str) -> dict[str, Any]:
    return {"meta_data": {"name": name, "uuid": name}, "network_data": {}, "ec2": {"hostname": name}}


def server(made: dict[str, Any], name: str) -> dict[str, Any]:
    return {f"metadata/{made['server_id']}": metadata(name)}


def hostname(guest: Node) -> bytes:
    status, body = guest.http("/latest/meta-data/hostname")
    assert status == 200, body
    return body


def test_without_a_router_the_dhcp_server_is_the_way(lab: Lab) -> None:
    net = network()
    made = port(net, "10.10.0.11", groups=[])
    everything = group()
    made["groups"] = [everything["id"]]
    guest = lab.guest(made)
    lab.apply({**items(network=[net], port=[made], group=[everything]), **server(made, "first")})
    guest.address("10.10.0.11/24")
    guest.route("169.254.169.254/32", "10.10.0.2")
    assert hostname(guest) == b"first"
    status, body = guest.http("/openstack/latest/meta_data.json")
    assert status == 200
    assert json.loads(body)["name"] == "first"
    lab.apply(server(made, "changed"))
    assert hostname(guest) == b"changed"


def test_a_guest_with_nothing_but_a_default_route_asks_its_router(lab: Lab) -> None:
    net = network()
    net["subnets"][0]["dhcp"] = False
    everything = group()
    made = port(net, "10.10.0.11", groups=[everything["id"]])
    guest = lab.guest(made)
    lab.apply({**items(network=[net], port=[made], group=[everything], router=[router((net, "10.10.0.1/24"))]), **server(made, "routed")})
    guest.address("10.10.0.11/24", "10.10.0.1")
    assert hostname(guest) == b"routed"


def test_a_guest_without_routes_finds_it_on_the_link(lab: Lab) -> None:
    net, everything = network(), group()
    made = port(net, "10.10.0.11", groups=[everything["id"]])
    guest = lab.guest(made)
    lab.apply({**items(network=[net], port=[made], group=[everything], router=[router((net, "10.10.0.1/24"))]), **server(made, "near")})
    guest.address("10.10.0.11/24")
    guest.netlink(lambda netlink, index: netlink.route("add", dst="169.254.0.0/16", oif=index, scope="link"))
    assert hostname(guest) == b"near"


def test_two_tenants_with_the_same_addresses(lab: Lab) -> None:
    everything = group()
    guests = []
    for name in ("one", "two"):
        net = network()
        made = port(net, "10.10.0.11", groups=[everything["id"]])
        guest = lab.guest(made)
        lab.apply({**items(network=[net], port=[made], group=[everything], router=[router((net, "10.10.0.1/24"))]), **server(made, name)})
        guest.address("10.10.0.11/24", "10.10.0.1")
        guests.append((guest, made, name))
    for guest, _, name in guests:
        assert hostname(guest) == name.encode(), "by the router"
        guest.route("169.254.169.254/32", "10.10.0.2")
        assert hostname(guest) == name.encode(), "by the DHCP server"


def test_unknown_askers_get_nothing(lab: Lab) -> None:
    net, everything = network(), group()
    unnamed = port(net, "10.10.0.11", groups=[everything["id"]])
    guest = lab.guest(unnamed)
    lab.apply(items(network=[net], port=[unnamed], group=[everything]))
    guest.address("10.10.0.11/24")
    guest.route("169.254.169.254/32", "10.10.0.2")
    status, body = guest.http("/latest/meta-data/")
    assert (status, body) == (404, b"404 Not Found\n\nThe resource could not be found.\n\n   ")
    lab.apply(server(unnamed, "named"))
    assert hostname(guest) == b"named"
    lab.apply({f"metadata/{unnamed['server_id']}": None})
    assert guest.http("/latest/meta-data/")[0] == 404


def test_it_is_not_there_from_outside(lab: Lab) -> None:
    net, outside = network(), external()
    lab.apply(items(network=[net, outside], router=[router((net, "10.10.0.1/24"), gateway=gateway(outside, "172.24.4.10/24"))]))
    machine = lab.node("out", "fa:16:3e:77:77:77", "out", lab.external.bridge)
    machine.address("172.24.4.200/24")
    machine.route("169.254.169.254/32", "172.24.4.10")
    assert machine.pings("172.24.4.10", timeout=20)
    assert machine.is_kept_from("169.254.169.254", 80)


def test_a_password_is_taken_once_and_told_to_the_controller(lab: Lab) -> None:
    net, everything = network(), group()
    made = port(net, "10.10.0.11", groups=[everything["id"]])
    guest = lab.guest(made)
    lab.apply({**items(network=[net], port=[made], group=[everything]), **server(made, "one")})
    guest.address("10.10.0.11/24")
    guest.route("169.254.169.254/32", "10.10.0.2")
    page = "/openstack/latest/password"
    assert guest.http(page) == (200, b"")
    assert guest.http(page, method="POST", body=b"x" * 1021)[0] == 400
    assert guest.http(page, method="POST", body=b"c2VjcmV0") == (200, b"")
    assert guest.http(page, method="POST", body=b"another")[0] == 409
    assert guest.http(page) == (200, b"c2VjcmV0")
    assert [(report.kind, report.data) for report in lab.reports] == [
        ("metadata.password", {"server_id": made["server_id"], "password": "c2VjcmV0"})
    ]


def test_it_is_there_again_after_the_agent_was_away(lab: Lab) -> None:
    net, everything = network(), group()
    made = port(net, "10.10.0.11", groups=[everything["id"]])
    guest = lab.guest(made)
    state = {**items(network=[net], port=[made], group=[everything], router=[router((net, "10.10.0.1/24"))]), **server(made, "back")}
    lab.apply(state)
    guest.address("10.10.0.11/24", "10.10.0.1")
    assert hostname(guest) == b"back"
    lab.restart()
    lab.apply(state, full=True)
    assert hostname(guest) == b"back"
