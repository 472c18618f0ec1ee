"""Disks of servers in every form they may be asked for: volumes from all sources, ephemeral disks, swap, and images that name disks."""

from collections.abc import Callable
from typing import Any

import pytest
from guests import guest, until
from waiting import LATEST, at, wait_for

from clouds import Client, TestCloud

Boot = Callable[..., dict[str, Any]]
BLANK = {"source_type": "blank", "destination_type": "volume", "volume_size": 1, "delete_on_termination": True}
EPHEMERAL = {"source_type": "blank", "destination_type": "local"}
SWAP = {**EPHEMERAL, "guest_format": "swap"}


@pytest.fixture(scope="module")
def large(cloud: TestCloud) -> str:
    """A flavor with an ephemeral disk and swap."""
    body = {"flavor": {"name": "large", "id": "large", "ram": 64, "disk": 1, "vcpus": 1, "OS-FLV-EXT-DATA:ephemeral": 2, "swap": 512}}
    assert cloud.admin.post("compute", "/flavors", body).status_code == 200
    return "large"


@pytest.fixture(scope="module")
def local(image: str) -> dict[str, Any]:
    return {"boot_index": 0, "uuid": image, "source_type": "image", "destination_type": "local"}


@pytest.fixture(scope="module", autouse=True)
def unlimited(cloud: TestCloud) -> None:
    """The project may make as many volumes as the tests need."""
    quota = {"quota_set": {"volumes": -1, "gigabytes": -1, "snapshots": -1}}
    assert cloud.admin.put("volume", f"/os-quota-sets/{cloud.demo.project_id}", quota).status_code == 200


def _volume(client: Client, bootable: bool = False) -> str:
    volume_id = client.post("volume", "/volumes", {"volume": {"size": 1}}).json()["volume"]["id"]
    until(lambda: client.get("volume", f"/volumes/{volume_id}").json()["volume"]["status"] == "available")
    if bootable:
        assert client.post("volume", f"/volumes/{volume_id}/action", {"os-set_bootable": {"bootable": True}}).status_code == 200
    return volume_id


def _devices(client: Client, server_id: str) -> list[str]:
    answer = client.get("compute", f"/servers/{server_id}/os-volume_attachments", headers=LATEST).json()
    return [each["device"] for each in answer["volumeAttachments"]]


def test_volumes_from_every_source(cloud: TestCloud, boot: Boot, image: str) -> None:
    volume_id = _volume(cloud.demo, bootable=True)
    snapshot = cloud.demo.post("volume", "/snapshots", {"snapshot": {"volume_id": volume_id}}).json()["snapshot"]["id"]
    until(lambda: cloud.demo.get("volume", f"/snapshots/{snapshot}").json()["snapshot"]["status"] == "available")
    disks = [
        {"boot_index": 0, "uuid": volume_id, "source_type": "volume", "destination_type": "volume"},
        {"uuid": snapshot, "source_type": "snapshot", "destination_type": "volume", "delete_on_termination": True, "tag": "from-snapshot"},
        {"uuid": image, "source_type": "image", "destination_type": "volume", "volume_size": 2, "volume_type": "__DEFAULT__"},
        {**BLANK, "device_name": "/dev/vdh", "disk_bus": "virtio"},
    ]  # fmt: skip
    server = boot("sources", imageRef=None, block_device_mapping_v2=disks)
    assert server["image"] == "" and _devices(cloud.demo, server["id"]) == ["/dev/vda", "/dev/vdb", "/dev/vdc", "/dev/vdh"]
    held = [each["id"] for each in server["os-extended-volumes:volumes_attached"]]
    made = [cloud.demo.get("volume", f"/volumes/{each}").json()["volume"] for each in held]
    assert [(each["size"], each["status"]) for each in made] == [(1, "in-use"), (1, "in-use"), (2, "in-use"), (1, "in-use")]
    assert (made[0]["id"], made[1]["snapshot_id"], made[2]["volume_image_metadata"]["image_id"]) == (volume_id, snapshot, image)
    assert sorted(guest(cloud, server["id"]).volumes) == sorted(held)
    cloud.demo.delete("compute", f"/servers/{server['id']}")
    left = (held[0], held[2])
    until(lambda: [cloud.demo.get("volume", f"/volumes/{each}").status_code for each in held] == [200, 404, 200, 404])
    until(lambda: all(cloud.demo.get("volume", f"/volumes/{each}").json()["volume"]["status"] == "available" for each in left))


