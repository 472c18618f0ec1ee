"""Emulated TPMs of servers: who gets one, what becomes of what it holds, and what servers that have one cannot do."""

from collections.abc import Callable
from typing import Any

import pytest
from asking import image_with, make_flavors, refusal
from guests import act, guest
from waiting import LATEST, at, wait_for, wait_gone

from clouds import TestCloud

Boot = Callable[..., dict[str, Any]]
FLAVORS: dict[str, dict[str, str]] = {
    "tpm": {"hw:tpm_version": "2.0"},
    "tpm-host": {"hw:tpm_version": "2.0", "hw:tpm_model": "tpm-crb", "hw:tpm_secret_security": "host"},
    "tpm-deployment": {"hw:tpm_version": "2.0", "hw:tpm_secret_security": "deployment"},
    "tpm-old": {"hw:tpm_version": "1.2", "hw:tpm_model": "tpm-tis"},
    "tpm-impossible": {"hw:tpm_version": "1.2", "hw:tpm_model": "tpm-crb"},
    "tpm-nobody": {"hw:tpm_version": "2.0", "hw:tpm_secret_security": "nobody"},
    "no-tpm": {},
}


@pytest.fixture(scope="module", autouse=True)
def flavors(cloud: TestCloud) -> None:
    make_flavors(cloud, FLAVORS, vcpus=1)


def _end_resize(cloud: TestCloud, server_id: str, flavor: str, end: str) -> None:
    assert act(cloud.demo, server_id, {"resize": {"flavorRef": flavor}}).status_code == 202
    wait_for(cloud.demo, server_id, "VERIFY_RESIZE")
    assert act(cloud.demo, server_id, {end: None}).status_code in (202, 204)
    wait_for(cloud.demo, server_id, "ACTIVE")


def test_a_tpm_keeps_what_it_holds(cloud: TestCloud, boot: Boot) -> None:
    server_id = boot("sealed", flavorRef="tpm")["id"]
    assert guest(cloud, server_id).tpm == "2.0"
    held = dict(guest(cloud, server_id).tpms)
    assert list(held) == ["2.0"] and len(held["2.0"]) == 768
    for action in ({"reboot": {"type": "HARD"}}, {"os-stop": None}, {"os-start": None}, {"suspend": None}, {"resume": None}):
        assert act(cloud.demo, server_id, action).status_code == 202
        wait_for(cloud.demo, server_id, {"os-stop": "SHUTOFF", "suspend": "SUSPENDED"}.get(next(iter(action)), "ACTIVE"))
    act(cloud.admin, server_id, {"migrate": None})
    wait_for(cloud.demo, server_id, "VERIFY_RESIZE")
    assert act(cloud.demo, server_id, {"confirmResize": None}).status_code == 204
    wait_for(cloud.demo, server_id, "ACTIVE")
    assert guest(cloud, server_id).tpms == held
    other = boot("another", flavorRef="tpm")["id"]
    assert guest(cloud, other).tpms != held
    shown = cloud.admin.get("compute", f"/servers/{server_id}", headers=LATEST).text
    assert held["2.0"] not in shown and "tpm_key" not in shown
    assert cloud.demo.delete("compute", f"/servers/{server_id}").status_code == 204
    wait_gone(cloud.demo, server_id)


def test_another_flavor_gives_or_takes_a_tpm(cloud: TestCloud, boot: Boot) -> None:
    server_id = boot("changes", flavorRef="no-tpm")["id"]
    assert guest(cloud, server_id).tpm == ""
    _end_resize(cloud, server_id, "tpm", "confirmResize")
    first = dict(guest(cloud, server_id).tpms)
    assert list(first) == ["2.0"]
    _end_resize(cloud, server_id, "no-tpm", "revertResize")
    assert (guest(cloud, server_id).tpm, guest(cloud, server_id).tpms) == ("2.0", first)
    _end_resize(cloud, server_id, "tpm-old", "confirmResize")
    assert list(guest(cloud, server_id).tpms) == ["1.2"]
    _end_resize(cloud, server_id, "no-tpm", "confirmResize")
    assert guest(cloud, server_id).tpms == {}
    _end_resize(cloud, server_id, "tpm", "revertResize")
    assert guest(cloud, server_id).tpms == {}
    _end_resize(cloud, server_id, "tpm", "confirmResize")
    assert list(guest(cloud, server_id).tpms) == ["2.0"] and guest(cloud, server_id).tpms != first
    assert refusal(act(cloud.demo, server_id, {"resize": {"flavorRef": "tpm-impossible"}})) == "Invalid instance image."


