"""Trunks: subports live where their parent does, and the trunk's status is what becomes of them."""

import pytest
from network_api import Net, Told, eventually
from wiring import bind, wire

from clouds import TestCloud
from monostack.protocol.network import tap_name


def test_subports_follow_their_parent(cloud: TestCloud, demo: Net, admin: Net, told: Told) -> None:
    net, second = demo.network("trunked", "10.31.0.0/24"), demo.network("inside", "10.32.0.0/24")
    parent, inside = demo.create("ports", network_id=net["id"]), demo.create("ports", network_id=second["id"])
    subports = [{"port_id": inside["id"], "segmentation_type": "vlan", "segmentation_id": 7}]
    trunk = demo.create("trunks", port_id=parent["id"], sub_ports=subports)
    assert trunk["status"] == "DOWN"
    for host in told.hosts[:2]:
        bind(cloud, [parent["id"]], host)
        wire(cloud, [parent["id"]], host)
        item = eventually(lambda host=host: told.items(host).get(f"port/{inside['id']}"))
        assert (item.tap, item.parent, item.vlan) == (tap_name(inside["id"]), parent["id"], 7)
        eventually(lambda: demo.show("trunks", trunk["id"])["status"] == "ACTIVE")
        shown = admin.show("ports", inside["id"])
        assert shown["binding:host_id"] == host and shown["device_owner"] == "trunk:subport" and shown["status"] == "ACTIVE"
    details = demo.show("ports", parent["id"])["trunk_details"]
    assert details == {"trunk_id": trunk["id"], "sub_ports": [{**subports[0], "mac_address": inside["mac_address"]}]}
    demo.act(f"/trunks/{trunk['id']}/remove_subports", {"sub_ports": [{"port_id": inside["id"]}]})
    eventually(lambda: not any(told.items(host)[key].tap for host in told.hosts if (key := f"port/{inside['id']}") in told.items(host)))
    assert demo.show("ports", inside["id"])["device_owner"] == "" and demo.show("trunks", trunk["id"])["status"] == "ACTIVE"
    bind(cloud, [parent["id"]], "")
    eventually(lambda: demo.show("trunks", trunk["id"])["status"] == "DOWN")


def test_a_subport_the_host_cannot_make(
    cloud: TestCloud, demo: Net, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    net = demo.network("untagged", "10.33.0.0/24", enable_dhcp=False)
    parent, *inside = [demo.create("ports", network_id=net["id"]) for _ in range(3)]
    subports = [{"port_id": one["id"], "segmentation_type": "vlan", "segmentation_id": tag} for tag, one in enumerate(inside, 5)]
    trunk = demo.create("trunks", port_id=parent["id"], sub_ports=subports)
    host = told.hosts[0]
    link = cloud.app.cloud.hosts.local(host)
    assert link is not None
    driver = link.agent.drivers.network
    real, broken = driver.apply, [f"port/{one['id']}" for one in inside]

    async def failing(changes):
        answer = await real(changes)
        answer.errors.update({key: "no VLANs here" for key in broken if key in changes.items})
        return answer

    monkeypatch.setattr(driver, "apply", failing)
    bind(cloud, [parent["id"]], host)
    eventually(lambda: demo.show("trunks", trunk["id"])["status"] == "ERROR")
    del broken[0]
    cloud.run(cloud.app.cloud.reconcilers.run_once("network-retry"))
    eventually(lambda: demo.show("trunks", trunk["id"])["status"] == "DEGRADED")


def test_subports_inherit_the_tag_of_their_network(demo: Net, admin: Net) -> None:
    values = {"provider:network_type": "vlan", "provider:physical_network": "public", "provider:segmentation_id": 277}
    tagged = admin.create("networks", name="tagged", **values)
    outer = admin.create("networks", name="outer", **{**values, "provider:segmentation_id": 278})
    parent, inside = (admin.create("ports", network_id=net["id"]) for net in (outer, tagged))
    trunk = admin.create("trunks", port_id=parent["id"], sub_ports=[{"port_id": inside["id"], "segmentation_type": "inherit"}])
    assert trunk["sub_ports"] == [{"port_id": inside["id"], "segmentation_type": "vlan", "segmentation_id": 277}]
    plain = admin.create("ports", network_id=demo.network("tunnelled", "10.34.0.0/24")["id"])
    wanted = {"sub_ports": [{"port_id": plain["id"], "segmentation_type": "inherit", "segmentation_id": 5}]}
    fault = admin.refused("PUT", f"/trunks/{trunk['id']}/add_subports", 400, wanted)
    assert fault["message"] == "Invalid input for operation: Unknown segmentation_type 'vxlan'."


def test_the_quota_counts_trunks(demo: Net, admin: Net) -> None:
    net = demo.network("counted", "10.34.0.0/24", enable_dhcp=False)
    used = admin.client.get("network", f"/quotas/{demo.project_id}/details").json()["quota"]["trunk"]["used"]
    admin.act(f"/quotas/{demo.project_id}", {"quota": {"trunk": used}})
    port = demo.create("ports", network_id=net["id"])
    assert demo.refused("POST", "/trunks", 409, {"trunk": {"port_id": port["id"]}})["type"] == "OverQuota"
    admin.client.delete("network", f"/quotas/{demo.project_id}")
