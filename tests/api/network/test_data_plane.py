"""What hosts are told of networks, ports, groups and routers, and what comes back as statuses."""

import asyncio
from typing import Any

import pytest
from network_api import Net, Told, eventually
from wiring import bind, wire

from clouds import TestCloud
from monostack.agentlink import CommandFailed, HostUnreachable
from monostack.protocol.network import tap_name


def test_wiring_gives_the_host_all_that_a_port_needs(cloud: TestCloud, demo: Net, told: Told) -> None:
    net = demo.network("wired", "10.1.0.0/24")
    group = demo.create("security-groups", name="wired")
    friends = demo.create("security-groups", name="friends")
    rule = {"security_group_id": group["id"], "direction": "ingress", "protocol": "tcp", "port_range_min": 22, "port_range_max": 22}
    demo.create("security-group-rules", **rule)
    demo.create("security-group-rules", security_group_id=group["id"], direction="ingress", remote_group_id=friends["id"])
    friend = demo.create("ports", network_id=net["id"], security_groups=[friends["id"]])
    port = demo.create("ports", network_id=net["id"], security_groups=[group["id"]], device_owner="compute:nova", device_id="s1")
    host = told.hosts[1]
    bind(cloud, [port["id"]], host)
    wire(cloud, [port["id"]], host)
    items = told.items(host)
    mine = items[f"port/{port['id']}"]
    assert mine.tap == tap_name(port["id"]) and mine.groups == [group["id"]] and mine.server_id == "s1" and mine.port_security
    assert [one.ip_address for one in mine.fixed_ips] == [port["fixed_ips"][0]["ip_address"]]
    assert items[f"network/{net['id']}"].subnets[0].cidr == "10.1.0.0/24"
    ssh = next(rule for rule in items[f"group/{group['id']}"].rules if rule.protocol == "tcp")
    assert (ssh.port_min, ssh.port_max, ssh.direction) == (22, 22, "ingress")
    assert items[f"members/{friends['id']}"].addresses == [friend["fixed_ips"][0]["ip_address"]]
    shown = eventually(lambda: (found := Net(cloud.admin).show("ports", port["id"]))["status"] == "ACTIVE" and found)
    assert shown["binding:host_id"] == host and shown["binding:vif_type"] == "bridge"


def test_dhcp_runs_on_one_host_which_knows_all_ports(cloud: TestCloud, demo: Net, admin: Net, told: Told) -> None:
    net = demo.network("served", "10.2.0.0/24")
    key = f"network/{net['id']}"
    serving = eventually(lambda: [host for host in told.having(key) if told.items(host)[key].serves_dhcp])
    assert len(serving) == 1
    item = told.items(serving[0])[key]
    dhcp = admin.list("ports", network_id=net["id"], device_owner="network:dhcp")[0]
    assert item.dhcp_port_id == dhcp["id"] and item.subnets[0].dhcp_ip == dhcp["fixed_ips"][0]["ip_address"] == "10.2.0.2"
    assert dhcp["binding:host_id"] == serving[0]
    eventually(lambda: admin.show("ports", dhcp["id"])["status"] == "ACTIVE")
    port = demo.create("ports", network_id=net["id"], extra_dhcp_opts=[{"opt_name": "bootfile-name", "opt_value": "x"}])
    known = eventually(lambda: told.items(serving[0]).get(f"port/{port['id']}"))
    assert known.tap is None and known.dhcp_options == [{"opt_name": "bootfile-name", "opt_value": "x", "ip_version": 4}]
    elsewhere = next(host for host in told.hosts if host != serving[0])
    bind(cloud, [port["id"]], elsewhere)
    wire(cloud, [port["id"]], elsewhere)
    assert told.items(elsewhere)[key].serves_dhcp is False
    assert told.items(serving[0])[f"port/{port['id']}"].tap is None
    demo.update("subnets", net["subnet"]["id"], enable_dhcp=False)
    eventually(lambda: told.having(key) == [elsewhere])
    assert admin.list("ports", network_id=net["id"], device_owner="network:dhcp") == []


