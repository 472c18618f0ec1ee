"""Groups of volumes: their types, members, snapshots and copies."""

import pytest
from volume_api import UNKNOWN, act, at, snapshot, wait

V = at("3.71")


@pytest.fixture(scope="module")
def kind(cloud):
    return cloud.admin.post("volume", "/group_types", {"group_type": {"name": "plain", "group_specs": {}}}, **V).json()["group_type"]["id"]


def make(client, kind, **body):
    answer = client.post("volume", "/groups", {"group": {"group_type": kind, "volume_types": ["__DEFAULT__"], **body}}, **V)
    assert answer.status_code == 202, answer.text
    return wait(client, f"/groups/{answer.json()['group']['id']}", "group", "available", **V)


def volume_in(client, group):
    body = {"volume": {"size": 1, "group_id": group["id"], "volume_type": "__DEFAULT__"}}
    answer = client.post("volume", "/volumes", body, **V)
    assert answer.status_code == 202, answer.text
    return wait(client, f"/volumes/{answer.json()['volume']['id']}", "volume", "available", **V)


def delete(client, group):
    answer = client.post("volume", f"/groups/{group['id']}/action", {"delete": {"delete-volumes": True}}, **V)
    assert answer.status_code == 202, answer.text
    wait(client, f"/groups/{group['id']}", "group", 404, **V)


def group_snapshot(client, group, **body):
    answer = client.post("volume", "/group_snapshots", {"group_snapshot": {"group_id": group["id"], **body}}, **V)
    assert answer.status_code == 202, answer.text
    return wait(client, f"/group_snapshots/{answer.json()['group_snapshot']['id']}", "group_snapshot", "available", **V)


def test_a_group_type_and_its_specs(cloud):
    made = cloud.admin.post("volume", "/group_types", {"group_type": {"name": "t", "description": "d", "is_public": False}}, **V)
    assert made.status_code == 202
    kind = made.json()["group_type"]
    assert kind == {"id": kind["id"], "name": "t", "description": "d", "is_public": False, "group_specs": {}}
    path = f"/group_types/{kind['id']}"
    assert cloud.demo.get("volume", path, **V).status_code == 404
    assert cloud.admin.post("volume", "/group_types", {"group_type": {"name": "t"}}, **V).status_code == 409
    assert cloud.demo.post("volume", "/group_types", {"group_type": {"name": "u"}}, **V).status_code == 403
    assert cloud.admin.put("volume", path, {"group_type": {"is_public": True, "name": "renamed"}}, **V).json()["group_type"]["is_public"]
    assert "group_specs" not in cloud.demo.get("volume", path, **V).json()["group_type"]
    assert cloud.admin.post("volume", f"{path}/group_specs", {"group_specs": {"a": "1", "b": "2"}}, **V).status_code == 202
    assert cloud.admin.put("volume", f"{path}/group_specs/a", {"a": "3"}, **V).json() == {"a": "3"}
    assert cloud.admin.put("volume", f"{path}/group_specs/a", {"b": "3"}, **V).status_code == 400
    assert cloud.admin.get("volume", f"{path}/group_specs/a", **V).json() == {"a": "3"}
    assert cloud.admin.delete("volume", f"{path}/group_specs/b", **V).status_code == 202
    assert cloud.admin.get("volume", f"{path}/group_specs", **V).json() == {"group_specs": {"a": "3"}}
    assert cloud.admin.get("volume", f"{path}/group_specs/b", **V).status_code == 404
    assert cloud.admin.delete("volume", path, **V).status_code == 202
    assert cloud.admin.get("volume", "/group_types", **at("3.10")).status_code == 404


def test_volumes_join_and_leave(cloud, kind):
    group = make(cloud.demo, kind, name=" g ", description="d")
    assert (group["name"], group["replication_status"], group["group_type"]) == ("g", "disabled", kind)
    volume = volume_in(cloud.demo, group)
    assert volume["group_id"] == group["id"]
    assert cloud.demo.get("volume", f"/groups/{group['id']}?list_volume=true", **V).json()["group"]["volumes"] == [volume["id"]]
    assert [v["id"] for v in cloud.demo.get("volume", f"/volumes?group_id={group['id']}", **V).json()["volumes"]] == [volume["id"]]
    assert cloud.demo.delete("volume", f"/volumes/{volume['id']}").status_code == 400, "it belongs to a group"
    path = f"/groups/{group['id']}"
    assert cloud.demo.put("volume", path, {"group": {"remove_volumes": volume["id"], "name": "h"}}, **V).status_code == 202
    assert cloud.demo.get("volume", f"/volumes/{volume['id']}", **V).json()["volume"]["group_id"] is None
    for body, text in (
        ({"add_volumes": UNKNOWN}, "because volume cannot be found."),
        ({"remove_volumes": volume["id"]}, "because it is not in the group."),
        ({"add_volumes": volume["id"], "remove_volumes": volume["id"]}, "are in both add and remove volume list."),
        ({"name": "h"}, "because no valid name, description"),
    ):
        answer = cloud.demo.put("volume", path, {"group": body}, **V)
        assert answer.status_code == 400 and text in answer.text
    assert cloud.demo.put("volume", path, {"group": {"add_volumes": volume["id"]}}, **V).status_code == 202
    refused = cloud.demo.post("volume", f"{path}/action", {"delete": {}}, **V)
    assert refused.status_code == 400 and "still contains volumes" in refused.text
    delete(cloud.demo, group)
    wait(cloud.demo, f"/volumes/{volume['id']}", "volume", 404)


