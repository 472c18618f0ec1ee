"""Volumes of a multiattach type: several servers get them, and let them go one after another."""

from collections.abc import Callable
from typing import Any

import pytest
from guests import guest, until
from waiting import LATEST

from clouds import TestCloud

Boot = Callable[..., dict[str, Any]]
OLD = "Multiattach volumes are only supported starting with compute API version 2.60."


@pytest.fixture(scope="module")
def kinds(cloud: TestCloud) -> list[str]:
    """A multiattach type, and another."""
    for name, specs in (("shared", {"multiattach": "<is> True"}), ("alone", {})):
        assert cloud.admin.post("volume", "/types", {"volume_type": {"name": name, "extra_specs": specs}}).status_code == 200
    return ["shared", "alone"]


def show(cloud: TestCloud, volume_id: str) -> dict[str, Any]:
    return cloud.admin.get("volume", f"/volumes/{volume_id}").json()["volume"]


def create(cloud: TestCloud, **body: Any) -> str:
    answer = cloud.demo.post("volume", "/volumes", {"volume": {"size": 1, **body}})
    assert answer.status_code == 202, answer.text
    volume_id = answer.json()["volume"]["id"]
    until(lambda: show(cloud, volume_id)["status"] == "available")
    return volume_id


def attach(cloud: TestCloud, server_id: str, volume_id: str, **options: Any) -> Any:
    body = {"volumeAttachment": {"volumeId": volume_id}}
    return cloud.demo.post("compute", f"/servers/{server_id}/os-volume_attachments", body, **options)


def until_holders(cloud: TestCloud, volume_id: str, *servers: str) -> None:
    def settled() -> bool:
        shown = show(cloud, volume_id)
        status = "in-use" if servers else "available"
        return shown["status"] == status and {each["server_id"] for each in shown["attachments"]} == set(servers)

    until(settled)


def shared(cloud: TestCloud) -> dict[str, list[str]]:
    """The running guests that have each volume open, as the hosts' storage knows them."""
    return next(iter(cloud.app.cloud.hosts._local.values())).agent.drivers.block.storage.holders


def test_two_servers_have_a_volume(cloud: TestCloud, boot: Boot, kinds: list[str]) -> None:
    volume_id = create(cloud, volume_type="shared")
    assert show(cloud, volume_id)["multiattach"] is True
    one, other = boot("one")["id"], boot("other")["id"]
    assert attach(cloud, one, volume_id).json()["badRequest"]["message"] == OLD
    assert attach(cloud, one, volume_id, headers=LATEST).status_code == 200
    until_holders(cloud, volume_id, one)
    assert attach(cloud, other, volume_id, headers=LATEST).status_code == 200
    until_holders(cloud, volume_id, one, other)
    again = attach(cloud, one, volume_id, headers=LATEST).json()["badRequest"]["message"]
    assert again == f"Invalid volume: volume {volume_id} already attached"
    assert sorted(shared(cloud)[volume_id]) == sorted([one, other])
    retyped = cloud.demo.post("volume", f"/volumes/{volume_id}/action", {"os-retype": {"new_type": "alone"}})
    assert retyped.status_code == 400 and "retypes affecting multiattach are only allowed on available" in retyped.text
    grow = {"headers": {"openstack-api-version": "volume 3.42"}}
    assert cloud.demo.post("volume", f"/volumes/{volume_id}/action", {"os-extend": {"new_size": 2}}, **grow).status_code == 202
    until(lambda: show(cloud, volume_id)["status"] == "in-use")
    for server_id in (one, other):
        actions = cloud.demo.get("compute", f"/servers/{server_id}/os-instance-actions").json()["instanceActions"]
        assert actions[0]["action"] == "extend_volume"
    assert cloud.demo.delete("compute", f"/servers/{one}/os-volume_attachments/{volume_id}").status_code == 202
    until_holders(cloud, volume_id, other)
    assert guest(cloud, other).volumes == {volume_id: "vdb"}
    cloud.demo.delete("compute", f"/servers/{other}")
    until_holders(cloud, volume_id)
    assert volume_id not in shared(cloud)


