"""Groups as they were before there were group types."""

from volume_api import act, at, wait

NEW = at("3.71")


def test_a_consistency_group_with_a_volume(cloud):
    made = cloud.demo.post("volume", "/consistencygroups", {"consistencygroup": {"name": "c", "volume_types": "__DEFAULT__"}})
    group = made.json()["consistencygroup"]["id"]
    path = f"/consistencygroups/{group}"
    assert cloud.demo.get("volume", path).json()["consistencygroup"]["status"] == "error", "no host snapshots several volumes at one moment"
    assert cloud.demo.put("volume", f"{path}/update", {"consistencygroup": {"name": "d"}}).status_code == 202
    assert cloud.demo.get("volume", path).json()["consistencygroup"]["status"] == "available"
    nothing = cloud.demo.put("volume", path, {"consistencygroup": {"name": ""}})
    assert (nothing.status_code, "can not be all empty" in nothing.text) == (400, True)
    assert cloud.demo.put("volume", path, {"consistencygroup": {"name": "e"}}).status_code == 202
    assert cloud.demo.get("volume", path).json()["consistencygroup"]["name"] == "e"
    body = {"volume": {"size": 1, "volume_type": "__DEFAULT__", "consistencygroup_id": group}}
    volume = cloud.demo.post("volume", "/volumes", body).json()["volume"]
    assert volume["consistencygroup_id"] == group
    shown = wait(cloud.demo, f"/volumes/{volume['id']}", "volume", "available", **NEW)
    assert (shown["consistencygroup_id"], shown["group_id"]) == (group, group)
    taken = cloud.demo.post("volume", "/cgsnapshots", {"cgsnapshot": {"consistencygroup_id": group, "name": "s"}})
    snapshot = f"/cgsnapshots/{taken.json()['cgsnapshot']['id']}"
    assert wait(cloud.demo, snapshot, "cgsnapshot", "available")["consistencygroup_id"] == group
    listed = cloud.demo.get("volume", "/cgsnapshots/detail").json()["cgsnapshots"]
    assert [(one["id"], one["name"]) for one in listed] == [(snapshot.rpartition("/")[2], "s")]
    assert cloud.demo.get("volume", "/group_snapshots", **NEW).json()["group_snapshots"] == []
    assert cloud.demo.get("volume", snapshot.replace("cgs", "group_s"), **NEW).status_code == 400
    copy = cloud.demo.post("volume", "/consistencygroups/create_from_src", {"consistencygroup-from-src": {"source_cgid": group}})
    copied = f"/consistencygroups/{copy.json()['consistencygroup']['id']}"
    wait(cloud.demo, copied, "consistencygroup", "available")
    assert act(cloud.demo, volume, "os-force_delete").status_code in (403, 404)
    assert "existing snapshots" in cloud.demo.post("volume", f"{path}/delete", {"consistencygroup": {"force": True}}).text
    assert cloud.demo.delete("volume", snapshot).status_code == 202
    wait(cloud.demo, snapshot, "cgsnapshot", 404)
    assert "still contains volumes" in cloud.demo.post("volume", f"{path}/delete", {}).text
    for each in (path, copied):
        assert cloud.demo.post("volume", f"{each}/delete", {"consistencygroup": {"force": True}}).status_code == 202
        wait(cloud.demo, each, "consistencygroup", 404)
    wait(cloud.demo, f"/volumes/{volume['id']}", "volume", 404)