def test_what_nobody_needs_goes(cloud: TestCloud, demo: Net, told: Told) -> None:
    net = demo.network("leaving", "10.3.0.0/24", enable_dhcp=False)
    group = demo.create("security-groups", name="leaving")
    ports = [demo.create("ports", network_id=net["id"], security_groups=[group["id"]]) for _ in range(2)]
    host = told.hosts[0]
    bind(cloud, [port["id"] for port in ports], host)
    wire(cloud, [port["id"] for port in ports], host)
    keys = [f"network/{net['id']}", f"group/{group['id']}"]
    demo.delete("ports", ports[0]["id"])
    eventually(lambda: f"port/{ports[0]['id']}" not in told.items(host))
    assert all(key in told.items(host) for key in keys)
    bind(cloud, [ports[1]["id"]], told.hosts[1])
    wire(cloud, [ports[1]["id"]], told.hosts[1])
    eventually(lambda: told.having(keys[0]) == told.having(keys[1]) == [told.hosts[1]])
    demo.delete("ports", ports[1]["id"])
    eventually(lambda: not told.having(keys[0]) and not told.having(keys[1]))


def test_a_rule_reaches_the_hosts_of_the_group_and_no_others(cloud: TestCloud, demo: Net, told: Told) -> None:
    net = demo.network("ruled", "10.4.0.0/24", enable_dhcp=False)
    group = demo.create("security-groups", name="ruled")
    port = demo.create("ports", network_id=net["id"], security_groups=[group["id"]])
    host = told.hosts[2]
    bind(cloud, [port["id"]], host)
    wire(cloud, [port["id"]], host)
    key = f"group/{group['id']}"
    before = len(told.items(host)[key].rules)
    rule = demo.create("security-group-rules", security_group_id=group["id"], direction="ingress", protocol="icmp")
    eventually(lambda: len(told.items(host)[key].rules) == before + 1)
    assert told.having(key) == [host]
    demo.delete("security-group-rules", rule["id"])
    eventually(lambda: len(told.items(host)[key].rules) == before)


def test_members_of_a_remote_group_follow(cloud: TestCloud, demo: Net, told: Told) -> None:
    net = demo.network("crowd", "10.5.0.0/24", enable_dhcp=False)
    group = demo.create("security-groups", name="crowd")
    demo.create("security-group-rules", security_group_id=group["id"], direction="ingress", remote_group_id=group["id"])
    port = demo.create("ports", network_id=net["id"], security_groups=[group["id"]])
    host = told.hosts[0]
    bind(cloud, [port["id"]], host)
    wire(cloud, [port["id"]], host)
    more = demo.create("ports", network_id=net["id"], security_groups=[group["id"]])
    demo.update("ports", more["id"], allowed_address_pairs=[{"ip_address": "10.5.0.200"}])
    wanted = {port["fixed_ips"][0]["ip_address"], more["fixed_ips"][0]["ip_address"], "10.5.0.200"}
    eventually(lambda: set(told.items(host)[f"members/{group['id']}"].addresses) == wanted)
    demo.delete("ports", more["id"])
    eventually(lambda: told.items(host)[f"members/{group['id']}"].addresses == [port["fixed_ips"][0]["ip_address"]])


