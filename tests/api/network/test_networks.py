"""Networks: who may see and change them, several at once, pages, conditional changes; and the same through openstacksdk."""

from urllib.parse import parse_qsl, urlsplit

import pytest
from network_api import Net

from clouds import TestCloud


def test_another_project_sees_nothing_of_it(demo: Net, other: Net) -> None:
    net = demo.network("hidden", "10.50.0.0/24")
    port = demo.create("ports", network_id=net["id"])
    group = demo.create("security-groups", name="hidden")
    router = demo.create("routers", name="hidden")
    paths = [("networks", net["id"]), ("subnets", net["subnet"]["id"]), ("ports", port["id"]), ("security-groups", group["id"])]
    for collection, id in [*paths, ("routers", router["id"])]:
        name = Net._singular(collection)
        for method, body in (("GET", None), ("PUT", {name: {"name": "mine"}}), ("DELETE", None)):
            fault = other.refused(method, f"/{collection}/{id}", 404, body)
            assert id in fault["message"]
        assert id not in [one["id"] for one in other.list(collection)]
    other.refused("POST", "/ports", 404, {"port": {"network_id": net["id"]}})
    other.refused("POST", "/subnets", 404, {"subnet": {"network_id": net["id"], "ip_version": 4, "cidr": "10.51.0.0/24"}})
    other.refused("PUT", f"/routers/{router['id']}/add_router_interface", 404, {"subnet_id": net["subnet"]["id"]})
    assert demo.show("networks", net["id"])["name"] == "hidden"


def test_a_reader_reads_and_no_more(demo: Net, reader: Net) -> None:
    net = demo.network("read", "10.52.0.0/24")
    assert reader.show("networks", net["id"])["id"] == net["id"]
    assert reader.refused("POST", "/networks", 403, {"network": {"name": "x"}})["type"] == "PolicyNotAuthorized"
    assert reader.refused("PUT", f"/networks/{net['id']}", 403, {"network": {"name": "x"}})["type"] == "PolicyNotAuthorized"
    assert reader.refused("DELETE", f"/networks/{net['id']}", 403)["type"] == "PolicyNotAuthorized"


@pytest.mark.parametrize(
    "attribute", [{"shared": True}, {"router:external": True}, {"provider:network_type": "vxlan"}, {"provider:segmentation_id": 7}]
)
def test_what_only_administrators_may_set(demo: Net, attribute: dict) -> None:
    fault = demo.refused("POST", "/networks", 403, {"network": {"name": "x", **attribute}})
    (name,) = attribute
    assert f"rule:create_network:{name}" in fault["message"]


def test_what_only_administrators_see(demo: Net, admin: Net) -> None:
    net = demo.network("seen", "10.53.0.0/24")
    assert not [name for name in demo.show("networks", net["id"]) if name.startswith("provider:")]
    shown = admin.show("networks", net["id"])
    assert shown["provider:network_type"] == "vxlan" and shown["provider:segmentation_id"] > 0
    port = demo.create("ports", network_id=net["id"])
    assert [name for name in port if name.startswith("binding:")] == ["binding:vnic_type"]
    assert admin.show("ports", port["id"])["binding:vif_type"] == "unbound"


def test_several_are_made_together_or_not_at_all(demo: Net) -> None:
    made = demo.client.post("network", "/networks", {"networks": [{"name": "batch"}, {"network": {"name": "batch"}}]})
    assert made.status_code == 201 and [one["name"] for one in made.json()["networks"]] == ["batch", "batch"]
    net = demo.network("batched", "10.54.0.0/29", enable_dhcp=False)
    body = {"ports": [{"network_id": net["id"]} for _ in range(9)]}
    assert demo.refused("POST", "/ports", 409, body)["type"] == "IpAddressGenerationFailure"
    assert demo.list("ports", network_id=net["id"]) == []


def test_pages_are_walked_by_their_links(demo: Net) -> None:
    names = [f"page-{n}" for n in range(5)]
    for name in names:
        demo.create("networks", name=name)
    query = [("limit", "2"), ("sort_key", "name"), ("sort_dir", "asc"), *(("name", name) for name in names), ("fields", "name")]
    found, pages = [], 0
    while query:
        answer = demo.client.get("network", "/networks", params=query).json()
        found += [one["name"] for one in answer["networks"]]
        pages += 1
        links = {link["rel"]: link["href"] for link in answer.get("networks_links", ())}
        query = parse_qsl(urlsplit(links["next"]).query) if "next" in links and pages < 9 else []
    assert found == names and pages == 3


