"""Dedicated processors, huge pages, encrypted memory and the like: refused where they cannot be, and never given in name only."""

from collections.abc import Callable
from typing import Any

import pytest
from asking import image_with, make_flavors, refusal
from guests import act, guest
from waiting import at, wait_for

from clouds import TestCloud
from monostack.protocol.guests import GuestNode

Boot = Callable[..., dict[str, Any]]
THREADS = "Cannot set cpu thread pinning policy in a non dedicated cpu pinning policy"
NO_SECURE_BOOT = "it lacks a required trait (COMPUTE_SECURITY_UEFI_SECURE_BOOT) or has a forbidden one"
FLAVORS: dict[str, dict[str, str]] = {
    "hw-plain": {},
    "hw-pinned": {"hw:cpu_policy": "dedicated"},
    "hw-pcpus": {"resources:PCPU": "2"},
    "hw-pages": {"hw:mem_page_size": "large"},
    "hw-small": {"hw:mem_page_size": "small"},
    "hw-locked": {"hw:mem_page_size": "any", "hw:locked_memory": "true"},
    "hw-nodes": {"hw:numa_nodes": "2"},
    "hw-node": {"hw:numa_nodes": "1"},
    "hw-pmem": {"hw:pmem": "6GB"},
    "hw-secure": {"os:secure_boot": "required"},
    "hw-encrypted": {"hw:mem_encryption": "true"},
    "hw-threads": {"hw:cpu_thread_policy": "require"},
    "hw-mask": {"hw:numa_nodes": "1", "hw:numa_cpus.0": "x", "hw:numa_mem.0": "64"},
}


@pytest.fixture(scope="module", autouse=True)
def flavors(cloud: TestCloud) -> None:
    make_flavors(cloud, FLAVORS, vcpus=2)


@pytest.mark.parametrize(
    ("named", "properties", "cause"),
    [
        ("hw-pinned", {}, "it does not give guests dedicated processors"),
        ("hw-pages", {}, "it does not give guests pages of size large"),
        ("hw-locked", {}, "it does not give guests memory that stays in memory"),
        ("hw-nodes", {}, "its NUMA nodes have no room for the 2 of the guest"),
        ("hw-pmem", {}, "it does not give guests persistent memory"),
        ("hw-encrypted", {"hw_firmware_type": "uefi"}, "it has no MEM_ENCRYPTION_CONTEXT"),
        ("hw-secure", {}, NO_SECURE_BOOT),
        ("hw-plain", {"os_secure_boot": "required"}, NO_SECURE_BOOT),
    ],
)  # fmt: skip
def test_no_host_has_it(cloud: TestCloud, boot: Boot, image: str, named: str, properties: dict[str, str], cause: str) -> None:
    server = boot("asks", flavorRef=named, imageRef=image_with(cloud, **properties) if properties else image, status="ERROR")
    assert server["fault"]["message"] == "No valid host was found. There are not enough hosts available."
    shown = cloud.admin.get("compute", f"/servers/{server['id']}").json()["server"]
    assert f"sim-001: {cause}" in shown["fault"]["details"]
    assert cloud.admin.get("placement", f"/allocations/{server['id']}").json()["allocations"] == {}


def test_pcpus_are_claimed_as_named(cloud: TestCloud, boot: Boot) -> None:
    server = boot("pcpus", flavorRef="hw-pcpus", status="ERROR")
    details = cloud.admin.get("compute", f"/servers/{server['id']}").json()["server"]["fault"]["details"]
    assert "dedicated processors" in details


