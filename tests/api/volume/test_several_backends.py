"""A host with several back ends: each is a service of its own, which operators see, disable and freeze by itself."""

import pytest
from volume_api import act, at, create, snapshot, wait

V = at("3.71")


@pytest.fixture(scope="module")
def cloud_settings():
    return {"hosts": 1, "emulator.volume_pools": ["slow"]}


@pytest.fixture(scope="module", autouse=True)
def kinds(cloud):
    """A volume type for each back end."""
    for name in ("file", "slow"):
        body = {"volume_type": {"name": name, "extra_specs": {"volume_backend_name": name}}}
        assert cloud.admin.post("volume", "/types", body).status_code == 200


@pytest.fixture(scope="module")
def host(cloud):
    listed = cloud.admin.get("volume", "/os-services?binary=cinder-backup").json()["services"]
    return listed[0]["host"]


def _services(cloud, query=""):
    listed = cloud.admin.get("volume", f"/os-services{query}".replace("#", "%23"), **V).json()["services"]
    return {one["host"]: one for one in listed if one["binary"] == "cinder-volume"}


def _put(cloud, what, host, **body):
    return cloud.admin.put("volume", f"/os-services/{what}", {"host": host, **body}, **V)


def _shown(cloud, volume):
    return cloud.admin.get("volume", f"/volumes/{volume['id']}").json()["volume"]


def _at(cloud, volume):
    return _shown(cloud, volume)["os-vol-host-attr:host"]


def _migrated(cloud, volume, host):
    """How its migration ends, and where it is then."""
    answer = act(cloud.admin, volume, "os-migrate_volume", {"host": host})
    assert answer.status_code == 202, answer.text
    while (shown := _shown(cloud, volume))["migration_status"] not in ("success", "error"):
        assert shown["migration_status"] == "migrating"
    return shown["migration_status"], shown["os-vol-host-attr:host"]


def test_each_is_a_service(cloud, host):
    assert set(_services(cloud)) == set(_services(cloud, f"?host={host}")) == {f"{host}@file", f"{host}@slow"}
    assert set(_services(cloud, f"?host={host}@slow")) == {f"{host}@slow"}
    listed = cloud.admin.get("volume", "/os-hosts").json()["hosts"]
    assert [one["host_name"] for one in listed if one["service"] == "cinder-volume"] == [f"{host}@file", f"{host}@slow"]
    volume = create(cloud.demo, volume_type="slow", size=3)
    taken = snapshot(cloud.demo, volume)
    assert _at(cloud, volume) == f"{host}@slow#slow"
    both = (volume, create(cloud.demo, volume_type="file"))
    shown = [cloud.admin.get("volume", f"/volumes/{one['id']}", **V).json()["volume"] for one in both]
    assert shown[0]["service_uuid"] != shown[1]["service_uuid"]
    for name, counts in ((f"{host}@slow", ("1", "3", "1", "3")), (f"{host}@file", ("1", "1", "0", "0"))):
        for part in cloud.admin.get("volume", f"/os-hosts/{name}").json()["host"]:
            kept = part["resource"]
            found = tuple(kept[key] for key in ("volume_count", "total_volume_gb", "snapshot_count", "total_snapshot_gb"))
            assert (kept["host"], found) == (name, counts)
    assert cloud.admin.get("volume", f"/os-hosts/{host}@none").status_code == 404
    named = cloud.admin.get("volume", f"/capabilities/{host}@slow").json()
    assert (named["namespace"], named["volume_backend_name"]) == (f"OS::Storage::Capabilities::{host}@slow", "slow")
    for unknown in (f"{host}@none", f"{host}@slow%23file", host):
        assert cloud.admin.get("volume", f"/capabilities/{unknown}").status_code == 404
    assert cloud.demo.delete("volume", f"/snapshots/{taken['id']}").status_code == 202


def test_one_that_is_disabled_gets_no_volumes(cloud, host):
    kept, elsewhere = create(cloud.demo, volume_type="slow"), create(cloud.demo, volume_type="file")
    body = {"binary": "cinder-volume", "disabled_reason": "its disks are loud"}
    assert _put(cloud, "disable-log-reason", f"{host}@slow", **body).status_code == 200
    try:
        shown = {name: (one["status"], one["disabled_reason"]) for name, one in _services(cloud).items()}
        assert shown == {f"{host}@file": ("enabled", None), f"{host}@slow": ("disabled", "its disks are loud")}
        pools = cloud.admin.get("volume", "/scheduler-stats/get_pools").json()["pools"]
        assert [one["name"] for one in pools] == [f"{host}@file#file"]
        assert {_at(cloud, create(cloud.demo)) for _ in range(3)} == {f"{host}@file#file"}
        for refused in ({"volume_type": "slow"}, {"source_volid": kept["id"]}):
            failed = cloud.demo.post("volume", "/volumes", {"volume": {"size": 1, **refused}}).json()["volume"]
            wait(cloud.demo, f"/volumes/{failed['id']}", "volume", "error")
        moved = act(cloud.admin, elsewhere, "os-migrate_volume", {"host": f"{host}@slow"})
        assert moved.status_code == 400 and f"No available service named '{host}@slow'" in moved.text
        zone = cloud.demo.get("volume", "/os-availability-zone").json()["availabilityZoneInfo"][0]
        assert zone["zoneState"] == {"available": True}
    finally:
        assert _put(cloud, "enable", f"{host}@slow", binary="cinder-volume").status_code == 200
    assert {one["status"] for one in _services(cloud).values()} == {"enabled"}
    assert _put(cloud, "disable", f"{host}@none", binary="cinder-volume").status_code == 404