def test_beside_an_image_any_volume_may_be_the_root(cloud: TestCloud, boot: Boot, flavor: str) -> None:
    root = {"boot_index": 0, "uuid": _volume(cloud.demo), "source_type": "volume", "destination_type": "volume"}
    assert _root_volume(cloud, boot("beside", block_device_mapping_v2=[root])["id"]) == root["uuid"]
    root["uuid"] = _volume(cloud.demo)
    alone = {"name": "alone", "flavorRef": flavor, "networks": "none", "block_device_mapping_v2": [root]}
    refused = cloud.demo.post("compute", "/servers", {"server": alone}, headers=LATEST)
    assert (refused.status_code, refused.json()["badRequest"]["message"]) == (400, f"Block Device {root['uuid']} is not bootable.")


def test_local_disks_come_before_volumes(cloud: TestCloud, boot: Boot, large: str, local: dict[str, Any]) -> None:
    usual = boot("usual", flavorRef=large, block_device_mapping_v2=[local, BLANK])
    assert _devices(cloud.demo, usual["id"]) == ["/dev/vdd"]
    volume_id = _volume(cloud.demo)
    attached = cloud.demo.post("compute", f"/servers/{usual['id']}/os-volume_attachments", {"volumeAttachment": {"volumeId": volume_id}})
    assert attached.json()["volumeAttachment"]["device"] == "/dev/vde"
    made = guest(cloud, usual["id"])
    assert (made.ephemeral, made.swap) == ([2], 512)


def test_several_ephemeral_disks_and_less_swap(cloud: TestCloud, boot: Boot, large: str, local: dict[str, Any]) -> None:
    body = {"flavor": {"name": "roomy", "id": "roomy", "ram": 64, "disk": 1, "vcpus": 1, "OS-FLV-EXT-DATA:ephemeral": 2}}
    assert cloud.admin.post("compute", "/flavors", body).status_code == 200
    half = {**EPHEMERAL, "volume_size": 1}
    made = guest(cloud, boot("halves", flavorRef="roomy", block_device_mapping_v2=[local, half, half])["id"])
    assert (made.ephemeral, made.swap) == ([1, 1], 0)
    made = guest(cloud, boot("less", flavorRef=large, block_device_mapping_v2=[local, {**SWAP, "volume_size": 100}])["id"])
    assert (made.ephemeral, made.swap) == ([2], 100)
    legacy = [{"virtual_name": "ephemeral0", "volume_size": 1, "device_name": "vdb"}]
    made = guest(cloud, boot("legacy", flavorRef=large, version="2.1", block_device_mapping=legacy)["id"])
    assert (made.ephemeral, made.swap) == ([1], 512)


def _root_volume(cloud: TestCloud, server_id: str) -> str:
    held = cloud.demo.get("compute", f"/servers/{server_id}/os-volume_attachments").json()["volumeAttachments"]
    return next(each["volumeId"] for each in held if each["device"] == "/dev/vda")


def test_a_server_boots_from_the_image_of_a_volume_backed_one(cloud: TestCloud, boot: Boot, image: str) -> None:
    root = {"boot_index": 0, "uuid": image, "source_type": "image", "destination_type": "volume", "volume_size": 1}
    first = boot("first", imageRef=None, block_device_mapping_v2=[root, BLANK])["id"]
    made = cloud.demo.post("compute", f"/servers/{first}/action", {"createImage": {"name": "both"}}, headers=LATEST).json()["image_id"]
    snapshots = cloud.demo.get("volume", "/snapshots", params={"limit": 2}).json()["snapshots"]
    until(lambda: all(cloud.demo.get("volume", f"/snapshots/{s['id']}").json()["snapshot"]["status"] == "available" for s in snapshots))
    second = boot("second", imageRef=made)
    assert second["image"]["id"] == made and _devices(cloud.demo, second["id"]) == ["/dev/vda", "/dev/vdb"]
    held = [each["id"] for each in second["os-extended-volumes:volumes_attached"]]
    origins = {cloud.demo.get("volume", f"/volumes/{each}").json()["volume"]["snapshot_id"] for each in held}
    assert origins == {each["id"] for each in snapshots}
    alike = cloud.demo.post("volume", "/volumes", {"volume": {"imageRef": made}}, headers={"openstack-api-version": "volume 3.46"}).json()
    root_disk = next(each["id"] for each in snapshots if each["volume_id"] == _root_volume(cloud, first))
    assert alike["volume"]["snapshot_id"] == root_disk, "a volume made from the image is one of the root disk"
    local = {"boot_index": 0, "uuid": made, "source_type": "image", "destination_type": "local"}  # as clients add it by themselves
    third = boot("third", imageRef=made, block_device_mapping_v2=[local])
    assert len(third["os-extended-volumes:volumes_attached"]) == 2
    again = cloud.demo.post("compute", f"/servers/{third['id']}/action", {"createImage": {"name": "again"}}, headers=at("2.45"))
    assert again.status_code == 202
    wait_for(cloud.demo, third["id"], "ACTIVE")


