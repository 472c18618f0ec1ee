"""Quotas that are limits of the identity service."""

from collections.abc import Callable
from typing import Any

import pytest
from waiting import LATEST, wait_for, wait_gone

from clouds import Client, TestCloud

Boot = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def cloud_settings() -> dict[str, Any]:
    return {"quota.compute.driver": "unified", "quota.compute.key_pairs": 1, "quota.compute.metadata_items": 1}


def test_a_registered_limit_is_shown_to_everyone(cloud: TestCloud, registered) -> None:
    one = registered["servers"]
    assert cloud.demo.get("identity", f"/registered_limits/{one['id']}").json() == {"registered_limit": one}
    missing = cloud.demo.get("identity", "/registered_limits/nosuch")
    assert (missing.status_code, missing.json()["error"]["message"]) == (404, "Could not find registered limit for nosuch.")


def _message(answer: Any) -> str:
    assert answer.status_code == 403, answer.text
    return answer.json()["forbidden"]["message"]


def _order(client: Client, flavor: str, image: str, **fields: Any) -> Any:
    body = {"name": "more", "flavorRef": flavor, "imageRef": image, "networks": "none", **fields}
    return client.post("compute", "/servers", {"server": body}, headers=LATEST)


def test_the_configured_quotas_are_registered(cloud: TestCloud, registered) -> None:
    assert {name: limit["default_limit"] for name, limit in registered.items()} == {
        "servers": 10, "class:VCPU": 20, "class:MEMORY_MB": 51200, "server_metadata_items": 1, "server_injected_files": 5,
        "server_injected_file_content_bytes": 10240, "server_injected_file_path_bytes": 255, "server_key_pairs": 1, "server_groups": 10,
        "server_group_members": 10, "class:DISK_GB": -1,
    }  # fmt: skip


def test_servers_and_what_they_claim(cloud: TestCloud, boot: Boot, flavor: str, image: str, limit) -> None:
    first, project = boot("first")["id"], cloud.demo.project_id
    limit("servers", 1)
    assert _message(_order(cloud.demo, flavor, image)) == (
        f"Project {project} is over a limit for [Resource servers is over limit of 1 due to current usage 1 and delta 1]"
    )
    limit("servers", 3)
    limit("class:VCPU", 2)
    limit("class:MEMORY_MB", 100)
    assert _message(_order(cloud.demo, flavor, image, min_count=2)) == (
        f"Project {project} is over a limit for [Resource class:MEMORY_MB is over limit of 100 due to current usage 64 and delta 128, "
        "Resource class:VCPU is over limit of 2 due to current usage 1 and delta 2]"
    )
    limit("class:MEMORY_MB", -1)
    made = _order(cloud.demo, flavor, image, min_count=1, max_count=2, return_reservation_id=True)
    assert made.status_code == 202, made.text
    servers = {server["id"] for server in cloud.demo.get("compute", "/servers").json()["servers"]}
    assert len(servers) == 2
    shown = cloud.demo.get("compute", "/limits").json()["limits"]["absolute"]
    assert {name: shown[name] for name in ("maxTotalInstances", "maxTotalCores", "maxTotalRAMSize", "maxServerMeta")} == {
        "maxTotalInstances": 3, "maxTotalCores": 2, "maxTotalRAMSize": -1, "maxServerMeta": 1
    }  # fmt: skip
    assert (shown["totalInstancesUsed"], shown["totalCoresUsed"], shown["totalRAMUsed"]) == (2, 2, 128)
    for server_id in servers:
        cloud.demo.delete("compute", f"/servers/{server_id}")
    for server_id in servers:
        wait_gone(cloud.demo, server_id)
    assert first in servers


def test_a_resource_is_limited_once_it_is_registered(cloud: TestCloud, image: str, registered) -> None:
    about = {name: registered["servers"][name] for name in ("service_id", "region_id")}
    size = {"flavor": {"name": "special", "id": "special", "ram": 64, "disk": 1, "vcpus": 1}}
    assert cloud.admin.post("compute", "/flavors", size).status_code == 200
    specs = {"extra_specs": {"resources:CUSTOM_RARE": "1"}}
    assert cloud.admin.post("compute", "/flavors/special/os-extra_specs", specs).status_code == 200
    made = cloud.admin.post("identity", "/registered_limits", {"registered_limits": [
        {**about, "resource_name": "class:CUSTOM_RARE", "default_limit": 0}
    ]})  # fmt: skip
    assert made.status_code == 201, made.text
    rare = "[Resource class:CUSTOM_RARE is over limit of 0 due to current usage 0 and delta 1"
    assert f"{rare}]" in _message(_order(cloud.demo, "special", image))
    servers = cloud.admin.delete("identity", f"/registered_limits/{registered['servers']['id']}")
    assert servers.status_code == 204
    assert f"{rare}, Resource servers is over limit of 0 due" in _message(_order(cloud.demo, "special", image))
    again = {**about, "resource_name": "servers", "default_limit": 10}
    assert cloud.admin.post("identity", "/registered_limits", {"registered_limits": [again]}).status_code == 201


