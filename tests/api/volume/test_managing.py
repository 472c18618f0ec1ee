"""Files become volumes and snapshots, and are given up again."""

import json

from volume_api import UNKNOWN, act, at, create, snapshot, wait

NEW = at("3.8")


def _host(cloud, volume):
    return cloud.admin.get("volume", f"/volumes/{volume['id']}").json()["volume"]["os-vol-host-attr:host"]


def _give_up(cloud, volume):
    assert act(cloud.admin, volume, "os-unmanage").status_code == 202
    wait(cloud.admin, f"/volumes/{volume['id']}", "volume", 404)


def _manage(cloud, host, file, **more):
    return cloud.admin.post("volume", "/manageable_volumes", {"volume": {"host": host, "ref": {"source-name": file}, **more}}, **NEW)


def _listed(cloud, kind, host, name):
    """What the lists say of one file."""
    answer = cloud.admin.get("volume", f"/manageable_{kind}s/detail?host={host}".replace("#", "%23"), **NEW)
    found = answer.json()[f"manageable-{kind}s"]
    return next((one for one in found if one["reference"] == {"source-name": name}), None)


def test_a_volume_is_given_up_and_taken_again(cloud):
    volume = create(cloud.demo, size=2)
    host, name = _host(cloud, volume), f"volume-{volume['id']}"
    shown = {"reference": {"source-name": name}, "size": 2, "extra_info": None}
    taken = {"safe_to_manage": False, "reason_not_safe": "already managed", "cinder_id": volume["id"]}
    assert _listed(cloud, "volume", host, name) == shown | taken
    again = _manage(cloud, host, name)
    assert (again.status_code, "is already managed" in again.text) == (400, True)
    _give_up(cloud, volume)
    assert _listed(cloud, "volume", host, name) == shown | {"safe_to_manage": True, "reason_not_safe": None, "cinder_id": None}
    answer = _manage(cloud, host, name, name=" taken ", metadata={"k": "v"}, bootable=True)
    assert answer.status_code == 202, answer.text
    started = answer.json()["volume"]
    assert (started["status"], started["size"], started["name"], started["bootable"]) == ("creating", 0, "taken", "true")
    managed = wait(cloud.admin, f"/volumes/{started['id']}", "volume", "available")
    assert (managed["size"], managed["metadata"], managed["os-vol-host-attr:host"]) == (2, {"k": "v"}, host)
    assert _listed(cloud, "volume", host, name) is None
    assert cloud.admin.delete("volume", f"/volumes/{started['id']}").status_code == 202
    wait(cloud.admin, f"/volumes/{started['id']}", "volume", 404)


def test_what_cannot_be_managed_is_an_error_and_loses_nothing(cloud):
    volume = create(cloud.demo)
    host, name = _host(cloud, volume), f"volume-{volume['id']}"
    _give_up(cloud, volume)
    quotas = f"/os-quota-sets/{cloud.admin.project_id}"
    limits = cloud.admin.get("volume", quotas).json()["quota_set"]
    refused = []
    for reference, limit in (("nothing", limits["gigabytes"]), ("../volume", limits["gigabytes"]), (name, 0)):
        assert cloud.admin.put("volume", quotas, {"quota_set": {"gigabytes": limit}}).status_code == 200
        refused.append(_manage(cloud, host, reference).json()["volume"]["id"])
        assert wait(cloud.admin, f"/volumes/{refused[-1]}", "volume", "error")["size"] == 0
    cloud.admin.put("volume", quotas, {"quota_set": {"gigabytes": limits["gigabytes"]}})
    assert _listed(cloud, "volume", host, name)["safe_to_manage"], "it is back where it was"
    for id in refused:
        assert cloud.admin.delete("volume", f"/volumes/{id}").status_code == 202
        wait(cloud.admin, f"/volumes/{id}", "volume", 404)
    assert _listed(cloud, "volume", host, name)["safe_to_manage"], "it was never the volume's"
    id = _manage(cloud, host, name).json()["volume"]["id"]
    wait(cloud.admin, f"/volumes/{id}", "volume", "available")


