"""The actions of Nova's old network API on servers: floating IPs and further fixed ones."""

from collections.abc import Callable
from typing import Any

import pytest
from waiting import at, wait_for

from clouds import TestCloud

Boot = Callable[..., dict[str, Any]]
_PATCH = {"content-type": "application/openstack-images-v2.1-json-patch"}


@pytest.fixture(scope="module")
def pool(cloud: TestCloud, network: str) -> str:
    """An external network, with a router from it to the project's network."""
    body = {"network": {"name": "outside", "router:external": True}}
    outside = cloud.admin.post("network", "/networks", body).json()["network"]["id"]
    subnet = {"subnet": {"network_id": outside, "ip_version": 4, "cidr": "203.0.113.0/24", "enable_dhcp": False}}
    assert cloud.admin.post("network", "/subnets", subnet).status_code == 201
    router = cloud.demo.post("network", "/routers", {"router": {"external_gateway_info": {"network_id": outside}}}).json()["router"]["id"]
    (inside,) = cloud.demo.get("network", "/subnets", params={"network_id": network}).json()["subnets"]
    joined = cloud.demo.put("network", f"/routers/{router}/add_router_interface", {"subnet_id": inside["id"]})
    assert joined.status_code == 200, joined.text
    return "outside"


def test_networks_are_shown_by_both_names(cloud: TestCloud, network: str) -> None:
    for path, name in (("os-networks", "label"), ("os-tenant-networks", "label")):
        shown = cloud.demo.get("compute", f"/{path}/{network}", headers=at("2.35")).json()["network"]
        assert (shown["id"], shown[name]) == (network, "net")
        assert cloud.other.get("compute", f"/{path}/{network}", headers=at("2.35")).status_code == 404
        assert cloud.demo.get("compute", f"/{path}/{network}", headers=at("2.36")).status_code == 404


def _addresses(cloud: TestCloud, server: dict[str, Any], kind: str) -> list[str]:
    shown = cloud.demo.get("compute", f"/servers/{server['id']}").json()["server"]["addresses"]
    return [one["addr"] for each in shown.values() for one in each if one["OS-EXT-IPS:type"] == kind]


def _act(cloud: TestCloud, server: dict[str, Any], name: str, version: str = "2.1", **body: Any) -> Any:
    return cloud.demo.post("compute", f"/servers/{server['id']}/action", {name: body}, headers=at(version))


def test_a_floating_ip_leads_to_a_server_until_it_is_taken_back(cloud: TestCloud, boot: Boot, pool: str) -> None:
    first, second = boot("first"), boot("second")
    made = cloud.demo.post("compute", "/os-floating-ips", {"pool": pool}).json()["floating_ip"]
    assert (made["fixed_ip"], made["instance_id"], made["pool"]) == (None, None, pool)
    address = made["ip"]
    assert _act(cloud, first, "addFloatingIp", address=address).status_code == 202
    assert _addresses(cloud, first, "floating") == [address]
    shown = cloud.demo.get("compute", f"/os-floating-ips/{made['id']}").json()["floating_ip"]
    assert (shown["instance_id"], [shown["fixed_ip"]]) == (first["id"], _addresses(cloud, first, "fixed"))

    elsewhere = _act(cloud, second, "removeFloatingIp", address=address)
    text = f"Floating IP {address} is not associated with instance {second['id']}."
    assert (elsewhere.status_code, elsewhere.json()["conflictingRequest"]["message"]) == (409, text)
    wrong = _act(cloud, second, "addFloatingIp", address=address, fixed_address="10.20.255.250")
    assert wrong.json()["badRequest"]["message"] == "Specified fixed address not assigned to instance"
    assert _addresses(cloud, first, "floating") == [address]

    (fixed,) = _addresses(cloud, second, "fixed")
    assert _act(cloud, second, "addFloatingIp", address=address, fixed_address=fixed).status_code == 202
    assert (_addresses(cloud, first, "floating"), _addresses(cloud, second, "floating")) == ([], [address])
    assert _act(cloud, second, "removeFloatingIp", address=address).status_code == 202
    assert _addresses(cloud, second, "floating") == []
    assert _act(cloud, second, "addFloatingIp", address="203.0.113.250").json()["itemNotFound"]["message"] == "floating IP not found"
    assert _act(cloud, second, "addFloatingIp", "2.44", address=address).status_code == 404
    assert cloud.demo.delete("compute", f"/os-floating-ips/{made['id']}").status_code == 202
    assert cloud.demo.get("compute", "/os-floating-ips").json() == {"floating_ips": []}


