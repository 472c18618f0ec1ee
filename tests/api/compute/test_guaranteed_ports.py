"""Guarantees of QoS policies: what ports ask of hosts, what placement counts, and what servers hold for their ports wherever they go."""

from collections.abc import Callable
from typing import Any

import pytest
from guests import act, until
from waiting import at, wait_for, wait_gone

from clouds import TestCloud

Boot = Callable[..., dict[str, Any]]
BANDWIDTH, PACKETS = "NET_BW_IGR_KILOBIT_PER_SEC", "NET_PACKET_RATE_KILOPACKET_PER_SEC"
LATEST_PLACEMENT = {"openstack-api-version": "placement 1.39"}


@pytest.fixture(scope="module")
def cloud_settings() -> dict[str, Any]:
    """Two hosts that guarantee 1000 kbit/s on each network and 100,000 packets a second."""
    return {"hosts": 2, "emulator.nic_kbps": 1000, "agent.capacity.packet_rate_kpps": 100}


@pytest.fixture(scope="module")
def wire(cloud: TestCloud) -> str:
    """A shared VLAN with a subnet."""
    values = {"name": "wire", "shared": True, "provider:network_type": "vlan", "provider:physical_network": "public"}
    values["provider:segmentation_id"] = 80
    made = cloud.admin.post("network", "/networks", {"network": values}).json()["network"]["id"]
    answer = cloud.admin.post("network", "/subnets", {"subnet": {"network_id": made, "ip_version": 4, "cidr": "10.80.0.0/24"}})
    assert answer.status_code == 201, answer.text
    return made


def make_policy(cloud: TestCloud, kbps: int = 0, kpps: int = 0, direction: str = "any") -> str:
    made = cloud.admin.post("network", "/qos/policies", {"policy": {"name": "q", "shared": True}}).json()["policy"]["id"]
    rules = {"minimum_bandwidth": {"min_kbps": kbps, "direction": "ingress"}, "minimum_packet_rate": {"min_kpps": kpps}}
    rules["minimum_packet_rate"]["direction"] = direction
    for kind, amount in (("minimum_bandwidth", kbps), ("minimum_packet_rate", kpps)):
        if amount:
            answer = cloud.admin.post("network", f"/qos/policies/{made}/{kind}_rules", {f"{kind}_rule": rules[kind]})
            assert answer.status_code == 201, answer.text
    return made


def make_port(cloud: TestCloud, network: str, policy: str | None = None) -> str:
    answer = cloud.demo.post("network", "/ports", {"port": {"network_id": network, "qos_policy_id": policy}})
    assert answer.status_code == 201, answer.text
    return answer.json()["port"]["id"]


def shown(cloud: TestCloud, port: str) -> dict[str, Any]:
    return cloud.admin.get("network", f"/ports/{port}").json()["port"]


def put_under(cloud: TestCloud, port: str, policy: str | None) -> Any:
    return cloud.admin.put("network", f"/ports/{port}", {"port": {"qos_policy_id": policy}})


def held(cloud: TestCloud, server: str) -> dict[str, dict[str, int]]:
    """Provider -> what a server holds for its ports."""
    found = cloud.admin.get("placement", f"/allocations/{server}").json()["allocations"]
    return {uuid: one["resources"] for uuid, one in found.items() if any(name.startswith("NET_") for name in one["resources"])}


def agree(cloud: TestCloud, server: str, port: str, **expected: int) -> None:
    """The server holds this, and the port says of which providers, which are those of the server's host."""
    holds = held(cloud, server)
    assert {name: amount for one in holds.values() for name, amount in one.items()} == expected
    profile = shown(cloud, port)["binding:profile"]
    assert set(profile.get("allocation", {}).values()) == set(holds)
    host = cloud.admin.get("compute", f"/servers/{server}").json()["server"]["OS-EXT-SRV-ATTR:host"]
    names = [cloud.admin.get("placement", f"/resource_providers/{uuid}").json()["name"] for uuid in holds]
    assert all(name.startswith(f"{host}:Linux bridge agent") for name in names)


def test_providers(cloud: TestCloud) -> None:
    """Below each host is its agent with the packet rates, below that a device for each network it carries."""
    found = cloud.admin.get("placement", "/resource_providers", headers=LATEST_PLACEMENT).json()["resource_providers"]
    by_name = {one["name"]: one for one in found}
    agent, device = by_name["sim-001:Linux bridge agent"], by_name["sim-001:Linux bridge agent:br-public"]
    assert agent["parent_provider_uuid"] == by_name["sim-001"]["uuid"] == device["root_provider_uuid"]
    assert device["parent_provider_uuid"] == agent["uuid"]

    def read(one: dict[str, Any], what: str) -> Any:
        return cloud.admin.get("placement", f"/resource_providers/{one['uuid']}/{what}", headers=LATEST_PLACEMENT).json()[what]

    assert read(device, "traits") == ["CUSTOM_PHYSNET_PUBLIC", "CUSTOM_VNIC_TYPE_NORMAL"]
    assert {name: one["total"] for name, one in read(device, "inventories").items()} == {
        "NET_BW_EGR_KILOBIT_PER_SEC": 1000, BANDWIDTH: 1000
    }  # fmt: skip
    tunnels = by_name["sim-002:Linux bridge agent:rp_tunnelled"]
    assert read(tunnels, "traits") == ["CUSTOM_NETWORK_TUNNEL_PROVIDER", "CUSTOM_VNIC_TYPE_NORMAL"]
    assert {name: one["total"] for name, one in read(agent, "inventories").items()} == {PACKETS: 100}


