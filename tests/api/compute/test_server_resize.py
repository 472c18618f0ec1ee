"""Resize and cold migration, and how they end."""

import socket
from collections.abc import Callable
from typing import Any

import pytest
from guests import act, guest, until
from waiting import LATEST, at, wait_for

from clouds import TestCloud

Boot = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def flavors(cloud: TestCloud, flavor: str) -> None:
    for name, ram, disk in (("large", 128, 2), ("thin", 64, 0), ("poor", 32, 1), ("giant", 1 << 24, 1)):
        body = {"flavor": {"name": name, "id": name, "ram": ram, "disk": disk, "vcpus": 2}}
        assert cloud.admin.post("compute", "/flavors", body).status_code == 200


def _host(cloud: TestCloud, server_id: str) -> str:
    return cloud.admin.get("compute", f"/servers/{server_id}").json()["server"]["OS-EXT-SRV-ATTR:host"]


def _events(cloud: TestCloud, server_id: str, request_id: str) -> list[tuple[str, str]]:
    path = f"/servers/{server_id}/os-instance-actions/{request_id}"
    shown = cloud.admin.get("compute", path, headers=LATEST).json()["instanceAction"]
    return [(event["event"], event["result"]) for event in shown["events"]]


def test_resize_and_confirm(cloud: TestCloud, boot: Boot, flavors: None) -> None:
    server_id = boot("grows")["id"]
    answer = act(cloud.demo, server_id, {"resize": {"flavorRef": "large", "OS-DCF:diskConfig": "AUTO"}})
    assert answer.status_code == 202
    shown = wait_for(cloud.demo, server_id, "VERIFY_RESIZE")
    assert (shown["OS-EXT-STS:vm_state"], shown["flavor"]["original_name"], shown["OS-DCF:diskConfig"]) == ("resized", "large", "AUTO")
    local = cloud.app.cloud.hosts._local[_host(cloud, server_id)].agent.drivers.hypervisor.known[server_id]
    assert (local.state, local.root_size) == ("running", 2 << 30)
    assert [event for event, _ in _events(cloud, server_id, answer.headers["x-compute-request-id"])] == [
        "compute_finish_resize", "compute_resize_instance", "compute_prep_resize", "cold_migrate", "conductor_migrate_server",
    ]  # fmt: skip
    refused = act(cloud.demo, server_id, {"os-stop": None})
    message = f"Cannot 'stop' instance {server_id} while it is in vm_state resized"
    assert (refused.status_code, refused.json()["conflictingRequest"]["message"]) == (409, message)
    assert act(cloud.demo, server_id, {"confirmResize": None}).status_code == 204
    wait_for(cloud.demo, server_id, "ACTIVE")
    assert guest(cloud, server_id) is local  # the only one left
    (migration,) = cloud.admin.get("compute", f"/os-migrations?instance_uuid={server_id}").json()["migrations"]
    assert 0 < migration["old_instance_type_id"] < migration["new_instance_type_id"]  # as numbers, in the order they were made
    assert act(cloud.demo, server_id, {"confirmResize": None}).status_code == 409


def test_resize_and_revert_a_stopped_server(cloud: TestCloud, boot: Boot, flavors: None) -> None:
    server_id = boot("shrinks-back")["id"]
    act(cloud.demo, server_id, {"os-stop": None})
    wait_for(cloud.demo, server_id, "SHUTOFF")
    host = _host(cloud, server_id)
    act(cloud.demo, server_id, {"resize": {"flavorRef": "large"}})
    wait_for(cloud.demo, server_id, "VERIFY_RESIZE")
    assert act(cloud.demo, server_id, {"revertResize": None}).status_code == 202
    shown = wait_for(cloud.demo, server_id, "SHUTOFF")
    assert (shown["flavor"]["original_name"], _host(cloud, server_id)) == ("small", host)
    assert (guest(cloud, server_id).state, guest(cloud, server_id).root_size) == ("stopped", 1 << 30)


