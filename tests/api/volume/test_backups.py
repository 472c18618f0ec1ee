"""Backups: made, listed, restored, exported and imported, deleted; and what is refused."""

import base64
import json

import msgspec
import pytest
from volume_api import UNKNOWN, act, at, create, snapshot, wait

from monostack.agent.simulation import FaultRule

NEWEST = "3.71"


def back_up(client, volume, **body):
    answer = client.post("volume", "/backups", {"backup": {"volume_id": volume["id"], **body}}, **at(NEWEST))
    assert answer.status_code == 202, answer.text
    made = wait(client, f"/backups/{answer.json()['backup']['id']}", "backup", "available", **at(NEWEST))
    wait(client, f"/volumes/{volume['id']}", "volume", volume["status"])
    return made


def delete(client, backup):
    assert client.delete("volume", f"/backups/{backup['id']}").status_code == 202
    wait(client, f"/backups/{backup['id']}", "backup", 404)


def test_a_backup_outlives_its_volume(cloud):
    volume = create(cloud.demo, name="original", metadata={"a": "b"})
    backup = back_up(cloud.demo, volume, name=" weekly ", metadata={"week": "1"})
    assert (backup["name"], backup["size"], backup["metadata"], backup["is_incremental"]) == ("weekly", 1, {"week": "1"}, False)
    assert backup["availability_zone"] == "nova" and backup["container"].endswith(backup["id"])
    assert cloud.demo.delete("volume", f"/volumes/{volume['id']}").status_code == 202
    wait(cloud.demo, f"/volumes/{volume['id']}", "volume", 404)
    answer = cloud.demo.post("volume", f"/backups/{backup['id']}/restore", {"restore": {}})
    assert answer.status_code == 202 and answer.json()["restore"]["volume_name"] == f"restore_backup_{backup['id']}"
    restored = wait(cloud.demo, f"/volumes/{answer.json()['restore']['volume_id']}", "volume", "available")
    assert (restored["name"], restored["size"]) == ("original", 1)
    assert restored["metadata"] == {"a": "b", "src_backup_id": backup["id"]}
    wait(cloud.demo, f"/backups/{backup['id']}", "backup", "available")
    delete(cloud.demo, backup)


def test_restoring_into_a_volume(cloud):
    original, target, small = create(cloud.demo, size=2, name="two"), create(cloud.demo, size=3, name="kept"), create(cloud.demo)
    backup = back_up(cloud.demo, original)
    path = f"/backups/{backup['id']}/restore"
    answer = cloud.demo.post("volume", path, {"restore": {"volume_id": small["id"]}})
    assert answer.status_code == 400
    assert answer.json()["badRequest"]["message"] == "Invalid volume: volume size 1 is too small to restore backup of size 2."
    assert cloud.demo.post("volume", path, {"restore": {"volume_id": UNKNOWN}}).status_code == 404
    answer = cloud.demo.post("volume", path, {"restore": {"volume_id": target["id"]}})
    assert answer.json() == {"restore": {"backup_id": backup["id"], "volume_id": target["id"], "volume_name": "kept"}}
    again = wait(cloud.demo, f"/volumes/{target['id']}", "volume", "available")
    assert (again["size"], again["name"], again["metadata"]) == (3, "kept", {"src_backup_id": backup["id"]})


def test_a_volume_on_another_host_goes_to_the_backup(cloud):
    def host(volume):
        return cloud.admin.get("volume", f"/volumes/{volume['id']}").json()["volume"]["os-vol-host-attr:host"]

    original = create(cloud.demo)
    others = [create(cloud.demo) for _ in range(4)]
    elsewhere = [volume for volume in others if host(volume) != host(original)]
    assert len(elsewhere) >= 2, "the hosts share the work"
    backup = back_up(cloud.demo, original)
    path = f"/backups/{backup['id']}/restore"
    snapshot(cloud.demo, elsewhere[0])
    refused = cloud.demo.post("volume", path, {"restore": {"volume_id": elsewhere[0]["id"]}})
    assert refused.status_code == 400 and "another host" in refused.json()["badRequest"]["message"]
    assert cloud.demo.post("volume", path, {"restore": {"volume_id": elsewhere[1]["id"]}}).status_code == 202
    wait(cloud.demo, f"/volumes/{elsewhere[1]['id']}", "volume", "available")
    assert host(elsewhere[1]) == host(original)
    assert act(cloud.demo, elsewhere[1], "os-extend", {"new_size": 2}).status_code == 202, "its file is there"
    wait(cloud.demo, f"/volumes/{elsewhere[1]['id']}", "volume", "available")