def test_one_that_is_frozen_keeps_what_it_has(cloud, host):
    kept, free = create(cloud.demo, volume_type="slow"), create(cloud.demo, volume_type="file")
    taken = snapshot(cloud.demo, kept)
    assert _put(cloud, "freeze", f"{host}@slow").status_code == 200
    try:
        assert {name: one["frozen"] for name, one in _services(cloud).items()} == {f"{host}@file": False, f"{host}@slow": True}
        for refused in (
            cloud.demo.delete("volume", f"/snapshots/{taken['id']}"),
            cloud.demo.post("volume", "/snapshots", {"snapshot": {"volume_id": kept["id"]}}),
        ):
            assert refused.status_code == 400 and "not allowed on frozen storage backends." in refused.text
        assert _migrated(cloud, free, f"{host}@slow") == ("error", f"{host}@file#file")
        assert cloud.demo.delete("volume", f"/volumes/{free['id']}").status_code == 202
        again = _put(cloud, "freeze", f"{host}@slow")
        assert again.status_code == 400 and f"frozen in ['{host}@slow'] must be False" in again.text
    finally:
        assert _put(cloud, "thaw", f"{host}@slow").status_code == 200
    assert cloud.demo.delete("volume", f"/snapshots/{taken['id']}").status_code == 202


def test_a_volume_migrates_to_a_service_or_its_pool(cloud, host):
    volume = create(cloud.demo)
    here, there = _at(cloud, volume), "slow" if _at(cloud, volume).endswith("file") else "file"
    for unknown in (f"{host}@none", f"{host}@none#slow", host):
        refused = act(cloud.admin, volume, "os-migrate_volume", {"host": unknown})
        assert refused.json()["badRequest"]["message"] == f"Invalid host: No available service named '{unknown}'"
    assert _migrated(cloud, volume, f"{host}@{there}#other") == ("error", here)
    assert _migrated(cloud, volume, f"{host}@{there}") == ("success", f"{host}@{there}#{there}")
    assert _migrated(cloud, volume, here) == ("success", here)
    same = act(cloud.admin, volume, "os-migrate_volume", {"host": here})
    assert same.status_code == 400 and "must be different than the current one" in same.text


def test_copies_and_groups_stay_in_theirs(cloud, host):
    body = {"group_type": {"name": "plain", "group_specs": {}}}
    kind = cloud.admin.post("volume", "/group_types", body, **V).json()["group_type"]["id"]
    cloud.admin.post("volume", "/types", {"volume_type": {"name": "any"}})
    body = {"group": {"group_type": kind, "volume_types": ["any"]}}
    made = cloud.demo.post("volume", "/groups", body, **V).json()["group"]
    members = [create(cloud.demo, volume_type="any") for _ in range(4)]
    members += [create(cloud.demo, source_volid=member["id"]) for member in members for _ in range(2)]
    places = [_at(cloud, member) for member in members]
    assert all(places[4 + 2 * number : 6 + 2 * number] == [place] * 2 for number, place in enumerate(places[:4]))
    pinned = cloud.demo.post("volume", "/volumes", {"volume": {"size": 1, "group_id": made["id"], "volume_type": "any"}}, **V)
    own = wait(cloud.demo, f"/volumes/{pinned.json()['volume']['id']}", "volume", "available")
    found = cloud.admin.get("volume", f"/groups?all_tenants=1&host={_at(cloud, own).partition('#')[0]}", **V).json()["groups"]
    assert [one["id"] for one in found] == [made["id"]]
    (other,) = {f"{host}@file#file", f"{host}@slow#slow"} - {_at(cloud, own)}
    moving = create(cloud.demo, volume_type="any")
    if _at(cloud, moving) != other:
        assert _migrated(cloud, moving, other)[0] == "success"
    add = {"group": {"add_volumes": moving["id"]}}
    refused = cloud.demo.put("volume", f"/groups/{made['id']}", add, **V)
    assert (refused.status_code, "not local to this node" in refused.text) == (400, True)


def test_each_has_its_own_files_to_manage(cloud, host):
    volume = create(cloud.demo, volume_type="slow")
    taken = snapshot(cloud.demo, volume)

    def listed(kind, backend):
        answer = cloud.admin.get("volume", f"/manageable_{kind}s?host={host}@{backend}", **V)
        return {one["reference"]["source-name"] for one in answer.json()[f"manageable-{kind}s"]}

    name, snapshot_name = f"volume-{volume['id']}", f"_snapshot-{taken['id']}"
    for _ in range(2):  # as it is managed, and once it is given up
        assert name in listed("volume", "slow") - listed("volume", "file")
        assert snapshot_name in listed("snapshot", "slow") - listed("snapshot", "file")
        if cloud.admin.post("volume", f"/snapshots/{taken['id']}/action", {"os-unmanage": {}}).status_code == 202:
            wait(cloud.admin, f"/snapshots/{taken['id']}", "snapshot", 404)
            assert act(cloud.admin, volume, "os-unmanage").status_code == 202
            wait(cloud.admin, f"/volumes/{volume['id']}", "volume", 404)
    body = {"host": f"{host}@slow", "ref": {"source-name": name}}
    made = cloud.admin.post("volume", "/manageable_volumes", {"volume": body}, **V).json()["volume"]
    managed = wait(cloud.admin, f"/volumes/{made['id']}", "volume", "available", **V)
    assert (managed["os-vol-host-attr:host"], managed["size"]) == (f"{host}@slow#slow", 1)
    again = cloud.admin.post("volume", "/manageable_volumes", {"volume": {**body, "host": f"{host}@file"}}, **V).json()["volume"]
    wait(cloud.admin, f"/volumes/{again['id']}", "volume", "error")