def test_a_router_has_its_interfaces_gateway_and_floating_ips(demo: Net, admin: Net, told: Told) -> None:
    outside = admin.create("networks", name="outside", **{"router:external": True})
    xs = admin.create("subnets", network_id=outside["id"], ip_version=4, cidr="172.20.0.0/24", enable_dhcp=False)
    net = demo.network("inside", "10.6.0.0/24")
    router = demo.create("routers", name="r", external_gateway_info={"network_id": outside["id"]})
    interface = demo.act(f"/routers/{router['id']}/add_router_interface", {"subnet_id": net["subnet"]["id"]})
    key = f"router/{router['id']}"
    eventually(lambda: told.having(key) and told.item(key).interfaces)
    item = told.item(key)
    address = router["external_gateway_info"]["external_fixed_ips"][0]["ip_address"]
    assert [(one.port_id, one.addresses) for one in item.interfaces] == [(interface["port_id"], ["10.6.0.1/24"])]
    assert item.gateway.addresses == [f"{address}/24"] and item.gateway.gateway_ips == ["172.20.0.1"] and item.gateway.snat
    host = told.having(key)[0]
    assert f"network/{net['id']}" in told.items(host) and f"network/{outside['id']}" in told.items(host)
    eventually(lambda: admin.show("ports", interface["port_id"])["status"] == "ACTIVE")
    port = demo.create("ports", network_id=net["id"])
    floating = demo.create("floatingips", floating_network_id=outside["id"], port_id=port["id"])
    eventually(lambda: demo.show("floatingips", floating["id"])["status"] == "ACTIVE")
    led = told.item(key).floating_ips
    assert [(one.floating_ip, one.fixed_ip) for one in led] == [(floating["floating_ip_address"], port["fixed_ips"][0]["ip_address"])]
    agent = admin.client.get("network", f"/routers/{router['id']}/l3-agents").json()["agents"][0]
    assert admin.client.delete("network", f"/agents/{agent['id']}/l3-routers/{router['id']}").status_code == 204
    assert demo.show("floatingips", floating["id"])["status"] == "DOWN", "its router runs nowhere"
    assert admin.client.post("network", f"/agents/{agent['id']}/l3-routers", {"router_id": router["id"]}).status_code == 201
    eventually(lambda: demo.show("floatingips", floating["id"])["status"] == "ACTIVE")
    assert demo.update("floatingips", floating["id"], port_id=None)["status"] == "DOWN"
    eventually(lambda: told.item(key).floating_ips == [])
    demo.update("routers", router["id"], routes=[{"destination": "192.168.0.0/24", "nexthop": "10.6.0.9"}], admin_state_up=False)
    eventually(lambda: told.item(key).routes == [{"destination": "192.168.0.0/24", "nexthop": "10.6.0.9"}])
    assert told.item(key).admin_up is False
    admin.update("subnets", xs["id"], gateway_ip="172.20.0.254", allocation_pools=[{"start": "172.20.0.2", "end": "172.20.0.200"}])
    eventually(lambda: told.item(key).gateway.gateway_ips == ["172.20.0.254"])
    demo.delete("floatingips", floating["id"])
    demo.update("routers", router["id"], routes=[])
    demo.act(f"/routers/{router['id']}/remove_router_interface", {"subnet_id": net["subnet"]["id"]})
    demo.delete("routers", router["id"])
    eventually(lambda: not told.having(key))


def test_a_port_that_is_down_says_so(cloud: TestCloud, demo: Net, told: Told) -> None:
    net = demo.network("switched", "10.7.0.0/24", enable_dhcp=False)
    port = demo.create("ports", network_id=net["id"])
    bind(cloud, [port["id"]], told.hosts[0])
    wire(cloud, [port["id"]], told.hosts[0])
    eventually(lambda: demo.show("ports", port["id"])["status"] == "ACTIVE")
    demo.update("ports", port["id"], admin_state_up=False)
    eventually(lambda: demo.show("ports", port["id"])["status"] == "DOWN")
    assert told.items(told.hosts[0])[f"port/{port['id']}"].admin_up is False
    demo.update("ports", port["id"], admin_state_up=True)
    eventually(lambda: demo.show("ports", port["id"])["status"] == "ACTIVE")


def test_a_dhcp_port_that_is_down_answers_nobody(demo: Net, admin: Net, told: Told) -> None:
    net = demo.network("silenced", "10.13.0.0/24")
    port = admin.list("ports", network_id=net["id"], device_owner="network:dhcp")[0]
    eventually(lambda: admin.show("ports", port["id"])["status"] == "ACTIVE")
    for up, status in ((False, "DOWN"), (True, "ACTIVE")):
        admin.update("ports", port["id"], admin_state_up=up)
        eventually(lambda status=status: admin.show("ports", port["id"])["status"] == status)
        assert told.item(f"network/{net['id']}").dhcp_up is up


