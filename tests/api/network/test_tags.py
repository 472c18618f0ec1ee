"""Tags of everything that has some."""

from typing import Any

import pytest
from network_api import Net


@pytest.fixture(scope="module")
def tagged(admin: Net) -> dict[str, str]:
    """One of each kind, by the path it is at."""
    net = admin.create("networks", name="n", **{"router:external": True})
    subnet = admin.create("subnets", network_id=net["id"], ip_version=4, cidr="10.66.0.0/24")
    port = admin.create("ports", network_id=net["id"])
    segments = {"name": "r", "network_type": "vxlan", "minimum": 7000, "maximum": 7001, "shared": True}
    policy = admin.client.post("network", "/qos/policies", {"policy": {"name": "q"}}).json()["policy"]["id"]
    return {
        "networks": net["id"],
        "subnets": subnet["id"],
        "ports": port["id"],
        "routers": admin.create("routers", name="r")["id"],
        "floatingips": admin.create("floatingips", floating_network_id=net["id"])["id"],
        "security-groups": admin.create("security-groups", name="g")["id"],
        "subnetpools": admin.create("subnetpools", name="p", prefixes=["10.67.0.0/16"])["id"],
        "trunks": admin.create("trunks", port_id=port["id"])["id"],
        "network-segment-ranges": admin.create("network-segment-ranges", **segments)["id"],
        "qos/policies": policy,
        "policies": policy,
    }


KINDS = (
    "networks", "subnets", "ports", "routers", "floatingips", "security-groups", "subnetpools", "trunks", "network-segment-ranges",
    "qos/policies", "policies",
)  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_tags_are_set_added_found_and_taken_away(admin: Net, tagged: dict[str, str], kind: str) -> None:
    client, path = admin.client, f"/{kind}/{tagged[kind]}"

    def tags(expected: list[str], *given: Any) -> None:
        if given:
            method, body = given
            assert client.request(method, "network", f"{path}/tags", json=body).json() == {"tags": expected}
        assert client.get("network", f"{path}/tags").json() == {"tags": expected}

    tags(["blue", "red"], "PUT", {"tags": ["red", "blue"]})
    admin.refused("PUT", f"{path}/tags", 400, {"tags": ["twice", "twice"]})
    tags(["blue", "green", "red"], "POST", {"tags": ["green", "blue"]})
    assert client.put("network", f"{path}/tags/white").status_code == 201
    assert client.get("network", f"{path}/tags/white").status_code == 204
    assert client.delete("network", f"{path}/tags/white").status_code == 204
    admin.refused("GET", f"{path}/tags/white", 404)
    admin.refused("DELETE", f"{path}/tags/white", 404)
    tags(["blue", "green", "red"])
    assert client.delete("network", f"{path}/tags").status_code == 204
    tags([])
    if kind != "policies":
        assert client.put("network", f"{path}/tags/found").status_code == 201
        found = client.get("network", f"/{kind}", params={"tags": "found"}).json()
        assert [[each["id"] for each in each_kind] for each_kind in found.values()] == [[tagged[kind]]]