def test_a_chain_is_taken_apart_from_its_end(cloud):
    volume = create(cloud.demo)
    refused = cloud.demo.post("volume", "/backups", {"backup": {"volume_id": volume["id"], "incremental": True}})
    assert refused.status_code == 400
    assert refused.json()["badRequest"]["message"] == "Invalid backup: No backups available to do an incremental backup."
    first = back_up(cloud.demo, volume)
    second = back_up(cloud.demo, volume, incremental=True)
    assert second["is_incremental"] and not second["has_dependent_backups"]
    assert cloud.demo.get("volume", f"/backups/{first['id']}").json()["backup"]["has_dependent_backups"]
    refused = cloud.demo.delete("volume", f"/backups/{first['id']}")
    assert refused.status_code == 400 and "Incremental backups exist for this backup." in refused.text
    delete(cloud.demo, second)
    delete(cloud.demo, first)


def test_a_snapshot_is_backed_up_and_a_volume_in_use_only_with_force(cloud):
    volume = create(cloud.demo)
    taken = snapshot(cloud.demo, volume)
    backup = back_up(cloud.demo, volume, snapshot_id=taken["id"])
    assert backup["snapshot_id"] == taken["id"] and backup["data_timestamp"] == taken["created_at"]
    act(cloud.demo, volume, "os-attach", {"instance_uuid": UNKNOWN.replace("0", "1"), "mountpoint": "/dev/vdb"})
    refused = cloud.demo.post("volume", "/backups", {"backup": {"volume_id": volume["id"]}})
    assert refused.status_code == 400 and "must use the force flag" in refused.text
    forced = cloud.demo.post("volume", "/backups", {"backup": {"volume_id": volume["id"], "force": True}})
    assert forced.status_code == 202
    wait(cloud.demo, f"/backups/{forced.json()['backup']['id']}", "backup", "available")
    assert wait(cloud.demo, f"/volumes/{volume['id']}", "volume", "in-use")
    other = create(cloud.demo)
    refused = cloud.demo.post("volume", "/backups", {"backup": {"volume_id": other["id"], "snapshot_id": taken["id"]}})
    assert refused.status_code == 400 and "does not match with snapshot.volume_id" in refused.text


def test_a_volume_is_made_from_a_backup(cloud):
    image = cloud.demo.post("image", "/images", {"name": "i", "disk_format": "raw", "container_format": "bare"}).json()
    cloud.demo.put("image", f"/images/{image['id']}/file", content=b"0" * 512, headers={"content-type": "application/octet-stream"})
    backup = back_up(cloud.demo, create(cloud.demo, size=2, imageRef=image["id"]))
    body = {"volume": {"backup_id": backup["id"], "name": "from-backup"}}
    answer = cloud.demo.post("volume", "/volumes", body, **at("3.47"))
    assert answer.status_code == 202, answer.text
    volume = wait(cloud.demo, f"/volumes/{answer.json()['volume']['id']}", "volume", "available")
    assert (volume["size"], volume["bootable"], volume["name"]) == (2, "true", "from-backup")
    assert volume["volume_image_metadata"]["image_id"] == image["id"]
    refused = cloud.demo.post("volume", "/volumes", {"volume": {"backup_id": backup["id"], "size": 1}}, **at("3.47"))
    assert refused.status_code == 400 and "cannot be smaller than the backup size 2GB" in refused.text


def test_lists_and_attributes_by_version_and_role(cloud):
    volume = create(cloud.demo)
    backup = back_up(cloud.demo, volume, name="listed")
    mine = cloud.demo.get("volume", f"/backups?volume_id={volume['id']}&with_count=1", **at("3.45")).json()
    assert mine["count"] == 1 and set(mine["backups"][0]) == {"id", "name", "links"}
    assert cloud.other.get("volume", f"/backups/{backup['id']}").status_code == 404
    assert backup["id"] not in cloud.other.get("volume", "/backups?all_tenants=1").text
    assert "metadata" not in cloud.demo.get("volume", f"/backups/{backup['id']}", **at("3.42")).json()["backup"]
    seen = cloud.admin.get("volume", f"/backups/detail?all_tenants=1&volume_id={volume['id']}", **at("3.56")).json()["backups"][0]
    assert seen["os-backup-project-attr:project_id"] == cloud.demo.project_id and seen["user_id"] == cloud.demo.user_id
    assert cloud.demo.put("volume", f"/backups/{backup['id']}", {"backup": {"name": "x"}}, **at("3.8")).status_code == 404
    changed = cloud.demo.put("volume", f"/backups/{backup['id']}", {"backup": {"name": "renamed"}}, **at("3.9"))
    assert changed.json()["backup"]["name"] == "renamed"
    assert cloud.reader.delete("volume", f"/backups/{backup['id']}").status_code == 403
    assert cloud.demo.get("volume", "/backups?junk=1", **at("3.31")).status_code == 400