def test_a_group_snapshot_and_groups_made_from_it(cloud, kind):
    group = make(cloud.demo, kind)
    volumes = [volume_in(cloud.demo, group) for _ in range(2)]
    taken = group_snapshot(cloud.demo, group, name="gs")
    assert (taken["group_id"], taken["group_type_id"]) == (group["id"], kind)
    member = cloud.demo.get("volume", f"/snapshots/detail?volume_id={volumes[0]['id']}", **V).json()["snapshots"][0]
    assert (member["group_snapshot_id"], member["name"], member["status"]) == (taken["id"], "gs", "available")
    assert cloud.demo.delete("volume", f"/snapshots/{member['id']}").status_code == 400
    refused = cloud.demo.post("volume", f"/groups/{group['id']}/action", {"delete": {"delete-volumes": True}}, **V)
    assert refused.status_code == 400 and "Group has existing snapshots." in refused.text
    for source in ({"group_snapshot_id": taken["id"]}, {"source_group_id": group["id"]}):
        answer = cloud.demo.post("volume", "/groups/action", {"create-from-src": {"name": "copy", **source}}, **V)
        assert answer.status_code == 202, answer.text
        copy = wait(cloud.demo, f"/groups/{answer.json()['group']['id']}?list_volume=1", "group", "available", **V)
        assert len(copy["volumes"]) == 2 and copy["group_snapshot_id"] == source.get("group_snapshot_id")
        assert wait(cloud.demo, f"/volumes/{copy['volumes'][0]}", "volume", "available")
        delete(cloud.demo, copy)
    assert cloud.demo.delete("volume", f"/group_snapshots/{taken['id']}", **V).status_code == 202
    wait(cloud.demo, f"/group_snapshots/{taken['id']}", "group_snapshot", 404, **V)
    assert cloud.demo.get("volume", f"/snapshots/{member['id']}").status_code == 404
    delete(cloud.demo, group)


def test_what_keeps_a_group(cloud, kind):
    group = make(cloud.demo, kind)
    volume = volume_in(cloud.demo, group)
    taken = snapshot(cloud.demo, volume)
    path = f"/groups/{group['id']}/action"
    refused = cloud.demo.post("volume", path, {"delete": {"delete-volumes": True}}, **V)
    assert refused.status_code == 400 and "Volume in group still has dependent snapshots." in refused.text
    cloud.demo.delete("volume", f"/snapshots/{taken['id']}")
    wait(cloud.demo, f"/snapshots/{taken['id']}", "snapshot", 404)
    act(cloud.demo, volume, "os-attach", {"instance_uuid": UNKNOWN.replace("0", "1"), "mountpoint": "/dev/vdb"})
    refused = cloud.demo.post("volume", path, {"delete": {"delete-volumes": True}}, **V)
    assert refused.status_code == 400 and "is attached. Need to detach first." in refused.text
    act(cloud.demo, volume, "os-detach")
    delete(cloud.demo, group)


def test_administrators_mend_groups_and_others_find_nothing(cloud, kind):
    group = make(cloud.demo, kind)
    empty = cloud.demo.post("volume", "/group_snapshots", {"group_snapshot": {"group_id": group["id"]}}, **V)
    assert (empty.status_code, "Source group cannot be empty" in empty.text) == (400, True)
    volume_in(cloud.demo, group)
    taken = group_snapshot(cloud.demo, group)
    for path, key in ((f"/groups/{group['id']}", "group"), (f"/group_snapshots/{taken['id']}", "group_snapshot")):
        assert cloud.other.get("volume", path, **V).status_code == 404
        assert cloud.demo.post("volume", f"{path}/action", {"reset_status": {"status": "error"}}, **V).status_code == 403
        assert cloud.admin.post("volume", f"{path}/action", {"reset_status": {"status": "junk"}}, **V).status_code == 400
        assert cloud.admin.post("volume", f"{path}/action", {"reset_status": {"status": "error"}}, **V).status_code == 202
        assert cloud.demo.get("volume", path, **V).json()[key]["status"] == "error"
    refused = cloud.demo.post("volume", f"/groups/{group['id']}/action", {"enable_replication": {}}, **V)
    assert refused.status_code == 400 and "is not a replication group type." in refused.text
    cloud.demo.delete("volume", f"/group_snapshots/{taken['id']}", **V)
    wait(cloud.demo, f"/group_snapshots/{taken['id']}", "group_snapshot", 404, **V)
    delete(cloud.demo, group)


def test_what_a_group_need_not_have_every_host_can_do(cloud):
    specs = {"consistent_group_snapshot_enabled": "<is> False"}
    kind = cloud.admin.post("volume", "/group_types", {"group_type": {"name": "loose", "group_specs": specs}}, **V).json()
    delete(cloud.demo, make(cloud.demo, kind["group_type"]["id"]))


def test_what_no_host_can_do_is_an_error(cloud):
    kind = cloud.admin.post("volume", "/group_types", {"group_type": {"name": "odd", "group_specs": {"colour": "red"}}}, **V).json()
    body = {"group": {"group_type": kind["group_type"]["id"], "volume_types": ["__DEFAULT__"]}}
    group = cloud.demo.post("volume", "/groups", body, **V).json()["group"]
    assert wait(cloud.demo, f"/groups/{group['id']}", "group", "error", **V)
    assert cloud.demo.post("volume", f"/groups/{group['id']}/action", {"delete": {}}, **V).status_code == 202
    wait(cloud.demo, f"/groups/{group['id']}", "group", 404, **V)
