"""Volumes: made, shown, extended, snapshotted, deleted; and everything that is refused."""

import pytest
from volume_api import UNKNOWN, act, create, wait


def test_a_volume_lives_and_dies(cloud):
    volume = create(cloud.demo, name="one", metadata={"a": "b"})
    assert volume["size"] == 1 and volume["metadata"] == {"a": "b"} and volume["volume_type"] == "__DEFAULT__"
    assert volume["bootable"] == "false" and volume["attachments"] == []
    assert cloud.demo.delete("volume", f"/volumes/{volume['id']}").status_code == 202
    wait(cloud.demo, f"/volumes/{volume['id']}", "volume", 404)


def test_the_sdk_drives_it(cloud):
    sdk = cloud.sdk("demo")
    volume = sdk.block_storage.create_volume(size=2, name="by-sdk")
    volume = sdk.block_storage.wait_for_status(volume, "available", wait=20, interval=0.1)
    snapshot = sdk.block_storage.create_snapshot(volume_id=volume.id, name="snap")
    snapshot = sdk.block_storage.wait_for_status(snapshot, "available", wait=20, interval=0.1)
    copy = sdk.block_storage.create_volume(size=2, snapshot_id=snapshot.id)
    copy = sdk.block_storage.wait_for_status(copy, "available", wait=20, interval=0.1)
    assert {volume.id, copy.id} <= {v.id for v in sdk.block_storage.volumes()}
    for resource in (copy, snapshot):
        (sdk.block_storage.delete_volume if resource is copy else sdk.block_storage.delete_snapshot)(resource)
        sdk.block_storage.wait_for_delete(resource, interval=0.1, wait=20)
    sdk.block_storage.delete_volume(volume)
    sdk.block_storage.wait_for_delete(volume, interval=0.1, wait=20)


def test_microversions_add_attributes(cloud):
    volume = create(cloud.demo)
    path = f"/volumes/{volume['id']}"
    old = cloud.demo.get("volume", path).json()["volume"]
    new = cloud.demo.get("volume", path, headers={"openstack-api-version": "volume 3.70"}).json()["volume"]
    assert set(new) - set(old) == {"group_id", "shared_targets", "service_uuid", "volume_type_id", "consumes_quota"}
    assert "os-vol-host-attr:host" not in new
    assert "os-vol-host-attr:host" in cloud.admin.get("volume", path).json()["volume"]


def test_another_tenant_finds_nothing(cloud):
    volume = create(cloud.demo)
    assert cloud.other.get("volume", f"/volumes/{volume['id']}").status_code == 404
    assert cloud.other.delete("volume", f"/volumes/{volume['id']}").status_code == 404
    assert volume["id"] not in cloud.other.get("volume", "/volumes?all_tenants=1").text
    assert volume["id"] in cloud.admin.get("volume", "/volumes?all_tenants=1").text
    assert cloud.reader.get("volume", f"/volumes/{volume['id']}").status_code == 200
    assert cloud.reader.delete("volume", f"/volumes/{volume['id']}").status_code == 403


def test_extending(cloud):
    volume = create(cloud.demo)
    path = f"/volumes/{volume['id']}"
    assert cloud.demo.post("volume", f"{path}/action", {"os-extend": {"new_size": 3}}).status_code == 202
    assert wait(cloud.demo, path, "volume", "available")["size"] == 3
    answer = cloud.demo.post("volume", f"{path}/action", {"os-extend": {"new_size": 2}})
    assert answer.status_code == 400
    assert answer.json()["badRequest"]["message"] == (
        "Invalid input received: New size for extend must be greater than current size. (current: 3, extended: 2)."
    )


def test_a_volume_with_a_snapshot_is_not_deleted(cloud):
    volume = create(cloud.demo)
    snapshot = cloud.demo.post("volume", "/snapshots", {"snapshot": {"volume_id": volume["id"]}}).json()["snapshot"]
    wait(cloud.demo, f"/snapshots/{snapshot['id']}", "snapshot", "available")
    answer = cloud.demo.delete("volume", f"/volumes/{volume['id']}")
    assert answer.status_code == 400 and "have snapshots" in answer.text
    assert cloud.demo.delete("volume", f"/snapshots/{snapshot['id']}").status_code == 202
    wait(cloud.demo, f"/snapshots/{snapshot['id']}", "snapshot", 404)
    assert cloud.demo.delete("volume", f"/volumes/{volume['id']}").status_code == 202


def test_paging(cloud):
    ids = [create(cloud.other, name=f"page-{n}")["id"] for n in range(3)]
    first = cloud.other.get("volume", "/volumes?sort=name:asc&limit=2").json()
    assert [v["id"] for v in first["volumes"]] == ids[:2]
    following = cloud.other.http.get(first["volumes_links"][0]["href"], headers={"x-auth-token": cloud.other.token}).json()
    assert [v["id"] for v in following["volumes"]] == ids[2:]


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        ({}, 400, "'volume' is a required property"),
        ({"volume": {}}, 400, "malformed or otherwise incorrect"),
        ({"volume": {"size": 0}}, 400, "0 is less than the minimum of 1"),
        ({"volume": {"size": "x"}}, 400, "'x' does not match"),
        ({"volume": {"size": 1, "volume_type": "nope"}}, 404, "Volume type with name nope could not be found."),
        ({"volume": {"size": 1, "snapshot_id": UNKNOWN}}, 404, UNKNOWN),
        ({"volume": {"size": 1, "source_volid": UNKNOWN}}, 404, UNKNOWN),
        ({"volume": {"size": 1, "imageRef": UNKNOWN}}, 400, "Invalid image identifier"),
        ({"volume": {"size": 100000}}, 413, "exceeds allowed gigabytes quota"),
        ({"volume": {"size": 1, "name": "x" * 256}}, 400, "name has 256 characters, more than 255."),
    ],
)
def test_bad_bodies_are_refused_and_change_nothing(cloud, body, status, text):
    before = cloud.demo.get("volume", "/volumes").json()
    answer = cloud.demo.post("volume", "/volumes", body)
    assert answer.status_code == status, answer.text
    assert text in answer.text
    assert cloud.demo.get("volume", "/volumes").json() == before


