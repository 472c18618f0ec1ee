"""Where a router has several next hops for a destination, its host is told the one with the fewest routers on the way."""

from typing import Any

from network_api import Net, Told, eventually


def to(destination: str, nexthop: str) -> dict[str, str]:
    return {"destination": destination, "nexthop": nexthop}


class Triangle:
    """Three routers joined with each other: `one`, `two`, and `three`, behind which 10.3.0.0/24 is."""

    def __init__(self, user: Net) -> None:
        self.user = user
        self.routers = {name: user.create("routers", name=name)["id"] for name in ("one", "two", "three")}
        for first, second, cidr in (("one", "two", "10.12.0"), ("one", "three", "10.13.0"), ("two", "three", "10.23.0")):
            net = user.network(cidr, f"{cidr}.0/24", enable_dhcp=False)
            for name in (first, second):
                self.plug(name, net, f"{cidr}.{list(self.routers).index(name) + 1}")
        self.plug("three", user.network("behind", "10.3.0.0/24", enable_dhcp=False), "10.3.0.1")

    def plug(self, name: str, net: dict[str, Any], address: str) -> dict[str, Any]:
        port = self.user.create("ports", network_id=net["id"], fixed_ips=[{"ip_address": address}])
        self.user.act(f"/routers/{self.routers[name]}/add_router_interface", {"port_id": port["id"]})
        return port

    def route(self, name: str, *routes: dict[str, str]) -> None:
        self.user.update("routers", self.routers[name], routes=list(routes))

    def told(self, told: Told, name: str) -> list[dict[str, str]]:
        return told.item(f"router/{self.routers[name]}").routes


def test_the_shortest_way_is_taken(demo: Net, told: Told) -> None:
    site = Triangle(demo)
    direct, around = to("10.3.0.0/24", "10.13.0.3"), to("10.3.0.0/24", "10.12.0.2")
    site.route("two", to("10.3.0.0/16", "10.23.0.3"))
    site.route("one", around, direct)
    eventually(lambda: site.told(told, "one") == [direct])
    assert demo.show("routers", site.routers["one"])["routes"] == [around, direct]
    # The third router is on that network no longer, but the second one is: now that way is the shorter.
    behind = demo.list("networks", name="behind")[0]
    subnet = behind["subnets"][0]
    demo.act(f"/routers/{site.routers['three']}/remove_router_interface", {"subnet_id": subnet})
    site.plug("two", behind, "10.3.0.2")
    eventually(lambda: site.told(told, "one") == [around])
    # Ways that lead in a circle are none.
    demo.act(f"/routers/{site.routers['two']}/remove_router_interface", {"subnet_id": subnet})
    site.route("two", to("10.3.0.0/24", "10.12.0.1"))
    site.plug("three", behind, "10.3.0.3")
    eventually(lambda: site.told(told, "one") == [direct])
    site.route("one", around)
    eventually(lambda: site.told(told, "one") == [around])


def test_a_floating_ip_on_a_router_further_out(demo: Net, admin: Net, told: Told) -> None:
    outside = admin.create("networks", name="beyond", **{"router:external": True})
    admin.create("subnets", network_id=outside["id"], ip_version=4, cidr="172.22.0.0/24", enable_dhcp=False)
    lan, transit = demo.network("lan", "10.31.0.0/24"), demo.network("transit", "10.32.0.0/24", enable_dhcp=False)
    outer = demo.create("routers", name="outer", external_gateway_info={"network_id": outside["id"]})
    inner = demo.create("routers", name="inner")
    demo.act(f"/routers/{inner['id']}/add_router_interface", {"subnet_id": lan["subnet"]["id"]})
    demo.act(f"/routers/{outer['id']}/add_router_interface", {"subnet_id": transit["subnet"]["id"]})
    port = demo.create("ports", network_id=transit["id"], fixed_ips=[{"ip_address": "10.32.0.2"}])
    demo.act(f"/routers/{inner['id']}/add_router_interface", {"port_id": port["id"]})
    demo.update("routers", outer["id"], routes=[to("10.31.0.0/24", "10.32.0.2")])
    guest = demo.create("ports", network_id=lan["id"])
    floating = demo.create("floatingips", floating_network_id=outside["id"], port_id=guest["id"], router_id=outer["id"])
    assert floating["router_id"] == outer["id"]
    pair = [(floating["floating_ip_address"], guest["fixed_ips"][0]["ip_address"])]
    eventually(lambda: [(one.floating_ip, one.fixed_ip) for one in told.item(f"router/{outer['id']}").floating_ips] == pair)
    eventually(lambda: demo.show("floatingips", floating["id"])["status"] == "ACTIVE")
    demo.update("floatingips", floating["id"], port_id=None)
    eventually(lambda: told.item(f"router/{outer['id']}").floating_ips == [])
