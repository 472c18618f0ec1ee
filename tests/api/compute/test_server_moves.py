"""Live migration and evacuation between simulated hosts, the lists of migrations, diagnostics and crash dumps."""

from collections.abc import Callable
from typing import Any

from guests import act, guest, until
from waiting import LATEST, at, wait_for

from clouds import TestCloud
from monostack.agent.simulation import FaultRule

Boot = Callable[..., dict[str, Any]]


def _host(cloud: TestCloud, server_id: str) -> str:
    return cloud.admin.get("compute", f"/servers/{server_id}").json()["server"]["OS-EXT-SRV-ATTR:host"]


def _message(answer: Any) -> tuple[int, str]:
    return answer.status_code, next(iter(answer.json().values()))["message"]


def _live(host: str | None = None) -> dict[str, Any]:
    return {"os-migrateLive": {"host": host, "block_migration": "auto"}}


def test_live_migration(cloud: TestCloud, boot: Boot) -> None:
    server_id = boot("travels")["id"]
    here = _host(cloud, server_id)
    boots = guest(cloud, server_id).boots
    assert act(cloud.demo, server_id, _live(), headers=at("2.34")).status_code == 403
    assert act(cloud.admin, server_id, _live(), headers=at("2.34")).status_code == 202
    wait_for(cloud.demo, server_id, "ACTIVE")
    there = _host(cloud, server_id)
    assert there != here and guest(cloud, server_id).boots == boots
    assert server_id not in cloud.app.cloud.hosts._local[here].agent.drivers.hypervisor.known
    (migration,) = cloud.admin.get("compute", f"/os-migrations?instance_uuid={server_id}", headers=LATEST).json()["migrations"]
    assert (migration["status"], migration["migration_type"]) == ("completed", "live-migration")
    assert (migration["source_compute"], migration["dest_compute"]) == (here, there)
    assert migration["old_instance_type_id"] == migration["new_instance_type_id"] > 0
    old = {"os-migrateLive": {"host": there, "block_migration": False, "disk_over_commit": False}}
    refused = act(cloud.admin, server_id, old)
    assert _message(refused) == (400, f"Unable to migrate instance ({server_id}) to current host ({there}).")
    nowhere = act(cloud.admin, server_id, _live("nowhere"), headers=at("2.34"))
    assert _message(nowhere) == (400, "Compute host nowhere could not be found.")


def test_migrations_under_way(cloud: TestCloud, boot: Boot) -> None:
    server_id = boot("stays")["id"]
    path = f"/servers/{server_id}/migrations"
    act(cloud.admin, server_id, {"migrate": None})
    wait_for(cloud.demo, server_id, "VERIFY_RESIZE")
    query = f"instance_uuid={server_id}&host={_host(cloud, server_id)}"
    (migration,) = cloud.admin.get("compute", f"/os-migrations?{query}").json()["migrations"]
    assert set(migration) == {
        "created_at", "dest_compute", "dest_host", "dest_node", "id", "instance_uuid", "new_instance_type_id", "old_instance_type_id",
        "source_compute", "source_node", "status", "updated_at",
    }  # fmt: skip
    key = migration["id"]
    assert cloud.admin.get("compute", path, headers=at("2.23")).json() == {"migrations": []}
    shown = cloud.admin.get("compute", f"{path}/{key}", headers=at("2.23"))
    assert _message(shown) == (404, f"Migration {key} for server {server_id} is not live-migration.")
    missing = cloud.admin.get("compute", f"{path}/999999", headers=at("2.23"))
    assert _message(missing) == (404, f"In-progress live migration 999999 is not found for server {server_id}.")
    aborted = cloud.admin.delete("compute", f"{path}/{key}", headers=at("2.24"))
    assert _message(aborted) == (409, f"Instance {server_id} is in an invalid state for 'abort live migration'")
    forced = cloud.admin.post("compute", f"{path}/{key}/action", {"force_complete": None}, headers=at("2.22"))
    assert _message(forced) == (409, f"Cannot 'force_complete' instance {server_id} while it is in vm_state resized")
    assert cloud.admin.get("compute", path).status_code == 404
    assert cloud.demo.get("compute", "/os-migrations").status_code == 403
    page = cloud.admin.get("compute", "/os-migrations?limit=1", headers=LATEST).json()
    assert len(page["migrations"]) == 1 and page["migrations_links"][0]["rel"] == "next"
    assert cloud.admin.get("compute", "/os-migrations?marker=nosuch", headers=LATEST).status_code == 400


