"""The addresses that servers are shown with."""

from collections.abc import Callable
from typing import Any

from clouds import TestCloud

Boot = Callable[..., dict[str, Any]]


def _make(cloud: TestCloud, path: str, *, admin: bool = False, **values: Any) -> dict[str, Any]:
    name = path.rstrip("s")
    answer = (cloud.admin if admin else cloud.demo).post("network", f"/{path}", {name: values})
    assert answer.status_code == 201, answer.text
    return answer.json()[name]


def test_fixed_addresses_come_before_floating_ones_network_by_network(cloud: TestCloud, boot: Boot, network: str) -> None:
    outside = _make(cloud, "networks", admin=True, name="outside", **{"router:external": True})
    _make(cloud, "subnets", admin=True, network_id=outside["id"], ip_version=4, cidr="172.30.0.0/24")
    inside = _make(cloud, "networks", name="both")
    subnets = [
        _make(cloud, "subnets", network_id=inside["id"], ip_version=version, cidr=cidr)
        for version, cidr in ((6, "fd00:5::/64"), (4, "10.50.0.0/24"))
    ]
    router = _make(cloud, "routers", name="r", external_gateway_info={"network_id": outside["id"]})
    plugged = cloud.demo.put("network", f"/routers/{router['id']}/add_router_interface", json={"subnet_id": subnets[1]["id"]})
    assert plugged.status_code == 200, plugged.text
    several = [{"subnet_id": subnets[1]["id"]}, {"subnet_id": subnets[1]["id"]}, {"subnet_id": subnets[0]["id"]}]
    port = _make(cloud, "ports", network_id=inside["id"], fixed_ips=several)
    fixed = [one["ip_address"] for one in port["fixed_ips"]]
    v4 = [address for address in fixed if ":" not in address]
    floating = [
        _make(cloud, "floatingips", floating_network_id=outside["id"], port_id=port["id"], fixed_ip_address=address)["floating_ip_address"]
        for address in v4
    ]
    server = boot("many", networks=[{"port": port["id"]}, {"uuid": network}])
    shown = server["addresses"]
    assert [(one["addr"], one["version"], one["OS-EXT-IPS:type"]) for one in shown["both"]] == [
        *[(address, 4, "fixed") for address in v4],
        *[(address, 6, "fixed") for address in fixed if ":" in address],
        *[(address, 4, "floating") for address in floating],
    ]
    assert {one["OS-EXT-IPS-MAC:mac_addr"] for one in shown["both"]} == {port["mac_address"]}
    assert [one["OS-EXT-IPS:type"] for one in shown["net"]] == ["fixed"]
    listed = cloud.demo.get("compute", "/servers/detail").json()["servers"]
    assert [one["addresses"] for one in listed if one["id"] == server["id"]] == [shown]
    plain = cloud.demo.get("compute", f"/servers/{server['id']}/ips").json()["addresses"]
    assert plain == {label: [{"version": one["version"], "addr": one["addr"]} for one in each] for label, each in shown.items()}
    (other,) = cloud.demo.get("network", f"/ports?device_id={server['id']}&network_id={network}").json()["ports"]
    assert cloud.demo.put("network", f"/ports/{other['id']}", json={"port": {"fixed_ips": []}}).status_code == 200
    left = cloud.demo.get("compute", f"/servers/{server['id']}").json()["server"]["addresses"]
    assert left == {"both": shown["both"], "net": []}