def test_numa_nodes(cloud: TestCloud, boot: Boot) -> None:
    server_id = boot("node", flavorRef="hw-node")["id"]
    path, node = f"/servers/{server_id}/topology", {"vcpu_set": [0, 1], "siblings": [], "memory_mb": 64}
    assert guest(cloud, server_id).numa_nodes == [GuestNode([0, 1], 64)]
    assert cloud.demo.get("compute", path, headers=at("2.78")).json() == {"nodes": [node], "pagesize_kb": None}
    seen = {"nodes": [{**node, "host_node": 0, "cpu_pinning": {}}], "pagesize_kb": None}
    assert cloud.admin.get("compute", path, headers=at("2.78")).json() == seen
    for end, status, left in (("revertResize", 202, 1), ("confirmResize", 204, 0)):
        assert act(cloud.demo, server_id, {"resize": {"flavorRef": "hw-plain"}}).status_code == 202
        wait_for(cloud.demo, server_id, "VERIFY_RESIZE")
        assert cloud.demo.get("compute", path, headers=at("2.78")).json()["nodes"] == []
        assert act(cloud.demo, server_id, {end: None}).status_code == status
        wait_for(cloud.demo, server_id, "ACTIVE")
        assert len(guest(cloud, server_id).numa_nodes) == left
        assert len(cloud.demo.get("compute", path, headers=at("2.78")).json()["nodes"]) == left


def test_every_guest_has_small_pages(cloud: TestCloud, boot: Boot) -> None:
    server_id = boot("small", flavorRef="hw-small")["id"]
    shown = cloud.demo.get("compute", f"/servers/{server_id}/topology", headers=at("2.78")).json()
    assert shown == {"nodes": [{"vcpu_set": [0, 1], "siblings": [], "memory_mb": 64}], "pagesize_kb": 4}


def test_topology_of_what_no_host_has(cloud: TestCloud, boot: Boot) -> None:
    server_id = boot("pages", flavorRef="hw-pages", status="ERROR")["id"]
    shown = cloud.demo.get("compute", f"/servers/{server_id}/topology", headers=at("2.78")).json()
    assert shown == {"nodes": [{"vcpu_set": [0, 1], "siblings": [], "memory_mb": 64}], "pagesize_kb": -2}


def test_create_is_refused(cloud: TestCloud, image: str) -> None:
    def make(flavor: str, image_id: str = image) -> Any:
        body = {"name": "refused", "flavorRef": flavor, "imageRef": image_id, "networks": "none"}
        return cloud.demo.post("compute", "/servers", {"server": body}, headers=at("2.96"))

    assert refusal(make("hw-threads")) == THREADS
    assert refusal(make("hw-mask")) == "Invalid inclusion expression 'x'"
    assert refusal(make("hw-plain", image_with(cloud, hw_mem_page_size="2MB"))) == "Page size 2MB forbidden against '<empty>'"
    assert refusal(make("hw-plain", image_with(cloud, hw_cpu_policy="own"))) == "Invalid image metadata. Error: Field value own is invalid"
    wrong = image_with(cloud, hw_numa_nodes="two")
    assert refusal(make("hw-plain", wrong)) == "Invalid image metadata. Error: invalid literal for int() with base 10: 'two'"


def test_resize_and_rebuild(cloud: TestCloud, boot: Boot) -> None:
    server_id = boot("plain", flavorRef="hw-plain")["id"]
    assert refusal(act(cloud.demo, server_id, {"resize": {"flavorRef": "hw-threads"}})) == THREADS
    assert refusal(act(cloud.demo, server_id, {"resize": {"flavorRef": "hw-mask"}})) == "Invalid instance image."
    assert act(cloud.demo, server_id, {"resize": {"flavorRef": "hw-pinned"}}).status_code == 202
    wait_for(cloud.demo, server_id, "ACTIVE")
    actions = cloud.admin.get("compute", f"/servers/{server_id}/os-instance-actions").json()["instanceActions"]
    assert [each["message"] for each in actions if each["action"] == "resize"] == ["Error"]
    nodes = image_with(cloud, hw_numa_nodes="1")
    assert refusal(act(cloud.demo, server_id, {"rebuild": {"imageRef": nodes}})) == (
        "An instance's NUMA topology cannot be changed as part of a rebuild. The image provided is invalid for this instance."
    )
    assert refusal(act(cloud.demo, server_id, {"rebuild": {"imageRef": image_with(cloud, hw_cpu_thread_policy="isolate")}})) == THREADS
    assert act(cloud.demo, server_id, {"rebuild": {"imageRef": image_with(cloud, os_secure_boot="required")}}).status_code == 202
    assert "traits cannot be satisfied" in wait_for(cloud.demo, server_id, "ERROR")["fault"]["message"]