def test_what_a_port_asks_for(cloud: TestCloud, wire: str) -> None:
    port = make_port(cloud, wire, make_policy(cloud, 600, 10))
    asked = shown(cloud, port)["resource_request"]
    bandwidth, packets = asked["request_groups"]
    assert (bandwidth["required"], bandwidth["resources"]) == (["CUSTOM_PHYSNET_PUBLIC", "CUSTOM_VNIC_TYPE_NORMAL"], {BANDWIDTH: 600})
    assert (packets["required"], packets["resources"]) == (["CUSTOM_VNIC_TYPE_NORMAL"], {PACKETS: 10})
    assert asked["same_subtree"] == [bandwidth["id"], packets["id"]]
    assert "resource_request" not in cloud.demo.get("network", f"/ports/{port}").json()["port"]
    assert put_under(cloud, port, None).json()["port"]["resource_request"] is None
    extensions = {one["alias"] for one in cloud.demo.get("network", "/extensions").json()["extensions"]}
    assert {"port-resource-request", "port-resource-request-groups"} <= extensions


def test_a_server_holds_what_its_port_asks_for(cloud: TestCloud, boot: Boot, wire: str) -> None:
    half, port = make_policy(cloud, 600, 10), ""
    servers = []
    for name in ("first", "second"):  # a host has room for one
        port = make_port(cloud, wire, half)
        servers.append(boot(name, networks=[{"port": port}])["id"])
        agree(cloud, servers[-1], port, **{BANDWIDTH: 600, PACKETS: 10})
    hosts = {cloud.admin.get("compute", f"/servers/{one}").json()["server"]["OS-EXT-SRV-ATTR:host"] for one in servers}
    assert len(hosts) == 2
    late = make_port(cloud, wire, half)
    failed = boot("third", networks=[{"port": late}], status="ERROR")
    assert "No valid host" in failed["fault"]["message"]
    assert not held(cloud, failed["id"]) and shown(cloud, late)["binding:profile"] == {}
    for server in servers:
        cloud.demo.delete("compute", f"/servers/{server}")
        wait_gone(cloud.demo, server)
    assert not held(cloud, servers[1]) and shown(cloud, port)["binding:profile"] == {}


def test_old_clients_and_ports_of_networks_are_refused(cloud: TestCloud, boot: Boot, flavor: str, image: str, wire: str) -> None:
    policy = make_policy(cloud, 10)
    body = {"name": "old", "flavorRef": flavor, "imageRef": image, "networks": [{"port": make_port(cloud, wire, policy)}]}
    answer = cloud.demo.post("compute", "/servers", {"server": body}, headers=at("2.71"))
    assert answer.status_code == 400
    assert answer.json()["badRequest"]["message"] == (
        "Creating servers with ports having resource requests, like a port with a QoS minimum bandwidth policy, is not supported until "
        "microversion 2.72."
    )
    net = cloud.demo.post("network", "/networks", {"network": {"name": "n", "qos_policy_id": policy}}).json()["network"]["id"]
    cloud.demo.post("network", "/subnets", {"subnet": {"network_id": net, "ip_version": 4, "cidr": "10.81.0.0/24"}})
    server = boot("by network", networks=[{"uuid": net}], status="ERROR")
    assert server["fault"]["message"].endswith("aborted: Failed to allocate the network(s), not rescheduling.")
    assert not cloud.admin.get("network", f"/ports?network_id={net}&device_id={server['id']}").json()["ports"]
    plain = boot("plain")["id"]
    refused = cloud.demo.post("compute", f"/servers/{plain}/os-interface", {"interfaceAttachment": {"net_id": net}})
    text = f"Using networks with QoS policy is not supported for instance {plain}. (Network ID is {net})"
    assert (refused.status_code, refused.json()["badRequest"]["message"]) == (400, text)


