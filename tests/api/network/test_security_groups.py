"""Security groups: the default group of a project, and groups that are given to others."""

from concurrent.futures import ThreadPoolExecutor

from network_api import Net

from clouds import TestCloud


def test_a_project_has_its_default_group_from_the_first_look(cloud: TestCloud) -> None:
    """However many look at once, it is made once, and by a list that itself does not write."""
    cloud._create_user("newcomer", "newcomer", "member")
    newcomer = cloud.client("newcomer", "newcomer-password", "newcomer")
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: newcomer.get("network", "/security-groups").json()["security_groups"], range(6)))
    ids = {group["id"] for groups in answers for group in groups}
    assert len(ids) == 1 and all(len(groups) == 1 for groups in answers)
    rules = answers[0][0]["security_group_rules"]
    kinds = sorted((rule["direction"], rule["ethertype"], rule["remote_group_id"]) for rule in rules if rule["direction"] == "ingress")
    assert kinds == [("ingress", "IPv4", *ids), ("ingress", "IPv6", *ids)]
    assert sorted(rule["ethertype"] for rule in rules if rule["direction"] == "egress") == ["IPv4", "IPv6"]


def test_an_administrator_sees_the_default_group_of_any_project(cloud: TestCloud, admin: Net, demo: Net) -> None:
    """From the first look on; others make no groups of projects that are not theirs."""
    cloud._create_user("unseen", "unseen", "member")
    unseen = cloud.client("unseen", "unseen-password", "unseen")
    assert demo.list("security-groups", project_id=unseen.project_id) == []
    assert len(admin.list("security-groups", project_id=unseen.project_id, name="default")) == 1


def test_a_port_is_in_the_default_group_unless_it_says_otherwise(demo: Net) -> None:
    net = demo.network("grouped", "10.60.0.0/24")
    default = demo.list("security-groups", name="default", project_id=demo.project_id)[0]["id"]
    assert demo.create("ports", network_id=net["id"])["security_groups"] == [default]
    assert demo.create("ports", network_id=net["id"], security_groups=[])["security_groups"] == []
    open_port = demo.create("ports", network_id=net["id"], port_security_enabled=False)
    assert open_port["security_groups"] == [] and open_port["port_security_enabled"] is False


def test_a_network_without_port_security_hands_that_on(demo: Net) -> None:
    net = demo.create("networks", name="trusting", port_security_enabled=False)
    demo.create("subnets", network_id=net["id"], ip_version=4, cidr="10.61.0.0/24")
    assert demo.create("ports", network_id=net["id"])["port_security_enabled"] is False
    assert demo.create("ports", network_id=net["id"], port_security_enabled=True)["port_security_enabled"] is True


def test_a_group_given_to_another_project_serves_its_ports(cloud: TestCloud, demo: Net, other: Net) -> None:
    group = demo.create("security-groups", name="given")
    net = other.network("taker", "10.62.0.0/24")
    body = {"port": {"network_id": net["id"], "security_groups": [group["id"]]}}
    assert other.refused("POST", "/ports", 404, body)["type"] == "SecurityGroupNotFound"
    policy = demo.create(
        "rbac-policies", object_type="security_group", object_id=group["id"], action="access_as_shared", target_tenant=other.project_id
    )
    assert other.show("security-groups", group["id"])["shared"] is True
    port = other.create("ports", network_id=net["id"], security_groups=[group["id"]])
    assert demo.refused("DELETE", f"/rbac-policies/{policy['id']}", 409)["type"] == "RbacPolicyInUse"
    rule = {"security_group_rule": {"security_group_id": group["id"], "direction": "ingress"}}
    assert other.refused("POST", "/security-group-rules", 403, rule)["type"] == "PolicyNotAuthorized"
    other.delete("ports", port["id"])
    demo.delete("rbac-policies", policy["id"])
    other.refused("GET", f"/security-groups/{group['id']}", 404)


def test_a_group_in_use_stays(demo: Net) -> None:
    net = demo.network("using", "10.63.0.0/24")
    group = demo.create("security-groups", name="used")
    port = demo.create("ports", network_id=net["id"], security_groups=[group["id"]])
    path = f"/security-groups/{group['id']}"
    assert demo.refused("DELETE", path, 409)["type"] == "SecurityGroupInUse"
    assert demo.refused("PUT", path, 409, {"security_group": {"stateful": False}})["type"] == "SecurityGroupInUse"
    demo.update("ports", port["id"], security_groups=[])
    demo.delete("security-groups", group["id"])
    assert group["id"] not in [one["id"] for one in demo.list("security-groups")]


def test_the_rules_of_a_new_group_count(demo: Net, admin: Net) -> None:
    used = admin.client.get("network", f"/quotas/{demo.project_id}/details").json()["quota"]["security_group_rule"]["used"]
    admin.act(f"/quotas/{demo.project_id}", {"quota": {"security_group_rule": used + 1}})
    try:
        assert "security_group_rule" in demo.refused("POST", "/security-groups", 409, {"security_group": {"name": "x"}})["message"]
    finally:
        assert admin.client.delete("network", f"/quotas/{demo.project_id}").status_code == 204