def test_a_revision_makes_a_change_conditional(demo: Net) -> None:
    net = demo.create("networks", name="revised")
    stale = {"If-Match": f"revision_number={net['revision_number']}"}
    changed = demo.update("networks", net["id"], name="again")
    assert changed["revision_number"] == net["revision_number"] + 1
    body = {"network": {"name": "lost"}}
    assert demo.refused("PUT", f"/networks/{net['id']}", 412, body, headers=stale)["type"] == "RevisionNumberConstraintFailed"
    assert demo.refused("DELETE", f"/networks/{net['id']}", 412, headers=stale)["type"] == "RevisionNumberConstraintFailed"
    fresh = {"If-Match": f"revision_number={changed['revision_number']}"}
    assert demo.client.put("network", f"/networks/{net['id']}", body, headers=fresh).status_code == 200


def test_flat_networks_need_a_physical_network_that_is_free(admin: Net) -> None:
    flat = {"provider:network_type": "flat", "provider:physical_network": "public"}
    net = admin.create("networks", name="flat", **flat)
    assert (net["mtu"], net["provider:segmentation_id"]) == (1500, None)
    assert admin.refused("POST", "/networks", 409, {"network": {"name": "x", **flat}})["type"] == "FlatNetworkInUse"
    admin.delete("networks", net["id"])
    vni = admin.create("networks", name="v", **{"provider:segmentation_id": 4711, "provider:network_type": "vxlan"})
    taken = {"network": {"name": "x", "provider:network_type": "vxlan", "provider:segmentation_id": 4711}}
    assert admin.refused("POST", "/networks", 409, taken)["type"] == "TunnelIdInUse"
    admin.delete("networks", vni["id"])


def test_deleting_takes_subnets_and_automatic_ports_along(demo: Net, admin: Net) -> None:
    net = demo.network("going", "10.55.0.0/24")
    assert [port["device_owner"] for port in admin.list("ports", network_id=net["id"])] == ["network:dhcp"]
    demo.client.put("network", f"/networks/{net['id']}/tags/red")
    demo.delete("networks", net["id"])
    assert admin.list("ports", network_id=net["id"]) == [] and admin.list("subnets", network_id=net["id"]) == []


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ([], "Body contains invalid data"),
        ("text", "Body contains invalid data"),
        ({}, "Unable to find 'network' in request body"),
        ({"network": 7}, "Object 'network' contains invalid data"),
        ({"networks": []}, "Resources required"),
        ({"networks": [7]}, "Body contains invalid data"),
        ({"network": {"tenant_id": "a", "project_id": "b"}}, "'project_id' and 'tenant_id' do not match"),
        ({"network": {"status": "ACTIVE"}}, "Attribute 'status' not allowed in POST"),
        ({"network": {"name": None}}, "Invalid input for name. Reason: 'None' is not a valid string."),
        ({"network": {"name": "x" * 256}}, "exceeds maximum length of 255."),
    ],
)
def test_bodies_that_make_no_sense(demo: Net, body: object, message: str) -> None:
    before = len(demo.list("networks"))
    assert message in demo.refused("POST", "/networks", 400, body)["message"]
    assert len(demo.list("networks")) == before


def test_the_sdk_drives_it(cloud: TestCloud) -> None:
    sdk = cloud.sdk("demo")
    net = sdk.network.create_network(name="sdk")
    subnet = sdk.network.create_subnet(network_id=net.id, ip_version=4, cidr="10.56.0.0/24", name="sdk")
    port = sdk.network.create_port(network_id=net.id, name="sdk")
    assert sdk.network.find_network("sdk").subnet_ids == [subnet.id]
    address = f"ip_address={port.fixed_ips[0]['ip_address']}"
    assert [found.id for found in sdk.network.ports(fixed_ips=address, network_id=net.id)] == [port.id]
    assert sdk.network.update_network(net, description="made by the SDK").description == "made by the SDK"
    assert sdk.network.find_extension("router").name == "Neutron L3 Router"
    sdk.network.delete_port(port)
    sdk.network.delete_network(net)
    assert sdk.network.find_network("sdk") is None
