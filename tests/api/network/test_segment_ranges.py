"""Network segment ranges: where networks get their segmentation ids from."""

from typing import Any

from network_api import Net

PATH = "/network-segment-ranges"


def segment(admin: Net, network_id: str) -> int:
    return admin.show("networks", network_id)["provider:segmentation_id"]


def made(admin: Net, **values: Any) -> dict[str, Any]:
    return admin.create("network-segment-ranges", network_type="vxlan", **values)


def refusal(admin: Net, status: int, **values: Any) -> str:
    return admin.refused("POST", PATH, status, {"network_segment_range": {"network_type": "vxlan", **values}})["type"]


def test_a_project_gets_its_ids_from_its_own_range(admin: Net, demo: Net, other: Net) -> None:
    mine = made(admin, name="mine", minimum=100_000, maximum=100_001, shared=False, project_id=demo.project_id)
    assert (mine["available"], mine["used"], mine["default"]) == ([100_000, 100_001], {}, False)
    networks = [demo.create("networks", name="ranged") for _ in range(3)]
    segments = [segment(admin, net["id"]) for net in networks]
    assert sorted(segments)[1:] == [100_000, 100_001] and segments[2] <= 2000
    shown = admin.show("network-segment-ranges", mine["id"])
    assert (shown["available"], shown["used"]) == ([], {"100000": demo.project_id, "100001": demo.project_id})
    assert segment(admin, other.create("networks", name="elsewhere")["id"]) <= 2000
    fault = admin.refused("PUT", f"{PATH}/{mine['id']}", 409, {"network_segment_range": {"minimum": 100_001}})
    assert fault["type"] == "NetworkSegmentRangeReferencedByProject"
    assert admin.refused("DELETE", f"{PATH}/{mine['id']}", 409)["type"] == "NetworkSegmentRangeReferencedByProject"
    assert admin.update("network-segment-ranges", mine["id"], maximum=100_010)["available"] == list(range(100_002, 100_011))
    for net in networks:
        demo.delete("networks", net["id"])
    admin.delete("network-segment-ranges", mine["id"])
    assert segment(admin, demo.create("networks", name="after")["id"]) <= 2000


def test_what_is_no_range_is_refused(admin: Net, demo: Net) -> None:
    there = made(admin, minimum=200_000, maximum=200_010)
    assert refusal(admin, 409, minimum=200_010, maximum=200_020) == "NetworkSegmentRangeOverlaps"
    assert refusal(admin, 400, minimum=5, maximum=1) == "NetworkTunnelRangeError"
    assert refusal(admin, 400, minimum=1, maximum=2**24) == "NetworkTunnelRangeError"
    assert refusal(admin, 400, minimum=0, maximum=1) == "HTTPBadRequest"
    assert refusal(admin, 400, minimum=1, maximum=2, network_type="flat") == "HTTPBadRequest"
    assert refusal(admin, 400, minimum=1, maximum=2, network_type="vlan") == "BadRequest"
    assert refusal(admin, 400, minimum=1, maximum=2, network_type="gre") == "NetworkSegmentRangeNetTypeNotSupported"
    default = next(one for one in admin.list("network-segment-ranges") if one["default"])
    assert admin.refused("DELETE", f"{PATH}/{default['id']}", 400)["type"] == "NetworkSegmentRangeDefaultReadOnly"
    assert demo.list("network-segment-ranges") == []
    demo.refused("GET", f"{PATH}/{there['id']}", 404)
    admin.delete("network-segment-ranges", there["id"])
