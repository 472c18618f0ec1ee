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