def test_the_image_of_a_root_volume_must_suit_the_flavor_and_the_volume_is_on_the_servers_host(cloud: TestCloud, boot: Boot) -> None:
    values = {"name": "hungry", "disk_format": "raw", "container_format": "bare", "min_ram": 9999}
    hungry = cloud.demo.post("image", "/images", values).json()["id"]
    stored = cloud.demo.put("image", f"/images/{hungry}/file", content=b"x", headers={"content-type": "application/octet-stream"})
    assert stored.status_code == 204
    root = {"boot_index": 0, "uuid": hungry, "source_type": "image", "destination_type": "volume", "volume_size": 1}
    body = {"name": "no", "flavorRef": "small", "networks": "none", "block_device_mapping_v2": [root]}
    refused = cloud.demo.post("compute", "/servers", {"server": body}, headers=LATEST)
    assert refused.json()["badRequest"]["message"] == "Flavor's memory is too small for requested image."
    change = [{"op": "replace", "path": "/min_ram", "value": 1}, {"op": "add", "path": "/hw_vif_model", "value": "e1000"}]
    media = {"content-type": "application/openstack-images-v2.1-json-patch"}
    assert cloud.demo.patch("image", f"/images/{hungry}", change, headers=media).status_code == 200
    server_id = boot("fits", imageRef=None, block_device_mapping_v2=[root])["id"]
    shown = cloud.admin.get("compute", f"/servers/{server_id}").json()["server"]
    (held,) = shown["os-extended-volumes:volumes_attached"]
    volume = cloud.admin.get("volume", "/volumes/detail", params={"all_tenants": 1}).json()["volumes"]
    (host,) = [each["os-vol-host-attr:host"] for each in volume if each["id"] == held["id"]]
    assert host.partition("@")[0] == shown["OS-EXT-SRV-ATTR:host"]


NONSENSE = ("no json", "{}", "[1]", '[{"source_type": "tape"}]', '[{"source_type": "volume"}]', '[{"volume_size": "x"}]')


@pytest.mark.parametrize("text", NONSENSE)
def test_an_image_that_names_nonsense_is_refused(cloud: TestCloud, flavor: str, text: str) -> None:
    values = {"name": "odd", "disk_format": "raw", "container_format": "bare", "bdm_v2": "True", "block_device_mapping": text}
    odd = cloud.demo.post("image", "/images", values).json()["id"]
    stored = cloud.demo.put("image", f"/images/{odd}/file", content=b"x", headers={"content-type": "application/octet-stream"})
    assert stored.status_code == 204
    body = {"name": "no", "flavorRef": flavor, "imageRef": odd, "networks": "none"}
    refused = cloud.demo.post("compute", "/servers", {"server": body}, headers=LATEST)
    assert refused.status_code == 400 and "Block Device Mapping is Invalid" in refused.json()["badRequest"]["message"]


MISSING = "11111111-1111-4111-8111-111111111111"
NO_ORDER = (
    "Block Device Mapping is Invalid: Boot sequence for the instance and image/block device mapping combination is not valid."
)  # fmt: skip


