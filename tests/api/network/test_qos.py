"""QoS policies: what hosts are told of them, defaults, and what a policy with rules the hosts do not do may be used for."""

from typing import Any

import pytest
from network_api import Net, Told, eventually


def policy(admin: Net, *rules: tuple[str, dict[str, Any]], **values: Any) -> str:
    made = admin.client.post("network", "/qos/policies", {"policy": {"name": "q", **values}}).json()["policy"]["id"]
    for kind, rule in rules:
        answer = admin.client.post("network", f"/qos/policies/{made}/{kind}_rules", {f"{kind}_rule": rule})
        assert answer.status_code == 201, answer.text
    return made


LIMIT = ("bandwidth_limit", {"max_kbps": 3000, "max_burst_kbps": 300})


def test_a_host_is_told_what_a_port_is_held_to(admin: Net, told: Told) -> None:
    """A port's own policy comes before its network's; both are told anew when their rules change."""
    of_network = policy(admin, LIMIT, ("dscp_marking", {"dscp_mark": 26}))
    of_port = policy(admin, ("packet_rate_limit", {"max_kpps": 7, "direction": "ingress"}))
    net = admin.create("networks", name="held", qos_policy_id=of_network)
    admin.create("subnets", network_id=net["id"], ip_version=4, cidr="10.70.0.0/24")
    host = told.hosts[0]
    port = admin.create("ports", network_id=net["id"], **{"binding:host_id": host})
    key = f"port/{port['id']}"

    def qos() -> Any:
        item = told.items(host).get(key)
        return item and item.qos

    eventually(lambda: qos() is not None)
    assert (qos().egress.kbps, qos().egress.burst_kb, qos().ingress.kbps, qos().dscp) == (3000, 300, 0, 26)
    rule = admin.client.get("network", f"/qos/policies/{of_network}").json()["policy"]["rules"][0]
    path = f"/qos/policies/{of_network}/bandwidth_limit_rules/{rule['id']}"
    assert admin.client.put("network", path, {"bandwidth_limit_rule": {"max_kbps": 500}}).status_code == 200
    eventually(lambda: qos().egress.kbps == 500)
    admin.update("ports", port["id"], qos_policy_id=of_port)
    eventually(lambda: qos().ingress.kpps == 7 and qos().egress.kbps == 0)
    admin.update("ports", port["id"], qos_policy_id=None)
    eventually(lambda: qos().egress.kbps == 500)
    admin.update("networks", net["id"], qos_policy_id=None)
    eventually(lambda: qos() is None)


def test_routers_and_floating_ips_are_told_their_policies(admin: Net, told: Told) -> None:
    limit = policy(admin, LIMIT)
    public = admin.create("networks", name="outside", **{"router:external": True})
    admin.create("subnets", network_id=public["id"], ip_version=4, cidr="172.30.0.0/24", enable_dhcp=False)
    net = admin.network("behind", "10.71.0.0/24")
    router = admin.create("routers", name="r", external_gateway_info={"network_id": public["id"], "qos_policy_id": limit})
    assert router["external_gateway_info"]["qos_policy_id"] == limit
    admin.act(f"/routers/{router['id']}/add_router_interface", {"subnet_id": net["subnet"]["id"]})
    port = admin.create("ports", network_id=net["id"])
    floating = admin.create("floatingips", floating_network_id=public["id"], port_id=port["id"], qos_policy_id=limit)
    assert floating["qos_policy_id"] == limit
    key = f"router/{router['id']}"
    item = eventually(lambda: told.having(key) and told.item(key).floating_ips and told.item(key))
    assert (item.gateway.qos.egress.kbps, item.floating_ips[0].qos.egress.kbps) == (3000, 3000)
    assert admin.refused("DELETE", f"/qos/policies/{limit}", 409)["type"] == "QosPolicyInUse"
    admin.update("floatingips", floating["id"], qos_policy_id=None)
    admin.update("routers", router["id"], external_gateway_info={"network_id": public["id"], "qos_policy_id": None})
    eventually(lambda: told.item(key).gateway.qos is None and told.item(key).floating_ips[0].qos is None)
    # Those that have none are held to that of the external network.
    admin.update("networks", public["id"], qos_policy_id=limit)
    assert admin.show("floatingips", floating["id"])["qos_network_policy_id"] == limit
    eventually(lambda: told.item(key).floating_ips[0].qos and told.item(key).floating_ips[0].qos.egress.kbps == 3000)
    admin.update("networks", public["id"], qos_policy_id=None)
    eventually(lambda: told.item(key).gateway.qos is None and told.item(key).floating_ips[0].qos is None)
    assert admin.client.delete("network", f"/qos/policies/{limit}").status_code == 204


