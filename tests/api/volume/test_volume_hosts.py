"""What operators do with hosts that keep volumes: freezing them; and what is answered where there is nothing."""

import logging
import time

import pytest
from volume_api import UNKNOWN, act, at, create, wait

V = at("3.71")
COMPUTE = {"openstack-api-version": "compute 2.60"}


def test_a_frozen_host_keeps_what_it_has(cloud):
    volume = create(cloud.demo)
    host = cloud.admin.get("volume", f"/volumes/{volume['id']}").json()["volume"]["os-vol-host-attr:host"].partition("#")[0]
    assert cloud.demo.put("volume", "/os-services/freeze", {"host": host}, **V).status_code == 403
    assert cloud.admin.put("volume", "/os-services/freeze", {"host": host}, **V).status_code == 200
    try:
        again = cloud.admin.put("volume", "/os-services/freeze", {"host": host}, **V)
        assert again.status_code == 400 and f"frozen in ['{host}'] must be False to failover." in again.text
        services = cloud.admin.get("volume", f"/os-services?host={host}", **V).json()["services"]
        assert [service["frozen"] for service in services] == [True]
        for answer in (
            cloud.demo.delete("volume", f"/volumes/{volume['id']}"),
            cloud.demo.post("volume", "/snapshots", {"snapshot": {"volume_id": volume["id"]}}),
        ):
            assert answer.status_code == 400
            assert answer.json()["badRequest"]["message"].endswith("not allowed on frozen storage backends.")
        others = [cloud.admin.get("volume", f"/volumes/{create(cloud.demo)['id']}").json()["volume"] for _ in range(3)]
        assert not any(other["os-vol-host-attr:host"].startswith(host) for other in others)
    finally:
        assert cloud.admin.put("volume", "/os-services/thaw", {"host": host}, **V).status_code == 200
    assert cloud.demo.delete("volume", f"/volumes/{volume['id']}").status_code == 202


def test_every_service_is_listed_and_can_be_disabled(cloud):
    listed = cloud.admin.get("volume", "/os-services", **V).json()["services"]
    hosts = sorted(one["host"] for one in listed if one["binary"] == "cinder-backup")
    assert sorted(one["host"] for one in listed if one["binary"] == "cinder-volume") == [f"{host}@file" for host in hosts] != []
    (scheduler,) = (one for one in listed if one["binary"] == "cinder-scheduler")
    assert {"binary", "host", "zone", "status", "state", "updated_at", "cluster", "disabled_reason"} == set(scheduler)
    assert {one["state"] for one in listed} == {"up"} and {one["status"] for one in listed} == {"enabled"}
    volume = create(cloud.demo)
    host = cloud.admin.get("volume", f"/volumes/{volume['id']}").json()["volume"]["os-vol-host-attr:host"].partition("@")[0]
    body = {"binary": "cinder-backup", "host": host}
    answer = cloud.admin.put("volume", "/os-services/disable-log-reason", {**body, "disabled_reason": "full"}, **V)
    assert (answer.status_code, answer.json()["disabled_reason"]) == (200, "full")
    try:
        (shown,) = cloud.admin.get("volume", f"/os-services?host={host}&binary=cinder-backup", **V).json()["services"]
        assert (shown["status"], shown["disabled_reason"]) == ("disabled", "full") and "frozen" not in shown
        refused = cloud.demo.post("volume", "/backups", {"backup": {"volume_id": volume["id"]}})
        assert refused.status_code == 404 and "Service cinder-backup could not be found." in refused.text
        assert host not in [one["host_name"] for one in cloud.admin.get("volume", "/os-hosts").json()["hosts"]]
        shown = cloud.admin.get("volume", f"/os-hosts/{host}@file").json()["host"]
        assert shown[0]["resource"]["project"] == "(total)" and int(shown[0]["resource"]["volume_count"]) >= 1
        assert cloud.admin.put("volume", "/os-services/disable", body, **V).json()["disabled"] is True
    finally:
        assert cloud.admin.put("volume", "/os-services/enable", body, **V).status_code == 200
    made = cloud.demo.post("volume", "/backups", {"backup": {"volume_id": volume["id"]}})
    assert made.status_code == 202
    backup = wait(cloud.demo, f"/backups/{made.json()['backup']['id']}", "backup", "available")
    cloud.admin.put("volume", "/os-services/disable", body, **V)
    refused = cloud.demo.delete("volume", f"/backups/{backup['id']}")
    cloud.admin.put("volume", "/os-services/enable", body, **V)
    assert (refused.status_code, "Service cinder-backup could not be found." in refused.text) == (404, True)
    assert cloud.demo.delete("volume", f"/backups/{backup['id']}").status_code == 202
    for wrong in ({"binary": "cinder-backup", "host": f"{host}@file"}, {"binary": "cinder-api", "host": host}):
        assert cloud.admin.put("volume", "/os-services/disable", wrong, **V).status_code == 404


