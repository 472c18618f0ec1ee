"""Routers with several external gateways: what is shown of them and what their host is told."""

from typing import Any

import pytest
from network_api import Net, Told, eventually


@pytest.fixture(scope="module")
def outsides(admin: Net) -> list[dict[str, Any]]:
    """Two external networks."""
    made = []
    for name, cidr in (("first", "172.24.0.0/24"), ("second", "172.25.0.0/24")):
        made.append(admin.create("networks", name=name, **{"router:external": True}))
        admin.create("subnets", network_id=made[-1]["id"], ip_version=4, cidr=cidr, enable_dhcp=False)
    return made


def _change(user: Net, router: dict[str, Any], verb: str, *gateways: dict[str, Any]) -> dict[str, Any]:
    path = f"/routers/{router['id']}/{verb}_external_gateways"
    return user.act(path, {"router": {"external_gateways": list(gateways)}})["router"]


def test_the_host_is_told_of_every_gateway(admin: Net, demo: Net, told: Told, outsides: list[dict[str, Any]]) -> None:
    first, second = outsides
    router = demo.create("routers", name="r")
    assert (router["external_gateways"], router["enable_default_route_ecmp"]) == ([], False)
    shown = _change(demo, router, "add", {"network_id": first["id"]}, {"network_id": second["id"]}, {"network_id": second["id"]})
    ends = shown["external_gateways"]
    assert [one["network_id"] for one in ends] == [first["id"], second["id"], second["id"]]
    assert shown["external_gateway_info"] == {**ends[0], "enable_snat": True}
    addresses = [one["external_fixed_ips"][0]["ip_address"] + "/24" for one in ends]
    key = f"router/{router['id']}"
    eventually(lambda: told.having(key) and [one.addresses[0] for one in told.item(key).gateways] == addresses)
    item = told.item(key)
    assert [one.gateway_ips for one in item.gateways] == [["172.24.0.1"], ["172.25.0.1"], ["172.25.0.1"]] and not item.ecmp
    assert {f"network/{one['id']}" for one in outsides} <= set(told.items(told.having(key)[0]))
    admin.update("routers", router["id"], enable_default_route_ecmp=True)
    eventually(lambda: told.item(key).ecmp)
    net = demo.network("behind both", "10.41.0.0/24")
    demo.act(f"/routers/{router['id']}/add_router_interface", {"subnet_id": net["subnet"]["id"]})
    port = demo.create("ports", network_id=net["id"])
    floating = demo.create("floatingips", floating_network_id=second["id"], port_id=port["id"])
    assert floating["router_id"] == router["id"]
    borne = [(floating["floating_ip_address"], item.gateways[1].port_id)]
    eventually(lambda: [(one.floating_ip, one.bearer) for one in told.item(key).floating_ips] == borne)
    demo.delete("floatingips", floating["id"])
    # The first one goes: the next takes its place.
    left = _change(demo, router, "remove", {"network_id": first["id"]})
    assert [one["network_id"] for one in left["external_gateways"]] == [second["id"]] * 2
    assert left["external_gateway_info"] == {**ends[1], "enable_snat": True}
    eventually(lambda: [one.addresses[0] for one in told.item(key).gateways] == addresses[1:])
    demo.act(f"/routers/{router['id']}/remove_router_interface", {"subnet_id": net["subnet"]["id"]})
    demo.delete("routers", router["id"])
    assert admin.list("ports", device_id=router["id"]) == []


def test_which_gateway_is_meant(demo: Net, outsides: list[dict[str, Any]]) -> None:
    first, second = outsides
    router = demo.create("routers", name="ambiguous")
    path = f"/routers/{router['id']}/remove_external_gateways"
    one = {"router": {"external_gateways": [{"network_id": first["id"]}]}}
    assert demo.refused("PUT", path, 400, one)["type"] == "UnableToRemoveGateways"
    _change(demo, router, "add", {"network_id": first["id"]}, {"network_id": first["id"]})
    assert demo.refused("PUT", path, 400, one)["type"] == "UnableToMatchGateways"
    other = {"router": {"external_gateways": [{"network_id": second["id"]}]}}
    assert demo.refused("PUT", path, 400, other)["type"] == "UnableToMatchGateways"
    for body in ({}, {"router": {"external_gateways": "x"}}, {"router": {"external_gateways": [{}]}}):
        demo.refused("PUT", path, 400, body)
    assert len(demo.show("routers", router["id"])["external_gateways"]) == 2, "nothing was changed"
    demo.delete("routers", router["id"])