def test_swaps_are_checked_as_by_nova(cloud: TestCloud, boot: Boot, kinds: list[str]) -> None:
    old, new, small = create(cloud, volume_type="shared", size=2), create(cloud, size=2), create(cloud)
    one, other, third = (boot(name)["id"] for name in ("swaps", "shares", "stops"))
    for volume_id, server_id, holders in ((old, one, [one]), (old, other, [one, other]), (new, third, [third])):
        assert attach(cloud, server_id, volume_id, headers=LATEST).status_code == 200
        until_holders(cloud, volume_id, *holders)

    def swap(server_id: str, wanted: str) -> tuple[int, str]:
        path = f"/servers/{server_id}/os-volume_attachments/{old}"
        answer = cloud.admin.put("compute", path, {"volumeAttachment": {"volumeId": wanted}}, headers=LATEST)
        return answer.status_code, next(iter(answer.json().values()))["message"]

    assert swap(one, small) == (409, f"volume {old} is not migrating; this API should only be called by Cinder")
    migrated = {"os-reset_status": {"migration_status": "success"}}
    assert cloud.admin.post("volume", f"/volumes/{old}/action", migrated).status_code == 202
    nothing = "11111111-1111-4111-8111-111111111111"
    assert swap(one, nothing) == (400, f"Volume {nothing} could not be found.")
    assert swap(third, small) == (404, f"No volume Block Device Mapping with id {old}.")
    assert swap(one, new) == (400, "Invalid volume: New volume must be detached in order to swap.")
    assert swap(one, small) == (400, "Invalid volume: New volume must be the same size or larger.")
    assert cloud.demo.delete("compute", f"/servers/{third}").status_code == 204
    until_holders(cloud, new)
    told = "Swapping multi-attach volumes with more than one read/write attachment is not supported."
    assert swap(one, new) == (400, told)
    assert cloud.demo.delete("compute", f"/servers/{other}").status_code == 204
    until_holders(cloud, old, one)
    assert swap(one, new)[0] == 501
    assert (show(cloud, old)["status"], show(cloud, new)["status"]) == ("in-use", "available")
    cloud.demo.delete("compute", f"/servers/{one}")
    until_holders(cloud, old)


def test_servers_boot_from_one_volume(cloud: TestCloud, boot: Boot, kinds: list[str], image: str, flavor: str) -> None:
    root = create(cloud, volume_type="shared", imageRef=image)
    disk = {"boot_index": 0, "uuid": root, "source_type": "volume", "destination_type": "volume"}
    body = {"name": "old", "flavorRef": flavor, "networks": "none", "block_device_mapping_v2": [disk]}
    refused = cloud.demo.post("compute", "/servers", {"server": body}, headers={"openstack-api-version": "compute 2.59"})
    assert refused.status_code == 400 and refused.json()["badRequest"]["message"] == OLD
    made = [boot(name, imageRef=None, block_device_mapping_v2=[disk])["id"] for name in ("first", "second")]
    until_holders(cloud, root, *made)
    for server_id in made:
        cloud.demo.delete("compute", f"/servers/{server_id}")
    until_holders(cloud, root)


def test_a_retype_changes_what_servers_may_do(cloud: TestCloud, kinds: list[str]) -> None:
    volume_id = create(cloud, volume_type="alone")
    storage = next(iter(cloud.app.cloud.hosts._local.values())).agent.drivers.block.storage
    for kind in ("shared", "alone"):
        answer = cloud.demo.post("volume", f"/volumes/{volume_id}/action", {"os-retype": {"new_type": kind}})
        assert answer.status_code == 202, answer.text
        until(lambda kind=kind: (show(cloud, volume_id)["volume_type"], show(cloud, volume_id)["status"]) == (kind, "available"))
        assert show(cloud, volume_id)["multiattach"] is (kind == "shared")
        assert (volume_id in storage.shared) is (kind == "shared")


def test_what_hosts_can(cloud: TestCloud) -> None:
    pools = cloud.admin.get("volume", "/scheduler-stats/get_pools?detail=true").json()["pools"]
    assert {each["capabilities"]["multiattach"] for each in pools} == {True}