def test_a_snapshot_is_given_up_and_taken_again(cloud):
    volume = create(cloud.demo)
    taken = snapshot(cloud.demo, volume)
    host, name = _host(cloud, volume), f"_snapshot-{taken['id']}"
    origin = {"source_reference": {"source-name": f"volume-{volume['id']}"}}
    assert _listed(cloud, "snapshot", host, name).items() >= {"cinder_id": taken["id"], **origin}.items()
    blocked = act(cloud.admin, volume, "os-unmanage")
    assert (blocked.status_code, "have snapshots" in blocked.text) == (400, True)
    assert cloud.admin.post("volume", f"/snapshots/{taken['id']}/action", {"os-unmanage": {}}).status_code == 202
    wait(cloud.admin, f"/snapshots/{taken['id']}", "snapshot", 404)
    assert _listed(cloud, "snapshot", host, name).items() >= {"safe_to_manage": True, "size": 1, **origin}.items()
    _give_up(cloud, volume)
    again = _manage(cloud, host, f"volume-{volume['id']}").json()["volume"]["id"]
    wait(cloud.admin, f"/volumes/{again}", "volume", "available")
    assert _listed(cloud, "snapshot", host, name)["source_reference"] == {"source-name": f"volume-{again}"}, "it follows its volume"
    body = {"volume_id": again, "ref": {"source-name": name}, "name": "s", "metadata": {"a": "b"}}
    answer = cloud.admin.post("volume", "/os-snapshot-manage", {"snapshot": body})
    assert answer.status_code == 202, answer.text
    managed = wait(cloud.admin, f"/snapshots/{answer.json()['snapshot']['id']}", "snapshot", "available")
    assert (managed["name"], managed["metadata"], managed["size"], managed["volume_id"]) == ("s", {"a": "b"}, 1, again)
    lost = cloud.admin.post("volume", "/manageable_snapshots", {"snapshot": {"volume_id": again, "ref": "nothing"}}, **NEW)
    wait(cloud.admin, f"/snapshots/{lost.json()['snapshot']['id']}", "snapshot", "error")


def test_the_lists_are_sorted_and_come_in_pages(cloud):
    volumes = [create(cloud.demo, size=size) for size in (1, 3, 2)]
    host = _host(cloud, volumes[0])
    for volume in volumes:
        _give_up(cloud, volume)
    ours = [f"volume-{volume['id']}" for volume in volumes]

    def listed(rest):
        answer = cloud.admin.get("volume", f"/manageable_volumes?host={host}&{rest}".replace("#", "%23"), **NEW)
        assert answer.status_code == 200, answer.text
        return [one["reference"]["source-name"] for one in answer.json()["manageable-volumes"]]

    by_size = listed("sort=size:asc,reference")
    assert [name for name in by_size if name in ours] == [ours[0], ours[2], ours[1]]
    assert listed("") == sorted(by_size, reverse=True)
    assert listed("sort=size:asc,reference&limit=2&offset=1") == by_size[1:3]
    marker = json.dumps({"source-name": by_size[1]})
    assert listed(f"sort=size:asc,reference&marker={marker}") == by_size[2:]
    for marker in ("x", '{"source-name": "x"}'):
        assert cloud.admin.get("volume", f"/manageable_volumes?host={host}&marker={marker}".replace("#", "%23"), **NEW).status_code == 400


def test_managing_by_the_name_it_had_before(cloud):
    volume = create(cloud.demo)
    taken = snapshot(cloud.demo, volume)
    host, file = _host(cloud, volume), f"_snapshot-{taken['id']}"
    assert cloud.admin.get("volume", "/manageable_snapshots", **NEW).status_code == 400, "of no host"
    for kind, name in (("volume", f"volume-{volume['id']}"), ("snapshot", file)):
        for rest in ("", "/detail"):
            old, new = (
                cloud.admin.get("volume", f"/{path}{rest}", params={"host": host}, **at(version)).json()
                for path, version in ((f"os-{kind}-manage", "3.0"), (f"manageable_{kind}s", "3.8"))
            )
            assert old == new and name in [one["reference"]["source-name"] for one in old[f"manageable-{kind}s"]]
    refused = cloud.admin.post("volume", "/os-volume-manage", {"volume": {"host": host}})
    assert (refused.status_code, "'ref' is a required property" in refused.text) == (400, True)
    lost = cloud.admin.post("volume", "/os-volume-manage", {"volume": {"host": host, "ref": {"source-name": "nothing"}}})
    assert lost.status_code == 202, lost.text
    wait(cloud.admin, f"/volumes/{lost.json()['volume']['id']}", "volume", "error")


def test_a_host_that_is_disabled_is_left_alone(cloud):
    volume = create(cloud.demo)
    host = _host(cloud, volume)
    body = {"host": host.partition("#")[0], "binary": "cinder-volume"}
    assert cloud.admin.put("volume", "/os-services/disable", body).status_code == 200
    try:
        answers = [
            _manage(cloud, host, "x"),
            cloud.admin.post("volume", "/os-snapshot-manage", {"snapshot": {"volume_id": volume["id"], "ref": "x"}}),
            cloud.admin.get("volume", f"/os-volume-manage?host={body['host']}"),
        ]
        assert {(one.status_code, one.json()["badRequest"]["message"]) for one in answers} == {
            (400, "Service is unavailable at this time.")
        }
    finally:
        assert cloud.admin.put("volume", "/os-services/enable", body).status_code == 200
    missing = cloud.admin.get("volume", f"/os-snapshot-manage?host={UNKNOWN}@file")
    assert missing.json()["itemNotFound"]["message"] == f"Service cinder-volume could not be found on host {UNKNOWN}@file."
