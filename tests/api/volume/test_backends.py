"""Hosts with volume back ends of different names: volume types choose one, and volumes move from one to the other."""

import pytest
from volume_api import act, create, snapshot, wait


@pytest.fixture(scope="module")
def cloud_settings():
    return {"hosts": 4, "emulator.volume_backends": ["fast", "slow"]}


@pytest.fixture(scope="module", autouse=True)
def kinds(cloud):
    """A volume type for each back end, and one that none has."""
    for name in ("fast", "slow", "none"):
        body = {"volume_type": {"name": name, "extra_specs": {"volume_backend_name": name}}}
        assert cloud.admin.post("volume", "/types", body).status_code == 200


def _shown(cloud, volume):
    return cloud.admin.get("volume", f"/volumes/{volume['id']}").json()["volume"]


def _host(cloud, volume):
    return _shown(cloud, volume)["os-vol-host-attr:host"]


def _moved(cloud, volume):
    """What a volume is once it has moved, or could not."""
    while (shown := _shown(cloud, volume))["migration_status"] not in ("success", "error"):
        assert shown["migration_status"] == "migrating"
    return shown


def test_a_type_chooses_the_back_end(cloud):
    pools = cloud.admin.get("volume", "/scheduler-stats/get_pools?detail=1").json()["pools"]
    backends = {one["name"]: one["capabilities"]["volume_backend_name"] for one in pools}
    assert sorted(backends.values()) == ["fast", "fast", "slow", "slow"]
    for kind in ("fast", "slow", "fast", "slow"):
        assert backends[_host(cloud, create(cloud.demo, volume_type=kind))] == kind
    shown = cloud.admin.get("volume", f"/capabilities/{_host(cloud, create(cloud.demo, volume_type='slow'))}".replace("#", "%23"))
    assert shown.json()["volume_backend_name"] == "slow"
    listed = cloud.admin.get("volume", "/scheduler-stats/get_pools?volume_type=slow", headers={"openstack-api-version": "volume 3.35"})
    assert {one["name"] for one in listed.json()["pools"]} == {name for name, backend in backends.items() if backend == "slow"}
    failed = cloud.demo.post("volume", "/volumes", {"volume": {"size": 1, "volume_type": "none"}}).json()["volume"]
    wait(cloud.demo, f"/volumes/{failed['id']}", "volume", "error")


def test_a_new_type_moves_a_volume_if_it_may(cloud):
    volume = create(cloud.demo, volume_type="fast")
    host = _host(cloud, volume)
    assert act(cloud.demo, volume, "os-retype", {"new_type": "slow", "migration_policy": "never"}).status_code == 202
    assert (_host(cloud, volume), _shown(cloud, volume)["volume_type"]) == (host, "fast")
    assert act(cloud.demo, volume, "os-retype", {"new_type": "slow", "migration_policy": "on-demand"}).status_code == 202
    shown = _moved(cloud, volume)
    assert (shown["status"], shown["volume_type"], shown["migration_status"]) == ("available", "slow", "success")
    assert shown["os-vol-host-attr:host"] != host
    taken = snapshot(cloud.demo, volume)
    assert act(cloud.demo, volume, "os-retype", {"new_type": "fast", "migration_policy": "on-demand"}).status_code == 202
    assert _shown(cloud, volume)["volume_type"] == "slow", "its snapshot holds it"
    assert cloud.demo.delete("volume", f"/snapshots/{taken['id']}").status_code == 202


def test_an_administrator_moves_a_volume(cloud):
    volume = create(cloud.demo, volume_type="fast")
    pools = cloud.admin.get("volume", "/scheduler-stats/get_pools?detail=1").json()["pools"]
    hosts = {
        backend: [one["name"] for one in pools if one["capabilities"]["volume_backend_name"] == backend] for backend in ("fast", "slow")
    }
    here = _host(cloud, volume)
    (there,) = (name for name in hosts["fast"] if name != here)
    assert act(cloud.demo, volume, "os-migrate_volume", {"host": there}).status_code == 403
    assert act(cloud.admin, volume, "os-migrate_volume", {"host": here}).status_code == 400
    assert act(cloud.admin, volume, "os-migrate_volume", {"host": hosts["slow"][0]}).status_code == 202
    assert (_moved(cloud, volume)["migration_status"], _host(cloud, volume)) == ("error", here), "it is not of the type"
    assert act(cloud.admin, volume, "os-migrate_volume", {"host": there, "lock_volume": True}).status_code == 202
    shown = _moved(cloud, volume)
    assert (shown["migration_status"], shown["os-vol-host-attr:host"], shown["status"]) == ("success", there, "available")
    assert act(cloud.admin, volume, "os-migrate_volume", {"host": here.partition("#")[0]}).status_code == 202
    assert _moved(cloud, volume)["os-vol-host-attr:host"] == here
    taken = snapshot(cloud.demo, volume)
    assert "have snapshots" in act(cloud.admin, volume, "os-migrate_volume", {"host": there}).text
    assert cloud.demo.delete("volume", f"/snapshots/{taken['id']}").status_code == 202


def test_a_host_is_told_how_it_opens_a_volume(cloud):
    volume = create(cloud.demo, volume_type="fast")
    host = _host(cloud, volume).partition("@")[0]
    specs = {"qos_specs": {"name": "slowly", "consumer": "front-end", "total_iops_sec": "5"}}
    made = cloud.admin.post("volume", "/qos-specs", specs).json()["qos_specs"]["id"]
    assert act(cloud.demo, volume, "os-update_readonly_flag", {"readonly": True}).status_code == 202
    kind = cloud.admin.get("volume", "/types").json()["volume_types"]
    fast = next(one["id"] for one in kind if one["name"] == "fast")
    for limits, body in ((None, {}), ({"total_iops_sec": "5"}, {"enforce_multipath": True})):
        answer = act(cloud.demo, volume, "os-initialize_connection", {"connector": {"host": host, **body}})
        assert answer.status_code == 200, answer.text
        info = answer.json()["connection_info"]
        assert (info["driver_volume_type"], info["enforce_multipath"]) == ("file", bool(body))
        assert info["data"].items() >= {"name": f"{volume['id']}.qcow2", "host": host, "access_mode": "ro", "qos_specs": limits}.items()
        cloud.admin.get("volume", f"/qos-specs/{made}/associate?vol_type_id={fast}")
    elsewhere = act(cloud.demo, volume, "os-initialize_connection", {"connector": {"host": "nowhere"}})
    assert (elsewhere.status_code, f"is a file of host {host}" in elsewhere.text) == (400, True)