def test_flavor_and_image(cloud: TestCloud, boot: Boot) -> None:
    asks = image_with(cloud, name="with-tpm", hw_tpm_version="2.0", hw_tpm_model="tpm-crb")
    by_image = boot("by-image", flavorRef="no-tpm", imageRef=asks)["id"]
    assert guest(cloud, by_image).tpm == "2.0"
    plain = boot("rebuilt", flavorRef="no-tpm")["id"]
    assert act(cloud.demo, plain, {"rebuild": {"imageRef": asks}}).status_code == 202
    wait_for(cloud.demo, plain, "ACTIVE")
    assert guest(cloud, plain).tpm == "2.0"
    server = boot("conflict", flavorRef="tpm-old", imageRef=asks, status="ERROR")
    assert (server["fault"]["code"], server["fault"]["message"]) == (
        500, "Flavor tpm-old has hw:tpm_version extra spec explicitly set to 1.2, conflicting with image with-tpm which has hw_tpm_version "
        "explicitly set to 2.0.",
    )  # fmt: skip
    server = boot("impossible", flavorRef="tpm-impossible", status="ERROR")
    assert (server["fault"]["code"], server["fault"]["message"]) == (400, "TPM model CRB is only valid with TPM version 2.0.")
    server = boot("nobody", flavorRef="tpm-nobody", status="ERROR")
    assert server["fault"]["message"] == "Scheduling failed: TPM secret security 'nobody' is not supported."
    wrong = {"name": "wrong", "flavorRef": "no-tpm", "imageRef": image_with(cloud, hw_tpm_version="9.0"), "networks": "none"}
    answer = cloud.demo.post("compute", "/servers", {"server": wrong}, headers=at("2.96"))
    assert refusal(answer) == "Invalid image metadata. Error: Field value 9.0 is invalid"


def test_what_a_server_with_a_tpm_cannot_do(cloud: TestCloud, boot: Boot, image: str) -> None:
    server_id = boot("bound", flavorRef="tpm")["id"]
    host = cloud.admin.get("compute", f"/servers/{server_id}").json()["server"]["OS-EXT-SRV-ATTR:host"]
    other = next(name for name in ("sim-001", "sim-002") if name != host)
    live = {"os-migrateLive": {"host": None, "block_migration": "auto"}}
    for operation, client, body in (
        ("shelve", cloud.demo, {"shelve": None}), ("rescue", cloud.demo, {"rescue": None}),
        ("rebuild", cloud.demo, {"rebuild": {"imageRef": image}}), ("live-migration", cloud.admin, live),
        ("evacuate", cloud.admin, {"evacuate": {"host": other}}),
    ):  # fmt: skip
        refused = refusal(act(client, server_id, body, headers=at("2.68")))
        assert refused == f"Operation '{operation}' not supported for vTPM-enabled instance ({server_id})."
    assert refusal(act(cloud.demo, server_id, {"resize": {"flavorRef": "tpm-deployment"}})) == (
        "Resize between 'deployment' TPM secret security and other TPM secret security modes is not supported."
    )


def test_live_migration_with_a_key_that_hosts_may_have(cloud: TestCloud, boot: Boot) -> None:
    server_id = boot("travels", flavorRef="tpm")["id"]
    _end_resize(cloud, server_id, "tpm-host", "confirmResize")
    held = dict(guest(cloud, server_id).tpms)
    live = {"os-migrateLive": {"host": None, "block_migration": "auto"}}
    assert act(cloud.admin, server_id, live, headers=at("2.34")).status_code == 202
    wait_for(cloud.demo, server_id, "ACTIVE")
    (migration,) = cloud.admin.get(
        "compute", f"/os-migrations?instance_uuid={server_id}&migration_type=live-migration", headers=LATEST
    ).json()["migrations"]
    assert migration["status"] == "completed"
    assert guest(cloud, server_id).tpms == held
    assert act(cloud.demo, server_id, {"reboot": {"type": "HARD"}}).status_code == 202
    wait_for(cloud.demo, server_id, "ACTIVE")


def test_a_host_without_tpms_gets_no_such_server(cloud: TestCloud, boot: Boot) -> None:
    providers = cloud.admin.get("placement", "/resource_providers?required=COMPUTE_SECURITY_TPM_2_0", headers={
        "openstack-api-version": "placement 1.39"}).json()["resource_providers"]  # fmt: skip
    assert len(providers) == 3
    for provider in providers[1:]:
        path = f"/resource_providers/{provider['uuid']}/traits"
        kept = cloud.admin.get("placement", path, headers={"openstack-api-version": "placement 1.39"}).json()
        body = {**kept, "traits": [trait for trait in kept["traits"] if trait != "COMPUTE_SECURITY_TPM_CRB"]}
        assert cloud.admin.put("placement", path, body, headers={"openstack-api-version": "placement 1.39"}).status_code == 200
    for number in range(3):
        server = boot(f"there-{number}", flavorRef="tpm-host")
        shown = cloud.admin.get("compute", f"/servers/{server['id']}").json()["server"]
        assert shown["OS-EXT-SRV-ATTR:host"] == providers[0]["name"]
