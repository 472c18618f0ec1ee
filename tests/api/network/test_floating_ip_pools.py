"""The subnets floating IPs may come from."""

import pytest
from network_api import Net


def pools(user: Net) -> dict[str, dict[str, str]]:
    answer = user.client.get("network", "/floatingip_pools")
    assert answer.status_code == 200, answer.text
    return {pool["subnet_id"]: pool for pool in answer.json()["floatingip_pools"]}


@pytest.mark.parametrize("external", [True, False])
def test_pools_are_the_ipv4_subnets_of_external_networks(admin: Net, demo: Net, external: bool) -> None:
    net = admin.create("networks", name="outside", **{"router:external": external})
    subnet = admin.create("subnets", network_id=net["id"], ip_version=4, cidr="172.31.1.0/24", name="four")
    six = admin.create("subnets", network_id=net["id"], ip_version=6, cidr="2001:db8:31::/64")
    for user in (demo, admin):
        found = pools(user)
        assert six["id"] not in found and (subnet["id"] in found) is external
        if external:
            assert found[subnet["id"]] == {
                "subnet_id": subnet["id"], "subnet_name": "four", "network_id": net["id"], "cidr": "172.31.1.0/24",
                "project_id": user.project_id, "tenant_id": user.project_id,
            }  # fmt: skip
    admin.delete("networks", net["id"])
    assert subnet["id"] not in pools(admin)


def test_an_external_network_of_another_project_is_no_pool(admin: Net, demo: Net, other: Net) -> None:
    net = admin.create("networks", name="theirs", **{"router:external": True})
    subnet = admin.create("subnets", network_id=net["id"], ip_version=4, cidr="172.31.2.0/24")
    policy = admin.list("rbac-policies", object_id=net["id"])[0]
    admin.update("rbac-policies", policy["id"], target_tenant=demo.project_id)
    assert subnet["id"] in pools(demo) and subnet["id"] not in pools(other)
    fields = demo.client.get("network", "/floatingip-pools", params={"fields": "cidr"}).json()["floatingip_pools"]
    assert {"cidr": "172.31.2.0/24"} in fields
    admin.delete("networks", net["id"])
