"""Servers that are kept for a while after they were deleted."""

from typing import Any

import pytest
from guests import act, guest, until
from waiting import LATEST, wait_for, wait_gone

from clouds import TestCloud

KEPT = 3600  # seconds


@pytest.fixture(scope="module")
def cloud_settings() -> dict[str, Any]:
    return {"compute.reclaim_instance_interval": KEPT}


def _deleted(cloud: TestCloud, server_id: str) -> dict[str, Any]:
    assert cloud.demo.delete("compute", f"/servers/{server_id}").status_code == 204
    return wait_for(cloud.demo, server_id, "SOFT_DELETED")


def test_a_deleted_server_is_kept_and_restored(cloud: TestCloud, boot: Any) -> None:
    server_id = boot("kept")["id"]
    assert act(cloud.demo, server_id, {"restore": None}).json()["conflictingRequest"]["message"] == (
        f"Cannot 'restore' instance {server_id} while it is in vm_state active"
    )
    kept = _deleted(cloud, server_id)
    assert (kept["OS-EXT-STS:vm_state"], kept["OS-EXT-STS:power_state"], len(kept["addresses"]["net"])) == ("soft-delete", 4, 1)
    assert guest(cloud, server_id).state == "stopped"
    assert cloud.demo.get("compute", "/servers").json()["servers"] == []
    shown = cloud.admin.get("compute", "/servers", params={"all_tenants": 1, "soft_deleted": 1}).json()["servers"]
    assert [each["id"] for each in shown] == [server_id]
    assert cloud.demo.delete("compute", f"/servers/{server_id}").status_code == 204  # it waits already
    used = cloud.demo.get("compute", "/limits").json()["limits"]["absolute"]
    assert (used["totalInstancesUsed"], used["totalCoresUsed"]) == (0, 0)
    assert act(cloud.demo, server_id, {"restore": None}).status_code == 202
    wait_for(cloud.demo, server_id, "ACTIVE")
    assert guest(cloud, server_id).state == "running"
    actions = cloud.demo.get("compute", f"/servers/{server_id}/os-instance-actions", headers=LATEST).json()["instanceActions"]
    assert [each["action"] for each in actions[:2]] == ["restore", "delete"]


def test_restoring_counts_against_the_quota(cloud: TestCloud, boot: Any) -> None:
    server_id = boot("too many")["id"]
    _deleted(cloud, server_id)
    quota = {"quota_set": {"instances": 0, "force": True}}
    assert cloud.admin.put("compute", f"/os-quota-sets/{cloud.demo.project_id}", quota).status_code == 200
    refused = act(cloud.demo, server_id, {"restore": None})
    assert refused.status_code == 403 and "Quota exceeded for instances" in refused.json()["forbidden"]["message"]
    cloud.admin.put("compute", f"/os-quota-sets/{cloud.demo.project_id}", {"quota_set": {"instances": -1}})


def test_it_goes_when_it_is_forced_or_its_time_is_over(cloud: TestCloud, boot: Any) -> None:
    forced, old, young = (boot(name)["id"] for name in ("forced", "old", "young"))
    for server_id in (forced, old, young):
        _deleted(cloud, server_id)
    assert act(cloud.demo, forced, {"forceDelete": None}).status_code == 202
    wait_gone(cloud.demo, forced)
    from monostack.services.compute.servers import table

    cloud.run(cloud.app.db.write(lambda tx: table.update(tx, old, soft_deleted_at="2020-01-01T00:00:00.000000")))
    cloud.run(cloud.app.cloud.reconcilers.run_once("compute_deletions"))
    wait_gone(cloud.demo, old)
    assert until(lambda: wait_for(cloud.demo, young, "SOFT_DELETED"))