def test_a_resize_needs_room_beside_what_is_there(cloud: TestCloud, boot: Boot, registered) -> None:
    server_id = boot("resized")["id"]
    body = {"flavor": {"name": "larger", "id": "larger", "ram": 64, "disk": 1, "vcpus": 20}}
    assert cloud.admin.post("compute", "/flavors", body).status_code == 200
    refused = cloud.demo.post("compute", f"/servers/{server_id}/action", {"resize": {"flavorRef": "larger"}})
    assert "Resource class:VCPU is over limit of 20 due to current usage 1 and delta 20" in _message(refused)
    assert cloud.demo.get("compute", f"/servers/{server_id}").json()["server"]["status"] == "ACTIVE"
    cloud.demo.delete("compute", f"/servers/{server_id}")
    wait_gone(cloud.demo, server_id)


def test_a_shelved_server_comes_back_while_limits_are_kept(cloud: TestCloud, boot: Boot, limit) -> None:
    shelved, other = boot("shelved")["id"], boot("other")["id"]
    assert cloud.demo.post("compute", f"/servers/{shelved}/action", {"shelve": None}).status_code == 202
    wait_for(cloud.demo, shelved, "SHELVED_OFFLOADED")
    assert cloud.demo.get("compute", "/limits").json()["limits"]["absolute"]["totalCoresUsed"] == 1
    limit("class:VCPU", 0)
    unshelve = {"unshelve": None}
    assert "Resource class:VCPU is over limit of 0 due to current usage 1 and delta 0" in _message(
        cloud.demo.post("compute", f"/servers/{shelved}/action", unshelve)
    )
    limit("class:VCPU", 1)
    assert cloud.demo.post("compute", f"/servers/{shelved}/action", unshelve).status_code == 202
    wait_for(cloud.demo, shelved, "ACTIVE")
    for server_id in (shelved, other):
        cloud.demo.delete("compute", f"/servers/{server_id}")
        wait_gone(cloud.demo, server_id)


def test_what_has_one_limit_for_everybody(cloud: TestCloud, flavor: str, image: str) -> None:
    for name, status in (("one", 201), ("two", 403)):
        answer = cloud.demo.post("compute", "/os-keypairs", {"keypair": {"name": name, "public_key": KEY}}, headers={
            "openstack-api-version": "compute 2.10"
        })  # fmt: skip
        assert answer.status_code == status, answer.text
    assert _message(answer) == (
        "Project None is over a limit for [Resource server_key_pairs is over limit of 1 due to current usage 1 and delta 1]"
    )
    assert _message(_order(cloud.demo, flavor, image, metadata={"a": "1", "b": "2"})) == (
        "Project None is over a limit for [Resource server_metadata_items is over limit of 1 due to current usage 0 and delta 2]"
    )


def test_quota_sets_show_limits_and_set_none(cloud: TestCloud, limit) -> None:
    path = f"/os-quota-sets/{cloud.demo.project_id}"
    limit("servers", 7)
    set_here = cloud.admin.put("compute", path, {"quota_set": {"instances": 99, "cores": 99}})
    assert (set_here.status_code, set_here.json()["quota_set"]["instances"], set_here.json()["quota_set"]["cores"]) == (200, 7, 20)
    assert cloud.admin.put("compute", "/os-quota-class-sets/default", {"quota_class_set": {"instances": 99}}).status_code == 200
    assert cloud.admin.delete("compute", path).status_code == 202
    assert cloud.admin.get("compute", path).json()["quota_set"]["instances"] == 7
    assert cloud.admin.get("compute", f"{path}/defaults").json()["quota_set"]["instances"] == 10
    detail = cloud.admin.get("compute", f"{path}/detail").json()["quota_set"]
    assert (detail["instances"], detail["floating_ips"]["limit"]) == ({"limit": 7, "in_use": 0, "reserved": 0}, -1)


KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPq1bR0oQ1mWxM6u8QhWb6g0w9mJr0wQ6l0o3w1rP4dK test"