def test_cold_migration(cloud: TestCloud, boot: Boot) -> None:
    server_id = boot("moves")["id"]
    port = cloud.demo.get("network", f"/ports?device_id={server_id}").json()["ports"][0]["id"]
    here = _host(cloud, server_id)
    there = next(name for name in cloud.app.cloud.hosts.connected() if name != here)
    assert act(cloud.demo, server_id, {"migrate": None}).status_code == 403
    assert act(cloud.admin, server_id, {"migrate": {"host": there}}, headers=at("2.56")).status_code == 202
    wait_for(cloud.demo, server_id, "VERIFY_RESIZE")
    bound = cloud.admin.get("network", f"/ports/{port}").json()["port"]["binding:host_id"]
    assert (_host(cloud, server_id), bound) == (there, there)
    assert act(cloud.demo, server_id, {"confirmResize": None}).status_code == 204
    wait_for(cloud.demo, server_id, "ACTIVE")
    assert guest(cloud, server_id).state == "running"


def test_deleting_while_it_waits_leaves_nothing(cloud: TestCloud, boot: Boot) -> None:
    server_id = boot("gone-halfway")["id"]
    act(cloud.admin, server_id, {"migrate": None})
    wait_for(cloud.demo, server_id, "VERIFY_RESIZE")
    assert cloud.demo.delete("compute", f"/servers/{server_id}").status_code == 204
    until(lambda: cloud.demo.get("compute", f"/servers/{server_id}").status_code == 404)
    assert not any(server_id in link.agent.drivers.hypervisor.known for link in cloud.app.cloud.hosts._local.values())
    usages = cloud.admin.get("placement", f"/allocations/{server_id}").json()
    assert usages["allocations"] == {}


def test_what_is_refused(cloud: TestCloud, boot: Boot, flavors: None) -> None:
    server_id = boot("same")["id"]
    here = _host(cloud, server_id)
    shrink = "Server disk was unable to be resized because: Resize to zero disk flavor is not allowed."
    for body, status, message in (
        ({"resize": {"flavorRef": "small"}}, 400, "When resizing, instances must change flavor!"),
        ({"resize": {"flavorRef": "nosuch"}}, 400, "Flavor nosuch could not be found."),
        ({"resize": {"flavorRef": "thin"}}, 400, shrink),
        ({"migrate": {"host": here}}, 400, "Cannot migrate to the host where the server exists."),
        ({"migrate": {"host": "nowhere"}}, 400, "Compute host nowhere could not be found."),
    ):
        answer = act(cloud.admin, server_id, body, headers=at("2.56"))
        assert (answer.status_code, next(iter(answer.json().values()))["message"]) == (status, message)
    # No host has so much memory: found out after the answer, and told by the action.
    answer = act(cloud.demo, server_id, {"resize": {"flavorRef": "giant"}})
    assert answer.status_code == 202
    assert wait_for(cloud.demo, server_id, "ACTIVE")["flavor"]["original_name"] == "small"
    events = _events(cloud, server_id, answer.headers["x-compute-request-id"])
    assert events == [("cold_migrate", "Error"), ("conductor_migrate_server", "Error")]
    shown = cloud.admin.get("compute", f"/servers/{server_id}/os-instance-actions", headers=LATEST).json()["instanceActions"][0]
    path = f"/servers/{server_id}/os-instance-actions/{shown['request_id']}"
    told = cloud.admin.get("compute", path, headers=LATEST).json()["instanceAction"]["events"]
    assert {one["host"] for one in told} == {socket.gethostname()}, "it was decided here"


def test_a_resize_that_fails_changes_nothing(cloud: TestCloud, boot: Boot, flavors: None) -> None:
    server_id = boot("stuck", metadata={"monostack:fail": "resize"})["id"]
    answer = act(cloud.demo, server_id, {"resize": {"flavorRef": "large"}})
    until(lambda: _events(cloud, server_id, answer.headers["x-compute-request-id"]) != [])
    shown = wait_for(cloud.demo, server_id, "ACTIVE")
    assert (shown["flavor"]["original_name"], guest(cloud, server_id).state) == ("small", "running")
    assert _events(cloud, server_id, answer.headers["x-compute-request-id"]) == [("compute_resize_instance", "Error")]