@pytest.mark.parametrize(
    ("disks", "message"),
    [
        ([BLANK], NO_ORDER),
        (["local", {**BLANK, "boot_index": 0}], NO_ORDER),
        (["local", {**EPHEMERAL, "volume_size": 3}], "Ephemeral disks requested are larger"),
        (["local", {**SWAP, "volume_size": 600}], "Swap drive requested is larger than instance type allows."),
        (["local", SWAP, SWAP], "Block Device Mapping is Invalid: More than one swap drive requested."),
        (["local", *[{**EPHEMERAL, "volume_size": 1}] * 2], "You specified more local devices than the limit allows"),
        (["local", {**BLANK, "device_name": "/dev/vda"}], "The volume cannot be assigned the same device name as the root device vda"),
        (["local", {**BLANK, "volume_type": "nosuch"}], "Volume type nosuch could not be found."),
        (["local", {**BLANK, "volume_size": None}], "Invalid input for field/attribute volume_size"),
        (["local", {**BLANK, "disk_bus": "nonsense"}], "Block Device Mapping is Invalid."),
        (["local", {"source_type": "snapshot", "destination_type": "volume", "uuid": MISSING}], f"failed to get snapshot {MISSING}."),
        (["local", {"source_type": "volume", "destination_type": "volume", "uuid": MISSING}], f"Volume {MISSING} could not be found."),
        (["local", {"source_type": "blank", "destination_type": "volume"}], "Blank volumes (source: 'blank', dest: 'volume') need"),
        (["local", {"source_type": "blank", "destination_type": "volume", "uuid": MISSING}], "Invalid device UUID."),
        (["local", {"destination_type": "volume"}], "Missing device UUID."),
        (["local", {"source_type": "image", "destination_type": "local", "uuid": MISSING, "boot_index": 1}], "Mapping image to local is"),
    ],
)  # fmt: skip
def test_refusals(cloud: TestCloud, large: str, image: str, local: dict[str, Any], disks: list[Any], message: str) -> None:
    mapping = [local if disk == "local" else disk for disk in disks]
    body = {"name": "no", "flavorRef": large, "imageRef": image, "networks": "none", "block_device_mapping_v2": mapping}
    answer = cloud.demo.post("compute", "/servers", {"server": body}, headers=LATEST)
    assert answer.status_code == 400, answer.text
    assert message in answer.json()["badRequest"]["message"]


def test_what_the_volume_service_refuses_is_the_servers_fault(cloud: TestCloud, flavor: str, image: str) -> None:
    def volumes() -> set[str]:
        return {each["id"] for each in cloud.demo.get("volume", "/volumes").json()["volumes"]}

    kept = _volume(cloud.demo)
    before = volumes()
    disks = [
        {"boot_index": 0, "uuid": image, "source_type": "image", "destination_type": "volume", "volume_size": 1},
        {"uuid": kept, "source_type": "volume", "destination_type": "volume"},
        {**BLANK, "volume_size": 4},
    ]
    body = {"server": {"name": "s", "flavorRef": flavor, "networks": "none", "block_device_mapping_v2": disks}}
    quota = f"/os-quota-sets/{cloud.demo.project_id}"
    assert cloud.admin.put("volume", quota, {"quota_set": {"per_volume_gigabytes": 3}}).status_code == 200
    answer = cloud.demo.post("compute", "/servers", body, headers=LATEST)
    assert answer.status_code == 202, answer.text
    assert cloud.admin.put("volume", quota, {"quota_set": {"per_volume_gigabytes": -1}}).status_code == 200
    server_id = answer.json()["server"]["id"]
    server = cloud.demo.get("compute", f"/servers/{server_id}", headers=LATEST).json()["server"]
    cause = "VolumeSizeExceedsLimit: Requested volume size 4G is larger than maximum allowed limit 3G."
    assert (server["status"], server["fault"]["code"]) == ("ERROR", 500)
    assert server["fault"]["message"] == f"Build of instance {server_id} aborted: {cause}"
    (action,) = cloud.demo.get("compute", f"/servers/{server_id}/os-instance-actions", headers=LATEST).json()["instanceActions"]
    assert (action["action"], action["message"]) == ("create", None)
    until(lambda: volumes() <= before)
    assert cloud.demo.get("volume", f"/volumes/{kept}").json()["volume"]["status"] == "available"
    assert cloud.admin.get("placement", f"/allocations/{server_id}").json()["allocations"] == {}
    assert cloud.demo.delete("compute", f"/servers/{server_id}").status_code == 204
