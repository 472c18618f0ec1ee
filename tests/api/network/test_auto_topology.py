"""Auto-allocated topologies: made whole or not at all."""

from network_api import Net, Told, eventually


def test_a_topology_is_made_whole_or_not_at_all(admin: Net, demo: Net, told: Told) -> None:
    outside = admin.create("networks", name="way-out", is_default=True, **{"router:external": True})
    admin.create("subnets", network_id=outside["id"], ip_version=4, cidr="172.33.0.0/24", enable_dhcp=False)
    everybody = admin.list("rbac-policies", object_id=outside["id"], action="access_as_external")[0]
    fault = admin.refused("DELETE", f"/rbac-policies/{everybody['id']}", 409)
    assert fault["message"].endswith("Details: Default external networks must be shared to everyone.")
    # A pool that has room for no subnet of its default length.
    pool = admin.create("subnetpools", name="small", prefixes=["10.40.0.0/24"], default_prefixlen=24, is_default=True, shared=True)
    taken = admin.create("networks", name="taker")
    admin.create("subnets", network_id=taken["id"], ip_version=4, subnetpool_id=pool["id"], prefixlen=25)
    path = f"/auto-allocated-topology/{demo.project_id}"
    assert demo.client.get("network", path).status_code >= 400
    assert demo.list("networks", name="auto_allocated_network") == []
    admin.act(f"/subnetpools/{pool['id']}/add_prefixes", {"prefixes": ["10.41.0.0/16"]})
    made = demo.client.get("network", path).json()["auto_allocated_topology"]
    router = demo.list("routers", name="auto_allocated_router")[0]
    item = eventually(lambda: told.having(f"router/{router['id']}") and told.item(f"router/{router['id']}"))
    assert item.gateway.network_id == outside["id"] and [one.network_id for one in item.interfaces] == [made["id"]]
    assert demo.client.delete("network", path).status_code == 204
    assert demo.list("networks", name="auto_allocated_network") == [] and demo.list("routers", name="auto_allocated_router") == []