def test_a_default_policy_is_for_networks_that_name_none(admin: Net, demo: Net) -> None:
    default = policy(admin, LIMIT, project_id=demo.project_id, is_default=True)
    try:
        assert demo.create("networks", name="plain")["qos_policy_id"] == default
        body = {"policy": {"name": "other", "project_id": demo.project_id, "is_default": True}}
        assert admin.refused("POST", "/qos/policies", 409, body)["type"] == "QoSPolicyDefaultAlreadyExists"
    finally:
        answer = admin.client.put("network", f"/qos/policies/{default}", {"policy": {"is_default": False}})
        assert answer.status_code == 200
    assert demo.create("networks", name="plain")["qos_policy_id"] is None


def test_what_hosts_do_not_do_to_a_kind_of_nic_is_refused(admin: Net) -> None:
    """Rules may say it; a port whose NIC bypasses the host's network may not be under them."""
    limit, plain = policy(admin, LIMIT), policy(admin)
    net = admin.network("bypassed", "10.72.0.0/24")
    body = {"port": {"network_id": net["id"], "qos_policy_id": limit, "binding:vnic_type": "direct"}}
    assert admin.refused("POST", "/ports", 409, body)["type"] == "QosRuleNotSupported"
    admin.create("ports", network_id=net["id"], qos_policy_id=plain, **{"binding:vnic_type": "direct"})
    rule = {"minimum_bandwidth_rule": {"min_kbps": 100}}
    assert admin.refused("POST", f"/qos/policies/{plain}/minimum_bandwidth_rules", 409, rule)["type"] == "QosRuleNotSupported"
    types = {one["type"] for one in admin.client.get("network", "/qos/rule-types").json()["rule_types"]}
    assert types == {"bandwidth_limit", "dscp_marking", "minimum_bandwidth", "minimum_packet_rate", "packet_rate_limit"}


def test_a_shared_policy_stays_shared_while_others_use_it(admin: Net, demo: Net) -> None:
    shared = policy(admin, shared=True)
    net = demo.create("networks", name="user", qos_policy_id=shared)
    assert admin.refused("PUT", f"/qos/policies/{shared}", 409, {"policy": {"shared": False}})["type"] == "RbacPolicyInUse"
    demo.delete("networks", net["id"])
    assert admin.client.put("network", f"/qos/policies/{shared}", {"policy": {"shared": False}}).status_code == 200
    demo.refused("GET", f"/qos/policies/{shared}", 404)


def test_who_may_make_no_rules_is_told_so_of_any_policy(admin: Net, demo: Net) -> None:
    hidden = policy(admin)
    for id in (hidden, "00000000-0000-0000-0000-000000000000"):
        fault = demo.refused("POST", f"/qos/policies/{id}/dscp_marking_rules", 403, {"dscp_marking_rule": {"dscp_mark": 10}})
        assert fault["type"] == "PolicyNotAuthorized"


RULES = {
    "bandwidth_limit": ({"max_kbps": 3000, "max_burst_kbps": 300}, {"max_kbps": 4000}),
    "dscp_marking": ({"dscp_mark": 26}, {"dscp_mark": 0}),
    "minimum_bandwidth": ({"min_kbps": 100, "direction": "egress"}, {"min_kbps": 200}),
    "minimum_packet_rate": ({"min_kpps": 10, "direction": "any"}, {"min_kpps": 20}),
    "packet_rate_limit": ({"max_kpps": 7, "direction": "ingress"}, {"max_kpps": 8}),
}


@pytest.mark.parametrize("kind", RULES)
def test_a_rule_is_shown_changed_and_deleted_below_its_policy_and_by_its_own_id(admin: Net, kind: str) -> None:
    values, change = RULES[kind]
    of = f"/qos/policies/{policy(admin)}/{kind}_rules"
    # Neutron has no rate limit of packets by its own id.
    aliases = [] if kind == "packet_rate_limit" else [(f"alias_{kind}_rule", f"/qos/alias-{kind.replace('_', '-')}-rules")]
    for name, path in [(f"{kind}_rule", of), *aliases]:
        made = admin.client.post("network", of, {f"{kind}_rule": values}).json()[f"{kind}_rule"]
        assert [each["id"] for each in admin.client.get("network", of).json()[f"{kind}_rules"]] == [made["id"]]
        one = f"{path}/{made['id']}"
        assert values.items() <= admin.client.get("network", one).json()[name].items()
        assert (values | change).items() <= admin.act(one, {name: change})[name].items()
        assert admin.client.delete("network", one).status_code == 204
        admin.refused("GET", one, 404)
        assert admin.client.get("network", of).json() == {f"{kind}_rules": []}


def test_each_type_of_rule_says_what_it_takes(admin: Net) -> None:
    for kind in admin.client.get("network", "/qos/rule-types").json()["rule_types"]:
        shown = admin.client.get("network", f"/qos/rule-types/{kind['type']}").json()["rule_type"]
        assert shown["type"] == kind["type"] and shown["drivers"]