def test_nobody_leads_a_floating_ip_to_a_server_of_others(cloud: TestCloud, boot: Boot, pool: str) -> None:
    server = boot("mine")
    made = cloud.other.post("compute", "/os-floating-ips", {"pool": pool}).json()["floating_ip"]
    assert cloud.other.post("compute", f"/servers/{server['id']}/action", {"addFloatingIp": {"address": made["ip"]}}).status_code == 404
    assert _act(cloud, server, "addFloatingIp", address=made["ip"]).status_code == 404
    assert cloud.demo.delete("compute", f"/os-floating-ips/{made['id']}").status_code == 404
    assert cloud.other.delete("compute", f"/os-floating-ips/{made['id']}").status_code == 202


def test_fixed_ips_are_added_and_removed(cloud: TestCloud, boot: Boot, network: str) -> None:
    server = boot("wide")
    (first,) = _addresses(cloud, server, "fixed")
    assert _act(cloud, server, "addFixedIp", networkId=network).status_code == 202
    both = _addresses(cloud, server, "fixed")
    assert len(both) == 2 and first in both
    assert _act(cloud, server, "removeFixedIp", address=first).status_code == 202
    assert _addresses(cloud, server, "fixed") == [address for address in both if address != first]

    assert _act(cloud, server, "removeFixedIp", address="10.99.0.1").status_code == 202
    done = cloud.demo.get("compute", f"/servers/{server['id']}/os-instance-actions").json()["instanceActions"][0]
    assert (done["action"], done["message"]) == (
        "removeFixedIp",
        f"Instance {server['id']} does not have fixed IP '10.99.0.1'.",
    )
    assert _act(cloud, server, "addFixedIp").status_code == 400
    assert _act(cloud, server, "addFixedIp", "2.44", networkId=network).status_code == 404


def test_a_project_without_networks_is_made_one(cloud: TestCloud, flavor: str, image: str, pool: str) -> None:
    assert cloud.other.get("network", "/networks", params={"project_id": cloud.other.project_id}).json() == {"networks": []}
    cloud.demo.patch("image", f"/images/{image}", [{"op": "replace", "path": "/visibility", "value": "shared"}], headers=_PATCH)
    cloud.demo.post("image", f"/images/{image}/members", {"member": cloud.other.project_id})
    cloud.other.put("image", f"/images/{image}/members/{cloud.other.project_id}", {"status": "accepted"})
    body = {"server": {"name": "auto", "flavorRef": flavor, "imageRef": image, "networks": "auto", "min_count": 3}}
    refused = cloud.other.post("compute", "/servers", body, headers=at("2.37"))
    text = f"Unable to automatically allocate a network for project {cloud.other.project_id}"
    assert (refused.status_code, refused.json()["badRequest"]["message"]) == (400, text)

    (outside,) = cloud.admin.get("network", "/networks", params={"name": pool}).json()["networks"]
    assert cloud.admin.put("network", f"/networks/{outside['id']}", {"network": {"is_default": True}}).status_code == 200
    shared = {"name": "private", "prefixes": ["10.77.0.0/16"], "default_prefixlen": 26, "is_default": True, "shared": True}
    assert cloud.admin.post("network", "/subnetpools", {"subnetpool": shared}).status_code == 201
    made = cloud.other.post("compute", "/servers", body, headers=at("2.37"))
    assert made.status_code == 202, made.text
    wait_for(cloud.other, made.json()["server"]["id"], "ACTIVE")
    (found,) = cloud.other.get("network", "/networks", params={"project_id": cloud.other.project_id}).json()["networks"]
    servers = cloud.other.get("compute", "/servers/detail").json()["servers"]
    assert len(servers) == 3 and all(list(server["addresses"]) == [found["name"]] for server in servers)
