"""Agents, and which host runs a network's DHCP or a router."""

import asyncio

import pytest
from network_api import Net, Told, eventually

from clouds import TestCloud
from monostack.services.network.reconcilers import hosting


def agents(admin: Net, kind: str) -> dict[str, str]:
    """host -> id"""
    return {agent["host"]: agent["id"] for agent in admin.list("agents", agent_type=kind)}


def test_connected_hosts_are_listed_with_their_functions(demo: Net, admin: Net, told: Told) -> None:
    found = eventually(lambda: len(listed := admin.list("agents")) == 4 * len(told.hosts) and listed)
    assert {agent["agent_type"] for agent in found} == {"DHCP agent", "L3 agent", "Linux bridge agent", "Metadata agent"}
    assert all(agent["alive"] and agent["admin_state_up"] for agent in found)
    assert len(admin.list("agents", sort_key="heartbeat_timestamp", sort_dir="desc")) == len(found)
    assert admin.list("agents", alive=False) == [] and len(admin.list("agents", alive=True)) == len(found)
    assert demo.list("agents") == []
    zones = {(zone["resource"], zone["name"]) for zone in demo.list("availability_zones")}
    assert zones == {("network", "nova"), ("router", "nova")}
    described = admin.update("agents", found[0]["id"], description="rack 3")
    assert described["description"] == "rack 3" == admin.show("agents", found[0]["id"])["description"]


def test_an_agent_is_forgotten_until_it_is_heard_of_again(cloud: TestCloud, demo: Net, admin: Net) -> None:
    (gone, id), *_ = eventually(lambda: sorted(agents(admin, "Metadata agent").items()))
    assert demo.refused("DELETE", f"/agents/{id}", 404)["type"] == "HTTPNotFound"
    admin.delete("agents", id)
    assert admin.refused("DELETE", f"/agents/{id}", 404)["message"] == f"Agent {id} could not be found."
    assert gone not in agents(admin, "Metadata agent")
    cloud.run(cloud.app.cloud.reconcilers.run_once("network-agents"))
    assert agents(admin, "Metadata agent")[gone] != id, "a host that is connected has its agents"


def test_a_network_is_moved_to_another_agent(demo: Net, admin: Net, told: Told) -> None:
    net = demo.network("moving", "10.65.0.0/24")
    key = f"network/{net['id']}"
    before = eventually(lambda: told.having(key))[0]
    ids = eventually(lambda: (found := agents(admin, "DHCP agent")) and len(found) == len(told.hosts) and found)
    hosting_it = admin.client.get("network", f"/networks/{net['id']}/dhcp-agents").json()["agents"]
    assert [agent["host"] for agent in hosting_it] == [before]
    after = next(host for host in told.hosts if host != before)
    moved = admin.client.post("network", f"/agents/{ids[after]}/dhcp-networks", {"network_id": net["id"]})
    assert moved.status_code == 201, moved.text
    eventually(lambda: told.having(key) == [after] and told.item(key).serves_dhcp)
    assert net["id"] in [one["id"] for one in admin.client.get("network", f"/agents/{ids[after]}/dhcp-networks").json()["networks"]]
    taken = admin.client.delete("network", f"/agents/{ids[after]}/dhcp-networks/{net['id']}")
    assert taken.status_code == 204
    eventually(lambda: told.having(key) == [])
    again = admin.refused("DELETE", f"/agents/{ids[after]}/dhcp-networks/{net['id']}", 409)
    assert again["type"] == "NetworkNotHostedByDhcpAgent"
    assert demo.refused("GET", f"/networks/{net['id']}/dhcp-agents", 403)["type"] == "PolicyNotAuthorized"


def test_a_router_is_on_one_agent(demo: Net, admin: Net, told: Told) -> None:
    router = demo.create("routers", name="settled")
    ids = eventually(lambda: (found := agents(admin, "L3 agent")) and len(found) == len(told.hosts) and found)
    (at,) = admin.client.get("network", f"/routers/{router['id']}/l3-agents").json()["agents"]
    elsewhere = next(id for host, id in ids.items() if host != at["host"])
    body = {"router_id": router["id"]}
    assert admin.refused("POST", f"/agents/{elsewhere}/l3-routers", 409, body)["type"] == "RouterHostedByL3Agent"
    assert admin.client.delete("network", f"/agents/{at['id']}/l3-routers/{router['id']}").status_code == 204
    assert admin.client.post("network", f"/agents/{elsewhere}/l3-routers", body).status_code == 201
    hosted = admin.client.get("network", f"/agents/{elsewhere}/l3-routers").json()["routers"]
    assert router["id"] in [each["id"] for each in hosted]
    wrong = agents(admin, "DHCP agent")[at["host"]]
    assert admin.refused("POST", f"/agents/{wrong}/l3-routers", 404, body)["type"] == "InvalidL3Agent"


def test_what_a_lost_host_ran_goes_to_another(
    cloud: TestCloud, demo: Net, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    net = demo.network("orphan", "10.66.0.0/24")
    router = demo.create("routers", name="orphan")
    demo.act(f"/routers/{router['id']}/add_router_interface", {"subnet_id": net["subnet"]["id"]})
    keys = [f"network/{net['id']}", f"router/{router['id']}"]
    eventually(lambda: all(told.having(key) for key in keys))
    lost = told.having(keys[1])[0]
    link = cloud.app.cloud.hosts.local(lost)
    assert link is not None
    reconcilers = cloud.app.cloud.reconcilers

    async def away() -> None:
        link.disconnect(reconnect=False)
        await asyncio.sleep(0)

    cloud.run(away())
    cloud.run(reconcilers.run_once("network-hosting"))
    assert told.having(keys[1]) == []  # it may come back
    monkeypatch.setattr(hosting, "GRACE", 0.0)
    cloud.run(reconcilers.run_once("network-hosting"))
    eventually(lambda: told.having(keys[1]) and all(lost not in told.having(key) for key in keys))
    cloud.run(link.connect())
    eventually(lambda: keys[1] not in told.items(lost))