def test_evacuation(cloud: TestCloud, boot: Boot) -> None:
    server_id = boot("flees")["id"]
    here = _host(cloud, server_id)
    up = act(cloud.admin, server_id, {"evacuate": {}}, headers=at("2.14"))
    assert _message(up) == (400, f"Compute service of {here} is still in use.")
    assert _message(act(cloud.admin, server_id, {"evacuate": {"host": here}}, headers=at("2.14"))) == (
        400, "The target host can't be the same one.",
    )  # fmt: skip
    down = {"host": here, "binary": "nova-compute", "forced_down": True}
    assert cloud.admin.put("compute", "/os-services/force-down", down, headers=at("2.11")).status_code == 200
    try:
        answer = act(cloud.admin, server_id, {"evacuate": {"onSharedStorage": False}})
        assert (answer.status_code, len(answer.json()["adminPass"])) == (200, 12)
        wait_for(cloud.demo, server_id, "ACTIVE")
        there = _host(cloud, server_id)
        assert there != here
        assert cloud.app.cloud.hosts._local[there].agent.drivers.hypervisor.known[server_id].state == "running"
    finally:
        cloud.admin.put("compute", "/os-services/force-down", {**down, "forced_down": False}, headers=at("2.11"))

    async def come_back() -> None:
        cloud.app.cloud.hosts._local[here].disconnect()

    cloud.run(come_back())
    until(lambda: server_id not in cloud.app.cloud.hosts._local[here].agent.drivers.hypervisor.known)


def test_diagnostics_topology_and_crash_dump(cloud: TestCloud, boot: Boot) -> None:
    server_id = boot("observed")["id"]
    path = f"/servers/{server_id}/diagnostics"
    assert cloud.demo.get("compute", path).status_code == 403
    old = cloud.admin.get("compute", path).json()
    assert (old["memory"], old["cpu0_time"], old["vda_read_req"]) == (64 << 10, 0, 0)
    new = cloud.admin.get("compute", path, headers=at("2.48")).json()
    assert (new["state"], new["driver"], new["num_nics"], new["memory_details"]) == ("running", "libvirt", 1, {"maximum": 64, "used": 64})
    topology = cloud.demo.get("compute", f"/servers/{server_id}/topology", headers=at("2.78"))
    assert topology.json() == {"nodes": [], "pagesize_kb": None}
    assert act(cloud.demo, server_id, {"trigger_crash_dump": None}).status_code == 404
    assert act(cloud.demo, server_id, {"trigger_crash_dump": None}, headers=at("2.17")).status_code == 202
    until(lambda: guest(cloud, server_id).interrupts == 1)
    act(cloud.demo, server_id, {"os-stop": None})
    wait_for(cloud.demo, server_id, "SHUTOFF")
    refused = cloud.admin.get("compute", path)
    assert _message(refused) == (409, f"Cannot 'get_diagnostics' instance {server_id} while it is in power state shutdown")
    refused = act(cloud.demo, server_id, {"trigger_crash_dump": None}, headers=at("2.17"))
    assert _message(refused) == (409, f"Cannot 'trigger_crash_dump' instance {server_id} while it is in vm_state stopped")


def test_no_guest_has_an_agent_that_would_change_its_password(cloud: TestCloud, boot: Boot) -> None:
    server_id = boot("agentless")["id"]
    assert act(cloud.demo, server_id, {"changePassword": {}}).status_code == 400
    assert act(cloud.reader, server_id, {"changePassword": {"adminPass": "x"}}).status_code == 403
    refused = act(cloud.demo, server_id, {"changePassword": {"adminPass": "x"}})
    assert _message(refused) == (409, "QEMU guest agent is not enabled")


def test_a_live_migration_under_way_is_seen_hurried_and_broken_off(cloud: TestCloud, boot: Boot) -> None:
    server_id = boot("slow")["id"]
    here, path = _host(cloud, server_id), f"/servers/{server_id}/migrations"
    cloud.app.faults.add(FaultRule(command="guest.take_over", target=server_id, delay=5, times=1))
    assert act(cloud.admin, server_id, _live(), headers=at("2.34")).status_code == 202

    def under_way() -> Any:
        found = cloud.admin.get("compute", path, headers=LATEST).json()["migrations"]
        return [each for each in found if each["status"] == "running"]

    (migration,) = until(under_way)
    one = f"{path}/{migration['id']}"
    assert cloud.admin.get("compute", one, headers=LATEST).json()["migration"]["source_compute"] == here
    assert cloud.demo.get("compute", one, headers=LATEST).status_code == 403
    assert cloud.admin.post("compute", f"{one}/action", {"force_complete": None}, headers=LATEST).status_code == 202
    assert cloud.demo.delete("compute", one, headers=LATEST).status_code == 403
    assert cloud.admin.delete("compute", one, headers=LATEST).status_code == 202
    wait_for(cloud.demo, server_id, "ACTIVE")
    assert _host(cloud, server_id) == here and guest(cloud, server_id).state == "running"
    listed = cloud.admin.get("compute", f"/os-migrations?instance_uuid={server_id}", headers=LATEST).json()["migrations"]
    assert [each["status"] for each in listed] == ["cancelled"]
