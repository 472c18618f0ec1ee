"""Address groups and address scopes: what hosts are told of them, and who may use those of others."""

from network_api import Net, Told, eventually


def test_hosts_follow_an_address_group(admin: Net, told: Told) -> None:
    net = admin.network("listed", "10.74.0.0/24")
    group = admin.create("address-groups", name="friends", addresses=["192.0.2.0/28"])
    rules = admin.create("security-groups", name="friends only")
    admin.create("security-group-rules", security_group_id=rules["id"], direction="ingress", remote_address_group_id=group["id"])
    host = told.hosts[0]
    admin.create("ports", network_id=net["id"], security_groups=[rules["id"]], **{"binding:host_id": host})
    key = f"members/{group['id']}"
    eventually(lambda: key in told.items(host))
    assert told.items(host)[key].addresses == ["192.0.2.0/28"]
    assert group["id"] in [rule.remote_group for rule in told.items(host)[f"group/{rules['id']}"].rules]
    admin.act(f"/address-groups/{group['id']}/add_addresses", {"addresses": ["198.51.100.7/32"]})
    eventually(lambda: told.items(host)[key].addresses == ["192.0.2.0/28", "198.51.100.7/32"])
    admin.act(f"/address-groups/{group['id']}/remove_addresses", {"addresses": ["192.0.2.0/28"]})
    eventually(lambda: told.items(host)[key].addresses == ["198.51.100.7/32"])


def test_a_group_of_another_project_can_be_named_once_it_is_given(demo: Net, other: Net) -> None:
    group = demo.create("address-groups", name="given", addresses=["192.0.2.0/28"])
    rules = other.create("security-groups", name="theirs")
    body = {"security_group_rule": {"security_group_id": rules["id"], "direction": "ingress", "remote_address_group_id": group["id"]}}
    assert other.refused("POST", "/security-group-rules", 404, body)["type"] == "AddressGroupNotFound"
    given = {"object_type": "address_group", "object_id": group["id"], "action": "access_as_shared", "target_tenant": other.project_id}
    policy = demo.create("rbac-policies", **given)
    rule = other.create("security-group-rules", **body["security_group_rule"])
    assert other.show("address-groups", group["id"])["addresses"] == ["192.0.2.0/28"]
    assert demo.refused("DELETE", f"/rbac-policies/{policy['id']}", 409)["type"] == "RbacPolicyInUse"
    other.delete("security-group-rules", rule["id"])
    demo.delete("rbac-policies", policy["id"])
    other.refused("GET", f"/address-groups/{group['id']}", 404)


def test_routers_are_told_the_scopes_of_their_ends(admin: Net, told: Told) -> None:
    scope = admin.create("address-scopes", name="s", ip_version=4)
    assert admin.show("address-scopes", scope["id"]) == scope
    pool = admin.create("subnetpools", name="p", prefixes=["10.75.0.0/16"], address_scope_id=scope["id"])
    net = admin.create("networks", name="scoped")
    subnet = admin.create("subnets", network_id=net["id"], ip_version=4, subnetpool_id=pool["id"], prefixlen=24)
    router = admin.create("routers", name="scoped")
    admin.act(f"/routers/{router['id']}/add_router_interface", {"subnet_id": subnet["id"]})
    key = f"router/{router['id']}"

    def scopes() -> object:
        return told.having(key) and told.item(key).interfaces and told.item(key).interfaces[0].scopes

    eventually(lambda: scopes() == {"4": scope["id"]})
    admin.update("subnetpools", pool["id"], address_scope_id=None)
    eventually(lambda: scopes() == {})


def test_a_pool_is_given_with_its_scope(demo: Net, other: Net) -> None:
    scope = demo.create("address-scopes", name="s", ip_version=4)
    pool = demo.create("subnetpools", name="p", prefixes=["10.76.0.0/16"], address_scope_id=scope["id"])
    given = {"action": "access_as_shared", "target_tenant": other.project_id}
    body = {"rbac_policy": {"object_type": "subnetpool", "object_id": pool["id"], **given}}
    assert "address scope" in demo.refused("POST", "/rbac-policies", 400, body)["message"]
    demo.create("rbac-policies", object_type="address_scope", object_id=scope["id"], **given)
    demo.create("rbac-policies", object_type="subnetpool", object_id=pool["id"], **given)
    net = other.create("networks", name="user")
    subnet = other.create("subnets", network_id=net["id"], ip_version=4, subnetpool_id=pool["id"], prefixlen=28)
    assert subnet["cidr"].startswith("10.76.")
    body = {"subnet": {"network_id": net["id"], "ip_version": 4, "cidr": "10.1.0.0/24"}}
    assert other.refused("POST", "/subnets", 400, body)["type"] == "NetworkSubnetPoolAffinityError"