def test_the_quota_counts_rows_and_holds(cloud):
    project = cloud.other.project_id
    used = cloud.admin.get("volume", f"/os-quota-sets/{project}?usage=true").json()["quota_set"]["volumes"]["in_use"]
    limited = cloud.admin.put("volume", f"/os-quota-sets/{project}", {"quota_set": {"volumes": used + 1}})
    assert limited.status_code == 200 and limited.json()["quota_set"]["volumes"] == used + 1
    volume = create(cloud.other)
    answer = cloud.other.post("volume", "/volumes", {"volume": {"size": 1}})
    assert answer.status_code == 413 and f"({used + 1}) exceeded" in answer.json()["overLimit"]["message"]
    cloud.other.delete("volume", f"/volumes/{volume['id']}")
    wait(cloud.other, f"/volumes/{volume['id']}", "volume", 404)
    create(cloud.other)
    assert cloud.other.put("volume", f"/os-quota-sets/{project}", {"quota_set": {"volumes": 99}}).status_code == 403
    assert cloud.admin.delete("volume", f"/os-quota-sets/{project}").status_code == 200


def test_attachments_reserve_and_release(cloud):
    volume = create(cloud.demo)
    version = {"openstack-api-version": "volume 3.54"}
    server = "6c3e1d5e-0000-4000-8000-000000000001"
    body = {"attachment": {"volume_uuid": volume["id"], "instance_uuid": server}}
    made = cloud.demo.post("volume", "/attachments", body, headers=version)
    assert made.status_code == 200, made.text
    attachment = made.json()["attachment"]
    assert (attachment["status"], attachment["instance"]) == ("reserved", server)
    assert wait(cloud.demo, f"/volumes/{volume['id']}", "volume", "reserved")
    another = {"attachment": {"volume_uuid": volume["id"], "instance_uuid": UNKNOWN}}
    assert cloud.demo.post("volume", "/attachments", another, headers=version).status_code == 400
    assert cloud.demo.delete("volume", f"/volumes/{volume['id']}").status_code == 400
    assert cloud.other.get("volume", f"/attachments/{attachment['id']}", headers=version).status_code == 404
    assert cloud.demo.delete("volume", f"/attachments/{attachment['id']}", headers=version).status_code == 200
    wait(cloud.demo, f"/volumes/{volume['id']}", "volume", "available")
    assert cloud.demo.get("volume", "/attachments").status_code == 404  # before 3.27


def test_a_connection_ends_with_its_reservation_but_not_behind_a_servers_back(cloud):
    volume = create(cloud.demo)
    assert act(cloud.demo, volume, "os-terminate_connection").status_code == 400
    assert act(cloud.demo, volume, "os-reserve").status_code == 202
    assert act(cloud.other, volume, "os-terminate_connection", {"connector": {}}).status_code == 404
    assert act(cloud.demo, volume, "os-terminate_connection", {"connector": {}}).status_code == 202
    assert cloud.demo.get("volume", f"/volumes/{volume['id']}").json()["volume"]["status"] == "available"
    volumes = [{"boot_index": 0, "uuid": volume["id"], "source_type": "volume", "destination_type": "volume"}]
    assert cloud.admin.post("volume", f"/volumes/{volume['id']}/action", {"os-set_bootable": {"bootable": True}}).status_code == 200
    flavor = cloud.admin.post("compute", "/flavors", {"flavor": {"name": "bound", "ram": 64, "vcpus": 1, "disk": 0}}).json()["flavor"]["id"]
    body = {"server": {"name": "holds", "flavorRef": flavor, "networks": "none", "block_device_mapping_v2": volumes}}
    answer = cloud.demo.post("compute", "/servers", body, headers={"openstack-api-version": "compute 2.37"})
    assert answer.status_code == 202, answer.text
    wait(cloud.demo, f"/volumes/{volume['id']}", "volume", "in-use")
    refused = act(cloud.demo, volume, "os-terminate_connection", {"connector": {}})
    assert refused.status_code == 409 and "using the Compute API" in refused.json()["conflictingRequest"]["message"]
    assert cloud.demo.get("volume", f"/volumes/{volume['id']}").json()["volume"]["status"] == "in-use"


def test_types_are_for_admins(cloud):
    assert cloud.demo.post("volume", "/types", {"volume_type": {"name": "fast"}}).status_code == 403
    made = cloud.admin.post("volume", "/types", {"volume_type": {"name": "fast", "extra_specs": {"multiattach": "<is> True"}}})
    assert made.status_code == 200, made.text
    type_id = made.json()["volume_type"]["id"]
    assert cloud.admin.post("volume", "/types", {"volume_type": {"name": "fast"}}).status_code == 409
    volume = cloud.demo.post("volume", "/volumes", {"volume": {"size": 1, "volume_type": "fast"}}).json()["volume"]
    assert wait(cloud.demo, f"/volumes/{volume['id']}", "volume", "available")["multiattach"] is True
    assert cloud.admin.delete("volume", f"/types/{type_id}").status_code == 400
    assert cloud.demo.get("volume", "/types/default").json()["volume_type"]["name"] == "__DEFAULT__"
