"""Servers that stand still: paused and suspended ones."""

from collections.abc import Callable
from typing import Any

from guests import act, guest, until
from waiting import LATEST, wait_for

from clouds import TestCloud

Boot = Callable[..., dict[str, Any]]


def _events(cloud: TestCloud, server_id: str, request_id: str) -> list[tuple[str, str]]:
    path = f"/servers/{server_id}/os-instance-actions/{request_id}"
    shown = cloud.demo.get("compute", path, headers=LATEST).json()["instanceAction"]
    return [(event["event"], event["result"]) for event in shown["events"]]


def test_pause_and_unpause(cloud: TestCloud, boot: Boot) -> None:
    server_id = boot("pauses")["id"]
    refused = act(cloud.demo, server_id, {"unpause": None})
    message = f"Cannot 'unpause' instance {server_id} while it is in vm_state active"
    assert (refused.status_code, refused.json()["conflictingRequest"]["message"]) == (409, message)
    paused = act(cloud.demo, server_id, {"pause": None})
    assert paused.status_code == 202
    shown = wait_for(cloud.demo, server_id, "PAUSED")
    assert (shown["OS-EXT-STS:vm_state"], shown["OS-EXT-STS:power_state"]) == ("paused", 3)
    assert guest(cloud, server_id).state == "paused"
    assert _events(cloud, server_id, paused.headers["x-compute-request-id"]) == [("compute_pause_instance", "Success")]
    assert act(cloud.demo, server_id, {"os-stop": None}).status_code == 409
    assert act(cloud.reader, server_id, {"unpause": None}).status_code == 403
    boots = guest(cloud, server_id).boots
    assert act(cloud.demo, server_id, {"unpause": None}).status_code == 202
    assert wait_for(cloud.demo, server_id, "ACTIVE")["OS-EXT-STS:power_state"] == 1
    assert (guest(cloud, server_id).state, guest(cloud, server_id).boots) == ("running", boots)


def test_suspend_and_resume(cloud: TestCloud, boot: Boot) -> None:
    server_id = boot("suspends")["id"]
    assert act(cloud.demo, server_id, {"resume": None}).status_code == 409
    suspended = act(cloud.demo, server_id, {"suspend": None})
    shown = wait_for(cloud.demo, server_id, "SUSPENDED")
    assert (shown["OS-EXT-STS:vm_state"], shown["OS-EXT-STS:power_state"]) == ("suspended", 4)
    assert (guest(cloud, server_id).state, guest(cloud, server_id).reason) == ("stopped", "saved")
    assert _events(cloud, server_id, suspended.headers["x-compute-request-id"]) == [("compute_suspend_instance", "Success")]
    boots = guest(cloud, server_id).boots
    assert act(cloud.demo, server_id, {"resume": None}).status_code == 202
    wait_for(cloud.demo, server_id, "ACTIVE")
    assert (guest(cloud, server_id).state, guest(cloud, server_id).boots) == ("running", boots)


def test_a_hard_reboot_wakes_what_stands_still(cloud: TestCloud, boot: Boot) -> None:
    server_id = boot("woken")["id"]
    for action, status in (("pause", "PAUSED"), ("suspend", "SUSPENDED")):
        act(cloud.demo, server_id, {action: None})
        wait_for(cloud.demo, server_id, status)
        boots = guest(cloud, server_id).boots
        assert act(cloud.demo, server_id, {"reboot": {"type": "SOFT"}}).status_code == 409
        assert act(cloud.demo, server_id, {"reboot": {"type": "HARD"}}).status_code == 202
        wait_for(cloud.demo, server_id, "ACTIVE")
        assert guest(cloud, server_id).boots == boots + 1


def test_after_its_host_restarted_a_paused_server_is_off_and_a_suspended_one_waits(cloud: TestCloud, boot: Boot) -> None:
    paused, suspended = boot("loses-memory")["id"], boot("keeps-memory")["id"]
    act(cloud.demo, paused, {"pause": None})
    act(cloud.demo, suspended, {"suspend": None})
    wait_for(cloud.demo, paused, "PAUSED")
    wait_for(cloud.demo, suspended, "SUSPENDED")
    host = cloud.admin.get("compute", f"/servers/{paused}").json()["server"]["OS-EXT-SRV-ATTR:host"]
    link = cloud.app.cloud.hosts._local[host]

    async def restart() -> None:
        link.agent.drivers.hypervisor.lose_power()
        link.disconnect()

    cloud.run(restart())
    assert wait_for(cloud.demo, paused, "SHUTOFF")["OS-EXT-STS:power_state"] == 4
    assert wait_for(cloud.demo, suspended, "SUSPENDED")["status"] == "SUSPENDED"
    act(cloud.demo, suspended, {"resume": None})
    wait_for(cloud.demo, suspended, "ACTIVE")
    until(lambda: guest(cloud, suspended).state == "running")


def test_a_server_that_could_not_be_suspended_runs_on(cloud: TestCloud, boot: Boot) -> None:
    server_id = boot("stubborn", metadata={"monostack:fail": "suspend", "monostack:times": "1"})["id"]
    answer = act(cloud.demo, server_id, {"suspend": None})
    wait_for(cloud.demo, server_id, "ACTIVE")
    assert guest(cloud, server_id).state == "running"
    assert _events(cloud, server_id, answer.headers["x-compute-request-id"]) == [("compute_suspend_instance", "Error")]