def test_a_record_brings_a_backup_back(cloud):
    backup = back_up(cloud.demo, create(cloud.demo), name="kept")
    assert cloud.demo.get("volume", f"/backups/{backup['id']}/export_record").status_code == 403
    record = cloud.admin.get("volume", f"/backups/{backup['id']}/export_record").json()["backup-record"]
    refused = cloud.admin.post("volume", "/backups/import_record", {"backup-record": record})
    assert refused.status_code == 400 and "Backup already exists in database." in refused.text
    content = json.loads(base64.b64decode(record["backup_url"]))
    content["id"] = UNKNOWN.replace("0", "a")
    other = {**record, "backup_url": base64.b64encode(json.dumps(content).encode()).decode()}
    made = cloud.admin.post("volume", "/backups/import_record", {"backup-record": other})
    assert made.status_code == 201, made.text
    assert wait(cloud.admin, f"/backups/{content['id']}", "backup", "available")["name"] == "kept"
    delete(cloud.admin, {"id": content["id"]})
    restored = cloud.demo.post("volume", f"/backups/{backup['id']}/restore", {"restore": {"name": "r"}}).json()["restore"]
    assert wait(cloud.demo, f"/volumes/{restored['volume_id']}", "volume", "available")["name"] == "r", "its data is still there"


def test_a_record_of_data_that_no_host_has_is_an_error(cloud):
    content = base64.b64encode(json.dumps({"id": UNKNOWN.replace("0", "b"), "size": 1, "host": "nowhere"}).encode()).decode()
    record = {"backup_service": "other", "backup_url": content}
    made = cloud.admin.post("volume", "/backups/import_record", {"backup-record": record}).json()["backup"]
    wrong = wait(cloud.admin, f"/backups/{made['id']}", "backup", "error")
    assert "Request service other." in wrong["fail_reason"]


@pytest.mark.parametrize(
    ("record", "text"),
    [
        ({"backup_service": "x"}, "'backup_url' is a required property"),
        ({"backup_service": "x", "backup_url": "a"}, "is not a 'base64'"),
        ({"backup_service": "x", "backup_url": base64.b64encode(b"no json").decode()}, "Can't parse backup record."),
        ({"backup_service": "x", "backup_url": base64.b64encode(b"{}").decode()}, "Provided backup record is missing an id"),
        ({"backup_service": "x", "backup_url": base64.b64encode(b'{"id": "1"}').decode()}, "missing size attribute"),
    ],
)
def test_bad_records_are_refused(cloud, record, text):
    answer = cloud.admin.post("volume", "/backups/import_record", {"backup-record": record})
    assert answer.status_code == 400 and text in answer.json()["badRequest"]["message"]


def test_administrators_mend_backups(cloud):
    backup = back_up(cloud.demo, create(cloud.demo))
    path = f"/backups/{backup['id']}/action"
    assert cloud.demo.post("volume", path, {"os-reset_status": {"status": "error"}}).status_code == 403
    assert cloud.admin.post("volume", path, {"os-reset_status": {"status": "deleting"}}).status_code == 400
    assert cloud.admin.post("volume", path, {"os-reset_status": {"status": "error"}}).status_code == 202
    assert cloud.demo.get("volume", f"/backups/{backup['id']}").json()["backup"]["status"] == "error"
    refused = cloud.demo.post("volume", f"/backups/{backup['id']}/restore", {"restore": {}})
    assert refused.status_code == 400 and "Backup status must be available" in refused.text
    assert cloud.admin.post("volume", path, {"os-force_delete": {}}).status_code == 202
    wait(cloud.demo, f"/backups/{backup['id']}", "backup", 404)


def test_the_quota_counts_backups(cloud):
    project = cloud.other.project_id
    volume = create(cloud.other)
    back_up(cloud.other, volume)
    assert cloud.admin.get("volume", f"/os-quota-sets/{project}?usage=true").json()["quota_set"]["backups"]["in_use"] == 1
    for limits, text in (({"backups": 1}, "BackupLimitExceeded"), ({"backup_gigabytes": 1}, "Requested 1G, quota is 1G")):
        assert cloud.admin.put("volume", f"/os-quota-sets/{project}", {"quota_set": limits}).status_code == 200
        answer = cloud.other.post("volume", "/backups", {"backup": {"volume_id": volume["id"]}})
        assert answer.status_code == 413 and text in answer.text
        assert cloud.admin.delete("volume", f"/os-quota-sets/{project}").status_code == 200
    assert wait(cloud.other, f"/volumes/{volume['id']}", "volume", "available")


def test_a_failure_of_the_host_is_told(cloud):
    volume = create(cloud.demo)
    rule = {"command": "volume.backup", "target": volume["id"], "error": {"code": "host.disk_full", "message": "no room"}}
    cloud.app.faults.add(msgspec.convert(rule, FaultRule))
    made = cloud.demo.post("volume", "/backups", {"backup": {"volume_id": volume["id"]}}).json()["backup"]
    assert wait(cloud.demo, f"/backups/{made['id']}", "backup", "error")["fail_reason"] == "no room"
    assert wait(cloud.demo, f"/volumes/{volume['id']}", "volume", "available")
    messages = cloud.demo.get("volume", f"/messages?resource_uuid={made['id']}", **at("3.5")).json()["messages"]
    assert [message["event_id"] for message in messages] == ["VOLUME_VOLUME_BACKUP_013_020"]