def test_log_levels_are_shown_and_set(cloud):
    logger = logging.getLogger("monostack.tried")
    for body, count in (({}, 8), ({"binary": "cinder-volume"}, 3), ({"server": "sim-001"}, 2), ({"binary": "cinder-api"}, 1)):
        answer = cloud.admin.put("volume", "/os-services/set-log", {**body, "prefix": "monostack.tr", "level": "error"}, **V)
        assert (answer.status_code, logger.level) == (202, logging.ERROR)
        shown = cloud.admin.put("volume", "/os-services/get-log", {**body, "prefix": "monostack.tried"}, **V).json()["log_levels"]
        assert [one["levels"] for one in shown] == [{"monostack.tried": "ERROR"}] * count
        logger.setLevel(logging.INFO)
    missed = cloud.admin.put("volume", "/os-services/set-log", {"server": "nope", "level": "error"}, **V)
    assert (missed.status_code, logger.level) == (202, logging.INFO)
    bare = cloud.admin.put("volume", "/os-services/set-log", {}, **V)
    assert bare.json()["badRequest"]["message"] == "Invalid input received:  is not a valid log level."


def test_nothing_replicates_and_nothing_is_clustered(cloud):
    host = cloud.admin.get("volume", "/os-services?binary=cinder-volume", **V).json()["services"][0]["host"]
    answer = cloud.admin.put("volume", "/os-services/failover_host", {"host": host}, **V)
    assert answer.status_code == 400 and "replication_status" in answer.text
    for body, text in (({}, "One and only one of cluster and host must be set."), ({"host": "x"}, "No service found with host=x")):
        answer = cloud.admin.put("volume", "/os-services/failover_host", body, **V)
        assert answer.status_code == 400 and text in answer.text
    pool = cloud.admin.get("volume", f"/capabilities/{host}", **V).json()
    assert pool["storage_protocol"] == "file" and pool["replication_targets"] == []
    assert cloud.admin.get("volume", "/clusters", **V).json() == {"clusters": []}
    assert cloud.admin.get("volume", "/clusters?junk=1", **V).status_code == 400
    assert cloud.admin.get("volume", "/clusters/x", **V).status_code == 404
    assert cloud.admin.put("volume", "/clusters/enable", {"name": "x"}, **V).status_code == 404
    assert cloud.demo.get("volume", "/clusters", **V).status_code == 403
    assert cloud.admin.post("volume", "/workers/cleanup", {}, **V).json() == {"cleaning": [], "unavailable": []}
    assert cloud.admin.post("volume", "/workers/cleanup", {"resource_type": "backup"}, **V).status_code == 400
    assert cloud.admin.post("volume", "/workers/cleanup", {"resource_id": UNKNOWN}, **V).status_code == 400


@pytest.fixture
def server(cloud):
    flavor = {"flavor": {"name": "tiny", "id": "tiny", "ram": 64, "vcpus": 1, "disk": 1}}
    cloud.admin.post("compute", "/flavors", flavor)
    image = cloud.demo.post("image", "/images", {"name": "i", "disk_format": "raw", "container_format": "bare"}).json()
    cloud.demo.put("image", f"/images/{image['id']}/file", content=b"0" * 512, headers={"content-type": "application/octet-stream"})
    body = {"server": {"name": "s", "flavorRef": "tiny", "imageRef": image["id"], "networks": "none"}}
    server_id = cloud.demo.post("compute", "/servers", body, headers=COMPUTE).json()["server"]["id"]
    until = time.monotonic() + 20
    while cloud.demo.get("compute", f"/servers/{server_id}").json()["server"]["status"] != "ACTIVE":
        assert time.monotonic() < until
        time.sleep(0.05)
    yield server_id
    cloud.demo.delete("compute", f"/servers/{server_id}")


def test_an_attachment_that_compute_knows_nothing_of_may_be_ended(cloud, server):
    volume = create(cloud.demo)
    assert act(cloud.demo, volume, "os-attach", {"instance_uuid": server, "mountpoint": "/dev/vdb"}).status_code == 202
    assert act(cloud.demo, volume, "os-detach").status_code == 202
    assert wait(cloud.demo, f"/volumes/{volume['id']}", "volume", "available")["attachments"] == []


def test_a_volume_grows_under_a_server_which_is_told(cloud, server):
    volume, path = create(cloud.demo), f"/servers/{server}/os-volume_attachments"
    assert cloud.demo.post("compute", path, {"volumeAttachment": {"volumeId": volume["id"]}}).status_code == 200
    wait(cloud.demo, f"/volumes/{volume['id']}", "volume", "in-use")
    refused = act(cloud.demo, volume, "os-detach")
    assert refused.status_code == 409 and "using the Compute API" in refused.text
    assert act(cloud.demo, volume, "os-extend", {"new_size": 2}, "3.41").status_code == 400
    assert act(cloud.demo, volume, "os-extend", {"new_size": 2}, "3.42").status_code == 202
    assert wait(cloud.demo, f"/volumes/{volume['id']}", "volume", "in-use")["size"] == 2
    action = cloud.demo.get("compute", f"/servers/{server}/os-instance-actions").json()["instanceActions"][0]
    assert (action["action"], action["user_id"]) == ("extend_volume", cloud.demo.user_id)
    shown = cloud.admin.get("compute", f"/servers/{server}/os-instance-actions/{action['request_id']}").json()["instanceAction"]
    assert [(event["event"], event["result"]) for event in shown["events"]] == [("compute_extend_volume", "Success")]
    assert cloud.demo.delete("compute", f"{path}/{volume['id']}").status_code == 202
    wait(cloud.demo, f"/volumes/{volume['id']}", "volume", "available")