def test_an_item_the_host_cannot_make_is_an_error_until_it_can(
    cloud: TestCloud, demo: Net, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    net = demo.network("broken", "10.8.0.0/24", enable_dhcp=False)
    port = demo.create("ports", network_id=net["id"])
    host = told.hosts[0]
    link = cloud.app.cloud.hosts.local(host)
    assert link is not None
    driver = link.agent.drivers.network
    real = driver.apply

    async def failing(changes):
        answer = await real(changes)
        if f"port/{port['id']}" in changes.items:
            answer.errors[f"port/{port['id']}"] = "no room for another tap"
        return answer

    monkeypatch.setattr(driver, "apply", failing)
    bind(cloud, [port["id"]], host)
    with pytest.raises(CommandFailed, match="no room for another tap"):
        wire(cloud, [port["id"]], host)
    eventually(lambda: demo.show("ports", port["id"])["status"] == "ERROR")
    monkeypatch.undo()
    cloud.run(cloud.app.cloud.reconcilers.run_once("network-retry"))
    eventually(lambda: demo.show("ports", port["id"])["status"] == "ACTIVE")
    wire(cloud, [port["id"]], host)


def test_a_host_that_comes_back_is_told_everything(cloud: TestCloud, demo: Net, told: Told) -> None:
    net = demo.network("returning", "10.9.0.0/24", enable_dhcp=False)
    port, gone = demo.create("ports", network_id=net["id"]), demo.create("ports", network_id=net["id"])
    host = told.hosts[1]
    bind(cloud, [port["id"], gone["id"]], host)
    wire(cloud, [port["id"], gone["id"]], host)
    items = told.items(host)
    link = cloud.app.cloud.hosts.local(host)
    assert link is not None

    async def away() -> None:
        link.disconnect(reconnect=False)
        await asyncio.sleep(0)

    cloud.run(away())
    assert host not in told.hosts
    with pytest.raises(HostUnreachable):
        wire(cloud, [port["id"]], host)
    demo.delete("ports", gone["id"])
    items["port/left-behind"] = items[f"port/{port['id']}"]
    cloud.run(link.connect())
    eventually(lambda: "port/left-behind" not in items and f"port/{gone['id']}" not in items)
    assert f"port/{port['id']}" in items and f"network/{net['id']}" in items


def test_the_cost_of_one_port_does_not_grow_with_the_others(cloud: TestCloud, demo: Net, told: Told) -> None:
    """One more port sends its own items, not those of the ports that are there."""
    net = demo.network("many", "10.10.0.0/20")
    body = {"ports": [{"network_id": net["id"]} for _ in range(200)]}
    assert cloud.demo.post("network", "/ports", body).status_code == 201
    eventually(lambda: len([key for host in told.hosts for key in told.items(host) if key.startswith("port/")]) >= 200)
    sent: list[int] = []
    hosts = cloud.app.cloud.hosts
    real = hosts.call

    async def counting(host, name, args, **options):
        if name == "network.apply":
            sent.append(len(args.items))
        return await real(host, name, args, **options)

    hosts.call = counting
    try:
        port = demo.create("ports", network_id=net["id"])
        host = told.hosts[0]
        bind(cloud, [port["id"]], host)
        wire(cloud, [port["id"]], host)
    finally:
        del hosts.call
    assert 0 < sum(sent) < 20, sent


def test_the_database_works_no_more_for_one_port_when_there_are_many(cloud: TestCloud, demo: Net, admin: Net, told: Told) -> None:
    """Counted in instructions of SQLite's machine; the quota, which counts rows, is unlimited, and the port in no group of many."""
    db = cloud.app.cloud.db
    if not db.is_sqlite:
        pytest.skip("PostgreSQL does not tell what a statement costs in a way that could be held")
    net = demo.network("crowded", "10.12.0.0/20")
    steps: list[int] = []

    def watch(handler: Any) -> None:
        for run in (db.read, db.write):
            cloud.run(run(lambda tx: tx.connection.connection.driver_connection.set_progress_handler(handler, 10)))

    def one_port() -> int:
        host = told.hosts[1]
        before = len(steps)
        port = demo.create("ports", network_id=net["id"], security_groups=[])
        bind(cloud, [port["id"]], host)
        wire(cloud, [port["id"]], host)
        demo.update("ports", port["id"], name="renamed")
        demo.delete("ports", port["id"])
        eventually(lambda: f"port/{port['id']}" not in told.items(host))
        return len(steps) - before

    admin.act(f"/quotas/{demo.project_id}", {"quota": {"port": -1}})
    watch(lambda: steps.append(1))
    try:
        few = min(one_port() for _ in range(3))
        for _ in range(4):
            body = {"ports": [{"network_id": net["id"], "security_groups": []} for _ in range(250)]}
            assert cloud.demo.post("network", "/ports", body).status_code == 201
        eventually(lambda: len([key for host in told.hosts for key in told.items(host) if key.startswith("port/")]) >= 1000)
        many = min(one_port() for _ in range(3))
    finally:
        watch(None)
        admin.client.delete("network", f"/quotas/{demo.project_id}")
    assert few > 0 and many < few * 1.5, (few, many)
