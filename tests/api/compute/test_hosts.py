"""Hosts as services, hypervisors, aggregates and zones, and how servers find theirs."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from guests import until
from waiting import LATEST, at, wait_for, wait_gone

from clouds import TestCloud
from monostack.db import Transaction
from monostack.services.compute.hosts import controllers, enrolment

Boot = Callable[..., dict[str, Any]]


def _host_of(cloud: TestCloud, server_id: str) -> str:
    return cloud.admin.get("compute", f"/servers/{server_id}").json()["server"]["OS-EXT-SRV-ATTR:host"]


def _services(cloud: TestCloud) -> dict[str, dict[str, Any]]:
    path = "/os-services?binary=nova-compute"
    return {each["host"]: each for each in cloud.admin.get("compute", path, headers=LATEST).json()["services"]}


@contextmanager
def _disabled(cloud: TestCloud, *hosts: str) -> Iterator[None]:
    services = _services(cloud)
    for host in hosts:
        body = {"status": "disabled", "disabled_reason": "test"}
        assert cloud.admin.put("compute", f"/os-services/{services[host]['id']}", body, headers=LATEST).status_code == 200
    yield
    for host in hosts:
        cloud.admin.put("compute", f"/os-services/{services[host]['id']}", {"status": "enabled"}, headers=LATEST)


def test_hosts_enrol_by_connecting(cloud: TestCloud) -> None:
    services = _services(cloud)
    assert sorted(services) == ["sim-001", "sim-002", "sim-003"]
    assert {(each["state"], each["status"], each["zone"]) for each in services.values()} == {("up", "enabled", "nova")}
    listed = cloud.admin.get("compute", "/os-hypervisors/detail", headers=at("2.53")).json()["hypervisors"]
    one = listed[0]
    assert (one["hypervisor_hostname"], one["hypervisor_type"], one["vcpus"], one["memory_mb"]) == ("sim-001", "QEMU", 64, 262144)
    assert one["memory_mb_used"] == 512 and one["cpu_info"]["arch"] == "x86_64" and one["service"]["id"] == services["sim-001"]["id"]
    old = cloud.admin.get("compute", "/os-hypervisors").json()["hypervisors"]
    assert [each["id"] for each in old] == [1, 2, 3]
    assert isinstance(cloud.admin.get("compute", "/os-hypervisors/1").json()["hypervisor"]["cpu_info"], str)
    assert "up" in cloud.admin.get("compute", "/os-hypervisors/1/uptime").json()["hypervisor"]["uptime"]
    with_servers = cloud.admin.get("compute", "/os-hypervisors/sim-001/servers").json()["hypervisors"]
    assert [each["hypervisor_hostname"] for each in with_servers] == ["sim-001"]
    missing = cloud.admin.get("compute", "/os-hypervisors/99").json()["itemNotFound"]["message"]
    assert missing == "Hypervisor with ID '99' could not be found."
    page = cloud.admin.get("compute", "/os-hypervisors?limit=2", headers=at("2.53")).json()
    assert len(page["hypervisors"]) == 2 and "marker=" in page["hypervisors_links"][0]["href"]
    new = cloud.admin.get("compute", f"/os-hypervisors/{one['id']}", headers=LATEST).json()["hypervisor"]
    assert "vcpus" not in new and "uptime" in new


def test_what_servers_take_is_counted(cloud: TestCloud, boot: Boot) -> None:
    before = cloud.admin.get("compute", "/os-hypervisors/statistics").json()["hypervisor_statistics"]
    server = boot("counted")
    after = cloud.admin.get("compute", "/os-hypervisors/statistics").json()["hypervisor_statistics"]
    assert (after["vcpus_used"] - before["vcpus_used"], after["memory_mb_used"] - before["memory_mb_used"]) == (1, 64)
    host = _host_of(cloud, server["id"])
    path = f"/os-hypervisors?hypervisor_hostname_pattern={host}&with_servers=true"
    (found,) = cloud.admin.get("compute", path, headers=LATEST).json()["hypervisors"]
    assert server["id"] in [each["uuid"] for each in found["servers"]]
    assert cloud.admin.get("compute", "/os-hypervisors/sim/search").json()["hypervisors"][0]["hypervisor_hostname"] == "sim-001"
    assert cloud.admin.get("compute", "/os-hypervisors/nope/servers").status_code == 404


def test_a_disabled_host_gets_no_servers(cloud: TestCloud, boot: Boot) -> None:
    with _disabled(cloud, "sim-001", "sim-002"):
        assert _host_of(cloud, boot("only-third")["id"]) == "sim-003"
        status = cloud.admin.get("compute", f"/os-services/{_services(cloud)['sim-001']['id']}", headers=LATEST).status_code
        assert status == 404  # a service is only listed
    with _disabled(cloud, "sim-001", "sim-002", "sim-003"):
        server = boot("nowhere", status="ERROR")
        details = cloud.admin.get("compute", f"/servers/{server['id']}").json()["server"]["fault"]["details"]
        assert details == "; ".join(f"sim-00{n}: it is disabled (test)" for n in (1, 2, 3))


def test_the_old_ways_to_change_a_service(cloud: TestCloud) -> None:
    body = {"host": "sim-001", "binary": "nova-compute"}
    reason = {**body, "disabled_reason": "why"}
    assert cloud.admin.put("compute", "/os-services/disable-log-reason", reason).json()["service"]["status"] == "disabled"
    assert _services(cloud)["sim-001"]["disabled_reason"] == "why"
    assert cloud.admin.put("compute", "/os-services/enable", body).json() == {"service": {**body, "status": "enabled"}}
    forced = cloud.admin.put("compute", "/os-services/force-down", {**body, "forced_down": True}, headers=at("2.11"))
    assert forced.json()["service"]["forced_down"] is True and _services(cloud)["sim-001"]["state"] == "down"
    cloud.admin.put("compute", "/os-services/force-down", {**body, "forced_down": False}, headers=at("2.11"))
    unknown = cloud.admin.put("compute", "/os-services/enable", {**body, "host": "nope"})
    assert unknown.status_code == 404
    assert cloud.demo.put("compute", "/os-services/enable", body).status_code == 403
    assert cloud.admin.delete("compute", "/os-services/1").status_code == 409


def test_the_controller_schedules_and_conducts(cloud: TestCloud) -> None:
    name = socket.gethostname()
    scheduler, conductor, *hosts = cloud.admin.get("compute", "/os-services", headers=LATEST).json()["services"]
    assert [(one["binary"], one["host"], one["zone"]) for one in (scheduler, conductor)] == [
        ("nova-scheduler", name, "internal"), ("nova-conductor", name, "internal"),
    ]  # fmt: skip
    assert {(one["state"], one["status"], one["forced_down"]) for one in (scheduler, conductor)} == {("up", "enabled", False)}
    assert {one["binary"] for one in hosts} == {"nova-compute"}
    old = cloud.admin.get("compute", f"/os-services?host={name}").json()["services"]
    assert [one["binary"] for one in old] == ["nova-scheduler", "nova-conductor"] and isinstance(old[0]["id"], int)
    internal = [{"host_name": name, "service": topic, "zone": "internal"} for topic in ("scheduler", "conductor")]
    assert cloud.admin.get("compute", "/os-hosts?zone=internal").json() == {"hosts": internal}
    assert cloud.admin.get("compute", "/os-hosts").json()["hosts"][:2] == internal
    assert cloud.admin.get("compute", f"/os-hosts/{name}").status_code == 404
    zones = cloud.admin.get("compute", "/os-availability-zone/detail").json()["availabilityZoneInfo"]
    (zone,) = (one for one in zones if one["zoneName"] == "internal")
    assert zone["hosts"][name]["nova-conductor"]["available"] is True and zone["zoneState"] == {"available": True}

    path = f"/os-services/{conductor['id']}"
    refused = cloud.admin.put("compute", path, {"status": "disabled"}, headers=LATEST).json()["badRequest"]["message"]
    assert refused == "Updating a nova-conductor service is not supported. Only nova-compute services can be updated."
    assert cloud.demo.delete("compute", path, headers=LATEST).status_code == 403
    assert cloud.admin.delete("compute", path, headers=LATEST).status_code == 204
    assert cloud.admin.delete("compute", path, headers=LATEST).status_code == 404
    assert cloud.admin.delete("compute", f"/os-services/{old[0]['id']}").status_code == 204
    assert cloud.admin.get("compute", f"/os-services?host={name}").json() == {"services": []}


def test_services_of_controllers_come_and_go_with_them(cloud: TestCloud) -> None:
    def play(tx: Transaction) -> list[list[str]]:
        seen = []
        for me, name in (("1", "one"), ("2", "one"), ("3", "two")):
            enrolment.sign_of_life(tx, me, name)
        seen.append([one.host for one in controllers.controller_services(tx)][-4:])
        enrolment.take_over(tx, "4")  # and the others are forgotten
        enrolment.sign_of_life(tx, "4", "two")
        seen.append([one.host for one in controllers.controller_services(tx)])
        return seen

    several, alone = cloud.run(cloud.app.cloud.db.write(play))
    assert (several, alone) == (["one", "one", "two", "two"], ["two", "two"])


def test_a_host_whose_agent_is_gone_is_down(cloud: TestCloud) -> None:
    link = cloud.app.cloud.hosts._local["sim-002"]
    cloud.loop.call_soon_threadsafe(lambda: link.disconnect(reconnect=False))
    until = time.monotonic() + 20
    while _services(cloud)["sim-002"]["state"] != "down":
        assert time.monotonic() < until
        time.sleep(0.05)
    cloud.run(link.connect())
    while _services(cloud)["sim-002"]["state"] != "up":
        assert time.monotonic() < until
        time.sleep(0.05)


def test_a_host_whose_agent_starts_again_is_given_servers_and_volumes(cloud: TestCloud, flavor: str, image: str, network: str) -> None:
    links = [cloud.app.cloud.hosts._local[name] for name in _services(cloud)]
    for link in links:
        cloud.loop.call_soon_threadsafe(lambda link=link: link.disconnect(reconnect=False))
    until = time.monotonic() + 20
    while {each["state"] for each in _services(cloud).values()} != {"down"}:
        assert time.monotonic() < until
        time.sleep(0.05)
    body = {"name": "meanwhile", "flavorRef": flavor, "imageRef": image, "networks": [{"uuid": network}]}
    server = cloud.demo.post("compute", "/servers", {"server": body}).json()["server"]
    made = cloud.demo.post("volume", "/volumes", {"volume": {"size": 1}})
    assert (made.status_code, made.json()["volume"]["status"]) == (202, "creating")
    for link in links:
        cloud.run(link.connect())
    wait_for(cloud.demo, server["id"], "ACTIVE")
    while (status := cloud.demo.get("volume", f"/volumes/{made.json()['volume']['id']}").json()["volume"]["status"]) == "creating":
        assert time.monotonic() < until
        time.sleep(0.05)
    assert status == "available"


def test_zones(cloud: TestCloud, boot: Boot) -> None:
    for server in cloud.admin.get("compute", "/servers?all_tenants=1").json()["servers"]:
        cloud.admin.delete("compute", f"/servers/{server['id']}")
    until = time.monotonic() + 20
    while cloud.admin.get("compute", "/servers?all_tenants=1").json()["servers"]:
        assert time.monotonic() < until
        time.sleep(0.05)
    aggregate = cloud.admin.post("compute", "/os-aggregates", {"aggregate": {"name": "a1", "availability_zone": "one"}}).json()["aggregate"]
    path = f"/os-aggregates/{aggregate['id']}"
    assert cloud.admin.post("compute", f"{path}/action", {"add_host": {"host": "sim-003"}}).json()["aggregate"]["hosts"] == ["sim-003"]
    assert cloud.admin.post("compute", f"{path}/action", {"add_host": {"host": "sim-003"}}).status_code == 409
    zones = cloud.demo.get("compute", "/os-availability-zone").json()["availabilityZoneInfo"]
    seen = [(each["zoneName"], each["zoneState"]["available"], each["hosts"]) for each in zones]
    assert seen == [("nova", True, None), ("one", True, None)]
    detail = cloud.admin.get("compute", "/os-availability-zone/detail").json()["availabilityZoneInfo"]
    assert {each["zoneName"]: list(each["hosts"]) for each in detail}["one"] == ["sim-003"]
    with _disabled(cloud, "sim-003"):
        zones = cloud.demo.get("compute", "/os-availability-zone").json()["availabilityZoneInfo"]
        assert zones[-1] == {"zoneName": "one", "zoneState": {"available": False}, "hosts": None}
        detail = cloud.admin.get("compute", "/os-availability-zone/detail").json()["availabilityZoneInfo"]
        assert detail[-1] == {"zoneName": "one", "zoneState": {"available": False}, "hosts": None}
    assert aggregate["id"] in [each["id"] for each in cloud.admin.get("compute", "/os-aggregates").json()["aggregates"]]
    server = boot("in-one", availability_zone="one")
    assert (server["OS-EXT-AZ:availability_zone"], _host_of(cloud, server["id"])) == ("one", "sim-003")
    assert _host_of(cloud, boot("in-nova", availability_zone="nova")["id"]) != "sim-003"
    other = cloud.admin.post("compute", "/os-aggregates", {"aggregate": {"name": "a2", "availability_zone": "two"}}).json()["aggregate"]
    refused = cloud.admin.post("compute", f"/os-aggregates/{other['id']}/action", {"add_host": {"host": "sim-003"}})
    assert refused.json()["conflictingRequest"]["message"] == (
        f"Cannot add host to aggregate {other['id']}. Reason: One or more hosts already in availability zone(s) ['one']."
    )
    assert cloud.admin.delete("compute", path).status_code == 400


def test_aggregates(cloud: TestCloud) -> None:
    made = cloud.admin.post("compute", "/os-aggregates", {"aggregate": {"name": "fast"}}).json()["aggregate"]
    assert "hosts" not in made and made["availability_zone"] is None
    path = f"/os-aggregates/{made['id']}"
    again = cloud.admin.post("compute", "/os-aggregates", {"aggregate": {"name": "fast"}})
    assert (again.status_code, again.json()["conflictingRequest"]["message"]) == (409, "Aggregate fast already exists.")
    body = {"set_metadata": {"metadata": {"ssd": "true", "gone": None}}}
    assert cloud.admin.post("compute", f"{path}/action", body).json()["aggregate"]["metadata"] == {"ssd": "true"}
    assert cloud.admin.put("compute", path, {"aggregate": {"name": "faster"}}).json()["aggregate"]["name"] == "faster"
    assert "uuid" in cloud.admin.get("compute", path, headers=at("2.41")).json()["aggregate"]
    assert cloud.admin.get("compute", "/os-aggregates/x").json()["badRequest"]["message"] == "Invalid input received: id must be an integer"
    assert cloud.demo.get("compute", "/os-aggregates").status_code == 403
    assert cloud.admin.delete("compute", path).status_code == 200
    assert cloud.admin.get("compute", path).status_code == 404


def test_flavors_ask_for_aggregates_and_capabilities(cloud: TestCloud, boot: Boot) -> None:
    made = cloud.admin.post("compute", "/os-aggregates", {"aggregate": {"name": "ssd"}}).json()["aggregate"]
    path = f"/os-aggregates/{made['id']}/action"
    cloud.admin.post("compute", path, {"add_host": {"host": "sim-002"}})
    cloud.admin.post("compute", path, {"set_metadata": {"metadata": {"disk": "ssd,nvme"}}})
    for name, specs in (
        ("wants-ssd", {"aggregate_instance_extra_specs:disk": "nvme"}),
        ("wants-qemu", {"capabilities:hypervisor_type": "QEMU", "capabilities:hypervisor_version": ">= 7000000"}),
        ("wants-xen", {"capabilities:hypervisor_type": "Xen"}),
        ("wants-trait", {"trait:CUSTOM_NOWHERE": "required"}),
    ):
        cloud.admin.post("compute", "/flavors", {"flavor": {"name": name, "id": name, "ram": 64, "disk": 1, "vcpus": 1}})
        cloud.admin.post("compute", f"/flavors/{name}/os-extra_specs", {"extra_specs": specs})
    assert _host_of(cloud, boot("on-ssd", flavorRef="wants-ssd")["id"]) == "sim-002"
    boot("on-qemu", flavorRef="wants-qemu")
    server = boot("on-xen", flavorRef="wants-xen", status="ERROR")
    details = cloud.admin.get("compute", f"/servers/{server['id']}").json()["server"]["fault"]["details"]
    assert "sim-001: its hypervisor_type is QEMU, wanted is Xen" in details
    boot("no-trait", flavorRef="wants-trait", status="ERROR")


def test_server_groups(cloud: TestCloud, boot: Boot) -> None:
    def group(policy: str) -> str:
        body = {"server_group": {"name": policy, "policy": policy}}
        return cloud.demo.post("compute", "/os-server-groups", body, headers=LATEST).json()["server_group"]["id"]

    apart, together, softly = group("anti-affinity"), group("affinity"), group("soft-anti-affinity")
    servers = [boot(f"apart-{n}", hints={"group": apart})["id"] for n in range(3)]
    assert len({_host_of(cloud, each) for each in servers}) == 3
    fourth = boot("apart-4", hints={"group": apart}, status="ERROR")
    details = cloud.admin.get("compute", f"/servers/{fourth['id']}").json()["server"]["fault"]["details"]
    assert details.count("it has a server of the anti-affine server group") == 3
    hosts = {_host_of(cloud, boot(f"together-{n}", hints={"group": together})["id"]) for n in range(3)}
    assert len(hosts) == 1
    softs = [_host_of(cloud, boot(f"soft-{n}", hints={"group": softly})["id"]) for n in range(4)]
    assert len(set(softs)) == 3
    shown = cloud.demo.get("compute", f"/os-server-groups/{apart}", headers=LATEST).json()["server_group"]
    assert set(servers) <= set(shown["members"]) and (shown["policy"], shown["rules"]) == ("anti-affinity", {})
    one = cloud.demo.get("compute", f"/servers/{servers[0]}", headers=LATEST).json()["server"]
    assert one["server_groups"] == [apart]
    away = boot("away", hints={"different_host": servers[:2]})
    assert _host_of(cloud, away["id"]) == _host_of(cloud, servers[2])
    near = boot("near", hints={"same_host": servers[0]})
    assert _host_of(cloud, near["id"]) == _host_of(cloud, servers[0])
    assert cloud.demo.delete("compute", f"/os-server-groups/{apart}").status_code == 204
    assert cloud.demo.get("compute", f"/os-server-groups/{apart}").json()["itemNotFound"]["message"] == (
        f"Instance group {apart} could not be found."
    )


def test_hosts_as_nova_once_listed_them(cloud: TestCloud, boot: Boot) -> None:
    old = cloud.admin.get("compute", "/os-hosts?zone=nova").json()["hosts"]
    assert {"host_name": "sim-001", "service": "compute", "zone": "nova"} in old
    server = boot("weighs")
    host = _host_of(cloud, server["id"])
    total, now, most, *projects = [each["resource"] for each in cloud.admin.get("compute", f"/os-hosts/{host}").json()["host"]]
    assert (total["project"], total["cpu"], total["memory_mb"]) == ("(total)", 64, 262144)
    assert (now["project"], now["cpu"]) == ("(used_now)", most["cpu"]) and most["project"] == "(used_max)"
    assert sum(each["memory_mb"] for each in projects) == most["memory_mb"] and projects[0]["project"] == server["tenant_id"]

    assert cloud.admin.put("compute", f"/os-hosts/{host}", {"status": "disable"}).json() == {"host": host, "status": "disabled"}
    assert _services(cloud)[host]["status"] == "disabled"
    assert host not in [each["host_name"] for each in cloud.admin.get("compute", "/os-hosts").json()["hosts"]]
    assert cloud.admin.put("compute", f"/os-hosts/{host}", {"status": "Enable"}).json()["status"] == "enabled"
    for refused in (
        cloud.admin.put("compute", f"/os-hosts/{host}", {"maintenance_mode": "enable"}),
        cloud.admin.get("compute", f"/os-hosts/{host}/reboot"),
    ):
        assert (refused.status_code, refused.json()["notImplemented"]["message"]) == (501, "The requested functionality is not supported.")


def test_hosts_fetch_images_before_they_need_them(cloud: TestCloud, image: str) -> None:
    made = cloud.admin.post("compute", "/os-aggregates", {"aggregate": {"name": "warm"}}).json()["aggregate"]["id"]
    for host in ("sim-001", "sim-003"):
        cloud.admin.post("compute", f"/os-aggregates/{made}/action", {"add_host": {"host": host}})
    path, body = f"/os-aggregates/{made}/images", {"cache": [{"id": image}]}
    assert cloud.admin.post("compute", path, body, headers=at("2.80")).status_code == 404
    assert cloud.demo.post("compute", path, body, headers=LATEST).status_code == 403
    foreign = cloud.admin.post("compute", path, body, headers=LATEST)
    assert foreign.status_code == 202, foreign.text
    until = time.monotonic() + 20
    kept = {name: cloud.app.cloud.hosts._local[name].agent.drivers.block.cached for name in ("sim-001", "sim-002", "sim-003")}
    while not (image in kept["sim-001"] and image in kept["sim-003"]):
        assert time.monotonic() < until
        time.sleep(0.02)
    assert image not in kept["sim-002"]


def test_the_first_request_to_an_emulator_finds_all_hosts(tmp_path: Path) -> None:
    fresh = TestCloud(tmp_path, hosts=150).start()
    try:
        assert len(fresh.admin.get("compute", "/os-hypervisors?limit=1000", headers=LATEST).json()["hypervisors"]) == 150
    finally:
        fresh.stop()


def test_a_host_that_is_gone_is_forgotten_and_enrols_anew(cloud: TestCloud) -> None:
    link, old = cloud.app.cloud.hosts._local["sim-003"], _services(cloud)["sim-003"]["id"]
    path = f"/os-services/{old}"
    assert cloud.demo.delete("compute", path, headers=LATEST).status_code == 403
    for server in cloud.admin.get("compute", "/servers?all_tenants=1&host=sim-003").json()["servers"]:
        assert cloud.admin.delete("compute", path, headers=LATEST).status_code == 409
        assert cloud.admin.delete("compute", f"/servers/{server['id']}").status_code == 204
        wait_gone(cloud.admin, server["id"])
    connected = cloud.admin.delete("compute", path, headers=LATEST)
    assert (connected.status_code, "Stop the agent first" in connected.text) == (409, True)
    cloud.loop.call_soon_threadsafe(lambda: link.disconnect(reconnect=False))
    until(lambda: _services(cloud)["sim-003"]["state"] == "down")
    assert cloud.admin.delete("compute", path, headers=LATEST).status_code == 204
    assert "sim-003" not in _services(cloud)
    missing = cloud.admin.delete("compute", path, headers=LATEST)
    assert (missing.status_code, missing.json()["itemNotFound"]["message"]) == (404, f"Service {old} not found.")
    cloud.run(link.connect())
    until(lambda: _services(cloud).get("sim-003", {}).get("state") == "up")
    assert _services(cloud)["sim-003"]["id"] != old