def test_what_is_held_moves_with_the_server(cloud: TestCloud, boot: Boot, wire: str) -> None:
    port = make_port(cloud, wire, make_policy(cloud, 700, 10))
    server = boot("travels", networks=[{"port": port}])["id"]
    expected = {BANDWIDTH: 700, PACKETS: 10}
    providers = set(held(cloud, server))
    live = {"os-migrateLive": {"host": None, "block_migration": "auto"}}
    assert act(cloud.admin, server, live, headers=at("2.34")).status_code == 202
    wait_for(cloud.demo, server, "ACTIVE")
    agree(cloud, server, port, **expected)
    assert providers.isdisjoint(held(cloud, server))
    for end in ("revertResize", "confirmResize"):
        act(cloud.admin, server, {"migrate": None})
        wait_for(cloud.demo, server, "VERIFY_RESIZE")
        agree(cloud, server, port, **expected)
        act(cloud.demo, server, {end: None})
        wait_for(cloud.demo, server, "ACTIVE")
        agree(cloud, server, port, **expected)
    act(cloud.demo, server, {"shelve": None})
    wait_for(cloud.demo, server, "SHELVED_OFFLOADED")
    assert not held(cloud, server) and "allocation" not in shown(cloud, port)["binding:profile"]
    act(cloud.demo, server, {"unshelve": None})
    wait_for(cloud.demo, server, "ACTIVE")
    agree(cloud, server, port, **expected)
    gone = cloud.admin.delete("network", f"/ports/{port}")
    assert gone.status_code == 204, gone.text
    assert not held(cloud, server)
    cloud.demo.delete("compute", f"/servers/{server}")
    wait_gone(cloud.demo, server)


def test_attaching_and_detaching(cloud: TestCloud, boot: Boot, wire: str) -> None:
    server = boot("grows")["id"]
    port = make_port(cloud, wire, make_policy(cloud, 1000, 10))
    attach = {"interfaceAttachment": {"port_id": port}}
    assert cloud.demo.post("compute", f"/servers/{server}/os-interface", attach).status_code == 200
    until(lambda: shown(cloud, port)["status"] == "ACTIVE")
    agree(cloud, server, port, **{BANDWIDTH: 1000, PACKETS: 10})
    more = {"interfaceAttachment": {"port_id": make_port(cloud, wire, make_policy(cloud, 1))}}
    refused = cloud.demo.post("compute", f"/servers/{server}/os-interface", more)
    text = f"Failed to allocate additional resources to {server} during interface attach"
    assert (refused.status_code, refused.json()["badRequest"]["message"]) == (400, text)
    cloud.demo.delete("compute", f"/servers/{server}/os-interface/{port}")
    until(lambda: not shown(cloud, port)["device_id"])
    assert not held(cloud, server) and shown(cloud, port)["binding:profile"] == {}


def test_another_policy_changes_what_is_held(cloud: TestCloud, boot: Boot, wire: str) -> None:
    port = make_port(cloud, wire, make_policy(cloud, 100, 10))
    server = boot("changes", networks=[{"port": port}])["id"]
    assert put_under(cloud, port, make_policy(cloud, 900, 5)).status_code == 200
    agree(cloud, server, port, **{BANDWIDTH: 900, PACKETS: 5})
    (provider,) = [uuid for uuid, one in held(cloud, server).items() if BANDWIDTH in one]
    refused = put_under(cloud, port, make_policy(cloud, 1001))
    fault = refused.json()["NeutronError"]
    assert (refused.status_code, fault["type"]) == (409, "QosPlacementAllocationUpdateConflict")
    assert f"{{'{provider}': {{'{BANDWIDTH}': 101}}" in fault["message"] and server in fault["message"]
    assert put_under(cloud, port, make_policy(cloud, 900, 5, "egress")).status_code == 501
    agree(cloud, server, port, **{BANDWIDTH: 900, PACKETS: 5})
    rule = {"minimum_bandwidth_rule": {"min_kbps": 1}}
    policy = shown(cloud, port)["qos_policy_id"]
    assert cloud.admin.post("network", f"/qos/policies/{policy}/minimum_bandwidth_rules", rule).status_code == 501
    assert put_under(cloud, port, make_policy(cloud, 10)).status_code == 200
    agree(cloud, server, port, **{BANDWIDTH: 10})
    assert put_under(cloud, port, make_policy(cloud, 20, 20)).status_code == 200  # the packets were not held: nobody chose a host for them
    agree(cloud, server, port, **{BANDWIDTH: 20})
    assert put_under(cloud, port, None).status_code == 200
    agree(cloud, server, port)
    assert put_under(cloud, port, make_policy(cloud, 10)).status_code == 200
    agree(cloud, server, port)


def test_the_policy_of_a_network_changes_what_its_ports_hold(cloud: TestCloud, boot: Boot) -> None:
    values = {"name": "n", "qos_policy_id": make_policy(cloud, 50)}
    net = cloud.demo.post("network", "/networks", {"network": values}).json()["network"]["id"]
    cloud.demo.post("network", "/subnets", {"subnet": {"network_id": net, "ip_version": 4, "cidr": "10.82.0.0/24"}})
    port = make_port(cloud, net)
    server = boot("in a network", networks=[{"port": port}])["id"]
    agree(cloud, server, port, **{BANDWIDTH: 50})
    answer = cloud.admin.put("network", f"/networks/{net}", {"network": {"qos_policy_id": make_policy(cloud, 60)}})
    assert answer.status_code == 200, answer.text
    agree(cloud, server, port, **{BANDWIDTH: 60})


def test_agents_say_that_placement_knows(cloud: TestCloud) -> None:
    agents = cloud.admin.get("network", "/agents").json()["agents"]
    told = {(agent["agent_type"], agent["resources_synced"]) for agent in agents}
    assert told == {("Linux bridge agent", True), ("DHCP agent", None), ("L3 agent", None), ("Metadata agent", None)}
