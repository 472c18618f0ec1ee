"""Default security group rules: what groups begin with from now on."""

from network_api import Net

from clouds import TestCloud

PATH = "/default-security-group-rules"


def test_groups_begin_with_the_default_rules_of_their_kind(cloud: TestCloud, admin: Net, demo: Net) -> None:
    begun = admin.list("default-security-group-rules")
    kinds = sorted((one["direction"], one["ethertype"], one["remote_group_id"], one["used_in_non_default_sg"]) for one in begun)
    assert kinds == [
        ("egress", "IPv4", None, True), ("egress", "IPv6", None, True),
        ("ingress", "IPv4", "PARENT", False), ("ingress", "IPv6", "PARENT", False),
    ]  # fmt: skip
    ssh = {"direction": "ingress", "protocol": "tcp", "port_range_min": 22, "port_range_max": 22}
    both = admin.create("default-security-group-rules", **ssh, used_in_default_sg=False, used_in_non_default_sg=True)
    mine = admin.create(
        "default-security-group-rules", direction="ingress", protocol="icmp", used_in_default_sg=True, used_in_non_default_sg=False
    )
    try:
        assert admin.show("default-security-group-rules", mine["id"]) == mine
        group = demo.create("security-groups", name="begun")
        rules = {(rule["direction"], rule["protocol"]) for rule in group["security_group_rules"]}
        assert rules == {("egress", None), ("ingress", "tcp")}
        cloud._create_user("beginner", "beginner", "member")
        beginner = Net(cloud.client("beginner", "beginner-password", "beginner"))
        default = beginner.list("security-groups")[0]
        assert sorted((rule["direction"], rule["protocol"]) for rule in default["security_group_rules"] if rule["protocol"]) == [
            ("ingress", "icmp")
        ]
        again = {"default_security_group_rule": {**ssh, "used_in_default_sg": False, "used_in_non_default_sg": True}}
        assert admin.refused("POST", PATH, 409, again)["type"] == "DefaultSecurityGroupRuleExists"
        assert demo.refused("POST", PATH, 403, again)["type"] == "PolicyNotAuthorized"
    finally:
        admin.delete("default-security-group-rules", both["id"])
        admin.delete("default-security-group-rules", mine["id"])
    assert demo.refused("GET", f"{PATH}/{both['id']}", 404)["type"] == "DefaultSecurityGroupRuleNotFound"
    group = demo.create("security-groups", name="begun later")
    assert {rule["direction"] for rule in group["security_group_rules"]} == {"egress"}


def test_a_default_rule_lets_in_groups_that_there_are(admin: Net, demo: Net) -> None:
    said = {"direction": "ingress", "used_in_default_sg": False, "used_in_non_default_sg": True}
    for attribute, value in (("remote_group_id", "junk"), ("remote_group_id", {}), ("remote_address_group_id", "PARENT")):
        fault = admin.refused("POST", PATH, 400, {"default_security_group_rule": {**said, attribute: value}})
        assert f"Invalid input for {attribute}. Reason: '{value}' is not a valid UUID." in fault["message"]
    friends = admin.create("security-groups", name="friends")
    rule = admin.create("default-security-group-rules", **said, remote_group_id=friends["id"])
    try:
        rules = demo.create("security-groups")["security_group_rules"]
        assert [rule["remote_group_id"] for rule in rules if rule["direction"] == "ingress"] == [friends["id"]]
    finally:
        for group in demo.list("security-groups", name=""):
            demo.delete("security-groups", group["id"])
        admin.delete("security-groups", friends["id"])
    rules = demo.create("security-groups")["security_group_rules"]
    assert {one["direction"] for one in rules} == {"egress"}, "nobody is left to let in"
    admin.delete("default-security-group-rules", rule["id"])


def test_a_rule_lets_in_no_group_without_an_id(demo: Net) -> None:
    group = demo.create("security-groups", name="strict")
    rule = {"security_group_id": group["id"], "direction": "ingress", "remote_group_id": ""}
    assert demo.refused("POST", "/security-group-rules", 404, {"security_group_rule": rule})["type"] == "SecurityGroupNotFound"
    rule["remote_group_id"] = {}
    fault = demo.refused("POST", "/security-group-rules", 400, {"security_group_rule": rule})
    assert "Invalid input for remote_group_id" in fault["message"]
