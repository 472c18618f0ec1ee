"""Segments: the wires of networks, one or several, and the subnets that belong to them."""

from typing import Any

from network_api import Net, Told, eventually

VLAN = {"provider:network_type": "vlan", "provider:physical_network": "public"}


def vlan(tag: int) -> dict[str, Any]:
    return {**VLAN, "provider:segmentation_id": tag}


def routed(admin: Net, tag: int) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """A network of a VXLAN segment and a VLAN, with a subnet on the VLAN."""
    net = admin.create("networks", name="routed")
    wire = admin.create("segments", network_id=net["id"], network_type="vlan", physical_network="public", segmentation_id=tag)
    subnet = admin.create("subnets", network_id=net["id"], ip_version=4, cidr=f"10.{tag}.0.0/24", segment_id=wire["id"])
    return net, wire, subnet


def test_a_vlan_reaches_the_host(admin: Net, told: Told) -> None:
    net = admin.create("networks", name="tagged", **vlan(201))
    assert (net["mtu"], net["provider:segmentation_id"], net["l2_adjacency"]) == (1500, 201, True)
    admin.create("subnets", network_id=net["id"], ip_version=4, cidr="10.201.0.0/24")
    item = _told(told, net["id"])
    assert (item["kind"], item["physical_network"], item["segment"]) == ("vlan", "public", 201)
    assert admin.refused("POST", "/networks", 409, {"network": {"name": "x", **vlan(201)}})["type"] == "VlanIdInUse"
    assert admin.update("networks", net["id"], **{"provider:segmentation_id": 202})["provider:segmentation_id"] == 202
    assert _told(told, net["id"], segment=202)["segment"] == 202
    assert [one["id"] for one in admin.list("networks", **vlan(202))] == [net["id"]]
    assert admin.list("networks", **vlan(201)) == []


def _told(told: Told, network_id: str, **wanted: Any) -> dict[str, Any]:
    def there() -> Any:
        hosts = told.having(f"network/{network_id}")
        item = told.items(hosts[0])[f"network/{network_id}"] if hosts else None
        found = item if isinstance(item, dict) or item is None else {name: getattr(item, name) for name in item.__struct_fields__}
        return found if found and all(found[name] == value for name, value in wanted.items()) else None

    return eventually(there)


def test_a_vlan_comes_from_a_range_of_its_physical_network(admin: Net) -> None:
    range_ = {"network_type": "vlan", "physical_network": "public"}
    assert admin.refused("POST", "/networks", 409, {"network": {"name": "x", **VLAN}})["type"] == "NoNetworkAvailable"
    made = admin.create("network-segment-ranges", minimum=300, maximum=300, **range_)
    assert made["physical_network"] == "public"
    assert admin.create("networks", name="x", **VLAN)["provider:segmentation_id"] == 300
    assert admin.show("network-segment-ranges", made["id"])["available"] == []
    body = {"network_segment_range": {"minimum": 4000, "maximum": 4095, **range_}}
    assert admin.refused("POST", "/network-segment-ranges", 400, body)["type"] == "NetworkVlanRangeError"


def test_several_segments_are_shown_as_a_list(admin: Net, demo: Net) -> None:
    wires = [vlan(211), {"provider:network_type": "vxlan", "provider:segmentation_id": 70011}]
    net = admin.create("networks", name="several", segments=wires)
    assert [one["provider:segmentation_id"] for one in net["segments"]] == [211, 70011]
    assert net["mtu"] == 1450 and "provider:network_type" not in net
    listed = admin.list("segments", network_id=net["id"])
    assert [(one["network_type"], one["name"]) for one in sorted(listed, key=lambda one: one["network_type"])] == [
        ("vlan", None),
        ("vxlan", None),
    ]
    both = {"network": {"segments": wires, **vlan(1)}}
    assert admin.refused("POST", "/networks", 400, both)["type"] == "SegmentsSetInConjunctionWithProviders"
    twice = {"network": {"segments": [vlan(212), vlan(212)]}}
    assert admin.refused("POST", "/networks", 400, twice)["type"] == "SegmentsContainDuplicateEntry"
    demo.refused("POST", "/networks", 403, {"network": {"segments": wires}})
    assert demo.list("segments") == []
    admin.delete("networks", net["id"])
    assert admin.list("segments", network_id=net["id"]) == []


def test_a_segment_that_is_used_stays(admin: Net) -> None:
    net, wire, subnet = routed(admin, 221)
    assert admin.update("segments", wire["id"], name="rack", description="d")["name"] == "rack"
    assert admin.refused("DELETE", f"/segments/{wire['id']}", 409)["type"] == "SegmentInUse"
    admin.delete("subnets", subnet["id"])
    admin.delete("segments", wire["id"])
    assert admin.show("networks", net["id"])["provider:network_type"] == "vxlan"
    admin.refused("GET", f"/segments/{wire['id']}", 404)


