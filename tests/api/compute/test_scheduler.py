"""Every filter of the scheduler that is set or told something, and what a refusal says of each host."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, get_args

import pytest
from waiting import at, wait_for, wait_gone

from clouds import TestCloud
from monostack.core.config.options import Filter

Boot = Callable[..., dict[str, Any]]

ISOLATED = "5f0e4e0a-6c2f-4a53-9d07-3a1d7d6f7a01"


@pytest.fixture(scope="module")
def cloud_settings() -> dict[str, Any]:
    """All filters; one host is kept for one image."""
    return {
        "scheduler.enabled_filters": list(get_args(Filter)),
        "scheduler.isolated_images": [ISOLATED],
        "scheduler.isolated_hosts": ["sim-003"],
        "scheduler.max_instances_per_host": 2,
    }


def _host(cloud: TestCloud, server: dict[str, Any]) -> str:
    return cloud.admin.get("compute", f"/servers/{server['id']}").json()["server"]["OS-EXT-SRV-ATTR:host"]


def _refusals(cloud: TestCloud, boot: Boot, **fields: Any) -> dict[str, str]:
    """What is said against each host; the server that got none is deleted."""
    server = boot("refused", status="ERROR", **fields)
    fault = cloud.admin.get("compute", f"/servers/{server['id']}").json()["server"]["fault"]
    assert fault["message"] == "No valid host was found. There are not enough hosts available."
    cloud.demo.delete("compute", f"/servers/{server['id']}")
    return dict(each.split(": ", 1) for each in fault["details"].split("; "))


@contextmanager
def _booted(cloud: TestCloud, boot: Boot, **fields: Any) -> Iterator[str]:
    server = boot("placed", **fields)
    try:
        yield _host(cloud, server)
    finally:
        cloud.demo.delete("compute", f"/servers/{server['id']}")
        wait_gone(cloud.demo, server["id"])


@contextmanager
def _aggregate(cloud: TestCloud, host: str, **metadata: str) -> Iterator[None]:
    body = {"aggregate": {"name": f"{host} with {sorted(metadata.items())}"[:255]}}
    made = cloud.admin.post("compute", "/os-aggregates", body).json()["aggregate"]["id"]
    act = f"/os-aggregates/{made}/action"
    assert cloud.admin.post("compute", act, {"add_host": {"host": host}}).status_code == 200
    assert cloud.admin.post("compute", act, {"set_metadata": {"metadata": metadata}}).status_code == 200
    yield
    cloud.admin.post("compute", act, {"remove_host": {"host": host}})
    assert cloud.admin.delete("compute", f"/os-aggregates/{made}").status_code == 200


def test_a_host_is_kept_for_an_image(cloud: TestCloud, boot: Boot) -> None:
    body = {"id": ISOLATED, "name": "secret", "disk_format": "raw", "container_format": "bare", "os_distro": "windows"}
    assert cloud.demo.post("image", "/images", body).status_code == 201
    headers = {"content-type": "application/octet-stream"}
    assert cloud.demo.put("image", f"/images/{ISOLATED}/file", content=b"\0" * 4096, headers=headers).status_code == 204
    with _booted(cloud, boot, imageRef=ISOLATED) as host:
        assert host == "sim-003"
    for _ in range(3):
        with _booted(cloud, boot) as host:
            assert host != "sim-003"
    query = json.dumps(["=", "$hypervisor_hostname", "sim-003"])
    said = _refusals(cloud, boot, hints={"query": query})
    assert said["sim-003"] == "it is kept for other images"
    said = _refusals(cloud, boot, imageRef=ISOLATED, hints={"query": json.dumps(["in", "$host", "sim-001", "sim-002"])})
    assert said["sim-001"] == "it is not one of the hosts that the image is kept to"


def test_hints(cloud: TestCloud, boot: Boot) -> None:
    query = ["and", [">=", "$free_ram_mb", 1024], ["not", ["=", "$host", "sim-001"]], ["=", "$cpu_info.arch", "x86_64"]]
    with _booted(cloud, boot, hints={"query": json.dumps(query)}) as host:
        assert host == "sim-002"
    said = _refusals(cloud, boot, hints={"query": '["<", "$vcpus_total", 2]'})
    assert said["sim-001"] == 'the query ["<", "$vcpus_total", 2] does not hold for it'
    for nonsense in ("no json", '["xor", 1, 2]', '[">", "$free_ram_mb", "much"]'):
        assert _refusals(cloud, boot, hints={"query": nonsense})["sim-001"].startswith("the query cannot be read: ")
    with _booted(cloud, boot, hints={"build_near_host_ip": "127.0.0.9", "cidr": "/8"}):
        said = _refusals(cloud, boot, hints={"build_near_host_ip": "192.0.2.1"})
        assert said["sim-001"] == "its address 127.0.0.1 is not in 192.0.2.0/24"


def test_aggregates_are_for_projects_images_and_flavors(cloud: TestCloud, boot: Boot) -> None:
    only = {"hints": {"query": json.dumps(["=", "$host", "sim-001"])}}
    for metadata, reason in (
        ({"filter_tenant_id2": f"{cloud.other.project_id}, x"}, "its aggregate is for other projects"),
        ({"os_distro": "debian"}, None),
        ({"instance_type": "large,huge"}, "its aggregate is for the flavors huge, large"),
        ({"max_io_ops_per_host": "0"}, "0 I/O operations are under way on it, 0 are allowed"),
        ({"max_instances_per_host": "0"}, "it has 0 servers, 0 are allowed"),
    ):
        with _aggregate(cloud, "sim-001", **metadata):
            if reason is not None:
                assert _refusals(cloud, boot, **only)["sim-001"] == reason
            with _booted(cloud, boot) as host:
                assert host == "sim-002" or reason is None
    with _aggregate(cloud, "sim-001", filter_tenant_id=f"x,{cloud.demo.project_id}"), _booted(cloud, boot, **only) as host:
        assert host == "sim-001"
    with _aggregate(cloud, "sim-003", os_distro="debian,fedora"):
        said = _refusals(cloud, boot, imageRef=ISOLATED)
        assert said["sim-003"] == "its aggregates take images with os_distro of debian, fedora, not windows"


def _migrated(cloud: TestCloud, server_id: str) -> str | None:
    """Where a cold migration would take the server, which then goes back; None: nowhere."""
    assert cloud.admin.post("compute", f"/servers/{server_id}/action", {"migrate": None}).status_code == 202
    of_server = cloud.admin.get("compute", f"/os-migrations?instance_uuid={server_id}").json()["migrations"]
    latest = max(of_server, key=lambda migration: migration["id"])
    if latest["status"] == "error":
        return None
    wait_for(cloud.demo, server_id, "VERIFY_RESIZE")
    assert cloud.demo.post("compute", f"/servers/{server_id}/action", {"revertResize": None}).status_code == 202
    wait_for(cloud.demo, server_id, "ACTIVE")
    return latest["dest_compute"]


def test_what_a_server_was_made_with_holds_in_moves(cloud: TestCloud, boot: Boot) -> None:
    pair = {"sim-001", "sim-002"}
    with _booted(cloud, boot) as first:
        neighbour = cloud.demo.get("compute", "/servers?name=placed").json()["servers"][0]["id"]
        apart = boot("apart", hints={"different_host": [neighbour]})
        (second,) = pair - {first}
        assert (_host(cloud, apart), _migrated(cloud, apart["id"])) == (second, None)
    assert _migrated(cloud, apart["id"]) == first
    with _aggregate(cloud, first, filter_tenant_id=cloud.other.project_id):
        assert _migrated(cloud, apart["id"]) is None
    here = json.dumps(["=", "$host", second])
    asking, secret = boot("asking", hints={"query": here}), boot("secret", imageRef=ISOLATED)
    assert (_host(cloud, asking), _migrated(cloud, asking["id"])) == (second, None)
    assert (_host(cloud, secret), _migrated(cloud, secret["id"])) == ("sim-003", None)
    for server in (apart, asking, secret):
        cloud.demo.delete("compute", f"/servers/{server['id']}")
        wait_gone(cloud.demo, server["id"])


def test_groups_hold_in_moves(cloud: TestCloud, boot: Boot) -> None:
    # A lone server of an affine group is not let go of its host either: the group is where the server is.
    for policy, moves in (("affinity", False), ("anti-affinity", True)):
        body = {"server_group": {"name": "kept", "policy": policy}}
        group = cloud.demo.post("compute", "/os-server-groups", body, headers=at("2.64")).json()["server_group"]["id"]
        first = boot("member", hints={"group": group})
        assert (_migrated(cloud, first["id"]) is not None) is moves
        second = boot("member", hints={"group": group})
        assert (_host(cloud, first) == _host(cloud, second)) is not moves
        assert _migrated(cloud, second["id"]) is None
        for server in (first, second):
            cloud.demo.delete("compute", f"/servers/{server['id']}")
            wait_gone(cloud.demo, server["id"])


def test_aggregates_override_weights(cloud: TestCloud, boot: Boot) -> None:
    multipliers = {f"{name}_weight_multiplier": "-100" for name in ("ram", "cpu", "disk")}
    with _booted(cloud, boot) as first:
        (other,) = {"sim-001", "sim-002"} - {first}
        with _booted(cloud, boot) as second:
            assert second == other
        with _aggregate(cloud, other, **multipliers), _booted(cloud, boot) as second:
            assert second == first  # room counts against the emptier host


def test_a_host_has_only_so_many_servers(cloud: TestCloud, boot: Boot) -> None:
    servers = [boot(f"full-{number}") for number in range(4)]
    assert sorted(_host(cloud, each) for each in servers) == ["sim-001", "sim-001", "sim-002", "sim-002"]
    said = _refusals(cloud, boot)
    assert said == {
        "sim-001": "it has 2 servers, 2 are allowed",
        "sim-002": "it has 2 servers, 2 are allowed",
        "sim-003": "it is kept for other images",
    }
