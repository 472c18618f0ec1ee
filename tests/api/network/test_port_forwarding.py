"""Forwarded ports: what hosts are told, and what follows when servers and their addresses go."""

from typing import Any

import pytest
from network_api import Net, Told, eventually


@pytest.fixture(scope="module")
def site(admin: Net, demo: Net) -> dict[str, Any]:
    """A network behind a router, and a floating IP."""
    outside = admin.network("pf-outside")
    admin.update("networks", outside["id"], **{"router:external": True})
    admin.create("subnets", network_id=outside["id"], ip_version=4, cidr="172.32.0.0/24", enable_dhcp=False)
    net = demo.network("pf-inside", "10.90.0.0/24")
    router = demo.create("routers", external_gateway_info={"network_id": outside["id"]})
    demo.act(f"/routers/{router['id']}/add_router_interface", {"subnet_id": net["subnet"]["id"]})
    return {"outside": outside, "net": net, "router": router}


def forwardings(user: Net, floating: dict[str, Any]) -> list[dict[str, Any]]:
    return user.client.get("network", f"/floatingips/{floating['id']}/port_forwardings").json()["port_forwardings"]


def test_hosts_hear_of_forwarded_ports(site: dict[str, Any], demo: Net, told: Told) -> None:
    floating = demo.create("floatingips", floating_network_id=site["outside"]["id"])
    port = demo.create("ports", network_id=site["net"]["id"])
    address = port["fixed_ips"][0]["ip_address"]
    path = f"/floatingips/{floating['id']}/port_forwardings"
    body = {"internal_port_id": port["id"], "internal_ip_address": address, "protocol": "tcp"}
    both = [{**body, "external_port": 2000, "internal_port": 80}, {**body, "external_port_range": "3000:3009", "internal_port": 81}]
    made = demo.client.post("network", path, {"port_forwardings": both})
    assert made.status_code == 201, made.text
    key = f"router/{site['router']['id']}"
    known = eventually(lambda: len(found := told.item(key).port_forwardings) == 2 and found)
    assert {(one.floating_ip, one.internal_ip, one.protocol) for one in known} == {(floating["floating_ip_address"], address, "tcp")}
    assert {(tuple(one.external_ports), tuple(one.internal_ports)) for one in known} == {((2000, 2000), (80, 80)), ((3000, 3009), (81, 81))}
    shown = eventually(lambda: (found := demo.show("floatingips", floating["id"]))["status"] == "ACTIVE" and found)
    assert shown["router_id"] == site["router"]["id"] and shown["port_id"] is None and len(shown["port_forwardings"]) == 2
    demo.delete("ports", port["id"])
    eventually(lambda: told.item(key).port_forwardings == [])
    shown = demo.show("floatingips", floating["id"])
    assert shown["router_id"] is None and shown["port_forwardings"] == [] and shown["status"] == "DOWN"
    demo.delete("floatingips", floating["id"])


def test_an_address_that_goes_takes_its_forwardings_along(site: dict[str, Any], demo: Net) -> None:
    floating = demo.create("floatingips", floating_network_id=site["outside"]["id"])
    port = demo.create("ports", network_id=site["net"]["id"], fixed_ips=[{"ip_address": "10.90.0.50"}, {"ip_address": "10.90.0.51"}])
    for number, address in enumerate(("10.90.0.50", "10.90.0.51")):
        body = {"internal_port_id": port["id"], "internal_ip_address": address, "protocol": "udp", "internal_port": 53}
        answer = demo.client.post(
            "network", f"/floatingips/{floating['id']}/port_forwardings", {"port_forwarding": {**body, "external_port": 5300 + number}}
        )
        assert answer.status_code == 201, answer.text
    subnet = site["net"]["subnet"]["id"]
    fault = demo.refused("PUT", f"/routers/{site['router']['id']}/remove_router_interface", 409, {"subnet_id": subnet})
    assert fault["type"] == "RouterInterfaceInUseByFloatingIP"
    demo.update("ports", port["id"], fixed_ips=[{"ip_address": "10.90.0.51"}])
    assert [one["internal_ip_address"] for one in forwardings(demo, floating)] == ["10.90.0.51"]
    demo.update("floatingips", floating["id"], description="kept")
    assert demo.show("floatingips", floating["id"])["router_id"] == site["router"]["id"]
    demo.delete("ports", port["id"])
    demo.delete("floatingips", floating["id"])


def test_forwardings_of_others_are_none(site: dict[str, Any], demo: Net, other: Net, reader: Net) -> None:
    floating = demo.create("floatingips", floating_network_id=site["outside"]["id"])
    path = f"/floatingips/{floating['id']}/port_forwardings"
    assert other.refused("GET", path, 404)["type"] == "FloatingIPNotFound"
    assert forwardings(reader, floating) == []
    demo.delete("floatingips", floating["id"])