def test_all_subnets_belong_to_segments_or_none(admin: Net) -> None:
    net, wire, subnet = routed(admin, 222)
    assert subnet["segment_id"] == wire["id"] and admin.show("networks", net["id"])["l2_adjacency"] is False
    second = {"network_id": net["id"], "ip_version": 4, "cidr": "10.9.0.0/24"}
    assert admin.refused("POST", "/subnets", 400, {"subnet": second})["type"] == "SubnetsNotAllAssociatedWithSegments"
    elsewhere = admin.create("networks", name="elsewhere")
    foreign = {"subnet": {**second, "network_id": elsewhere["id"], "segment_id": wire["id"]}}
    assert admin.refused("POST", "/subnets", 400, foreign)["type"] == "NetworkIdsDontMatch"
    own = admin.list("segments", network_id=elsewhere["id"])[0]["id"]
    plain = admin.create("subnets", network_id=elsewhere["id"], ip_version=4, cidr="10.9.0.0/24")
    assert admin.update("subnets", plain["id"], segment_id=own)["segment_id"] == own
    fault = admin.refused("PUT", f"/subnets/{plain['id']}", 400, {"subnet": {"segment_id": None}})
    assert fault["type"] == "SubnetSegmentAssociationChangeNotAllowed"


def test_addresses_of_a_routed_network_wait_for_the_host(admin: Net, told: Told) -> None:
    net, wire, subnet = routed(admin, 223)
    waiting = admin.create("ports", network_id=net["id"])
    assert (waiting["ip_allocation"], waiting["fixed_ips"]) == ("deferred", [])
    placed = admin.update("ports", waiting["id"], **{"binding:host_id": told.hosts[0]})
    assert [one["subnet_id"] for one in placed["fixed_ips"]] == [subnet["id"]]
    assert admin.refused("DELETE", f"/segments/{wire['id']}", 409)["type"] == "SegmentInUse"
    item = _told(told, net["id"])
    assert (item["kind"], item["segment"], len(item["subnets"])) == ("vlan", 223, 1)


def test_no_host_is_plugged_into_a_segment_without_physical_network(admin: Net, told: Told) -> None:
    net = admin.create("networks", name="unreachable")
    wire = admin.list("segments", network_id=net["id"])[0]["id"]
    admin.create("subnets", network_id=net["id"], ip_version=4, cidr="10.8.0.0/24", segment_id=wire, enable_dhcp=False)
    body = {"port": {"network_id": net["id"], "binding:host_id": told.hosts[0]}}
    assert admin.refused("POST", "/ports", 409, body)["type"] == "HostNotConnectedToAnySegment"


def test_subnets_of_other_segments_are_reached_by_the_gateway(admin: Net, told: Told) -> None:
    net, _, near = routed(admin, 231)
    assert near["host_routes"] == [], "there is no other yet"
    wire = {"network_type": "vlan", "physical_network": "public", "segmentation_id": 232}
    second = admin.create("segments", network_id=net["id"], **wire)
    own = {"destination": "192.168.0.0/16", "nexthop": "10.232.0.9"}
    values = {"network_id": net["id"], "ip_version": 4, "segment_id": second["id"]}
    far = admin.create("subnets", cidr="10.232.0.0/24", host_routes=[own], **values)
    there = {"destination": "10.231.0.0/24", "nexthop": "10.232.0.1"}
    assert far["host_routes"] == [own, there]
    assert admin.show("subnets", near["id"])["host_routes"] == [{"destination": "10.232.0.0/24", "nexthop": "10.231.0.1"}]
    beside = admin.create("subnets", cidr="10.233.0.0/24", **values)
    assert [one["destination"] for one in beside["host_routes"]] == ["10.231.0.0/24"], "not to the one on the same segment"
    moved = admin.update("subnets", far["id"], gateway_ip="10.232.0.254", allocation_pools=[{"start": "10.232.0.2", "end": "10.232.0.9"}])
    assert moved["host_routes"] == [own, {**there, "nexthop": "10.232.0.254"}]
    wide = {"destination": "10.0.0.0/8", "nexthop": "10.232.0.7"}
    assert admin.update("subnets", far["id"], host_routes=[wide])["host_routes"] == [wide], "the user's own one leads there, too"
    admin.delete("subnets", beside["id"])
    admin.delete("subnets", far["id"])
    assert admin.show("subnets", near["id"])["host_routes"] == []
    admin.delete("networks", net["id"])
