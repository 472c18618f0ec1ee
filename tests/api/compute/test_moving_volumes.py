"""Volumes that servers have: they go to another back end of their host, and the servers go on with them there."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from guests import until
from waiting import at, wait_for

from clouds import Client, TestCloud
from monostack.agent.simulation import FaultRule
from monostack.protocol import Failure

HOST = "os-vol-host-attr:host"


@pytest.fixture(scope="module")
def cloud_settings() -> dict[str, Any]:
    return {"hosts": 2, "emulator.volume_pools": ["slow", "slower"]}


@pytest.fixture(scope="module", autouse=True)
def kinds(cloud: TestCloud) -> None:
    """A volume type for each back end."""
    for name in ("file", "slow", "slower"):
        body = {"volume_type": {"name": name, "extra_specs": {"volume_backend_name": name}}}
        assert cloud.admin.post("volume", "/types", body).status_code == 200
    shared = {"name": "shared", "extra_specs": {"multiattach": "<is> True", "pool_name": "<or> file <or> slow"}}
    assert cloud.admin.post("volume", "/types", {"volume_type": shared}).status_code == 200


@pytest.fixture
def faults(cloud: TestCloud) -> Iterator[Any]:
    yield cloud.app.faults
    cloud.app.faults.clear()


def shown(cloud: TestCloud, volume: Any) -> dict[str, Any]:
    return cloud.admin.get("volume", f"/volumes/{volume['id']}").json()["volume"]


def moved(cloud: TestCloud, volume: Any) -> tuple[str, str, str, str]:
    """How a move ended: its outcome, the volume's status, where it is in the rows and where in the storage."""
    while (now := shown(cloud, volume))["migration_status"] not in ("success", "error"):
        assert (now["migration_status"], now["status"]) in (("migrating", "in-use"), ("migrating", "retyping"), ("migrating", "available"))
    storage = next(iter(cloud.app.cloud.hosts._local.values())).agent.drivers.block.storage
    return now["migration_status"], now["status"], now[HOST].partition("#")[2], storage.pools.get(volume["id"], "file")


@pytest.fixture
def attached(cloud: TestCloud, boot: Callable[..., Any]) -> Callable[..., tuple[Any, str]]:
    """A volume and the server that has it."""

    def make(kind: str = "file", servers: int = 1) -> tuple[Any, str]:
        volume = create(cloud, volume_type=kind)
        for _ in range(servers):
            server = boot("s")["id"]
            body = {"volumeAttachment": {"volumeId": volume["id"]}}
            path = f"/servers/{server}/os-volume_attachments"
            assert cloud.demo.post("compute", path, body, headers=at("2.60")).status_code == 200
            until(lambda: shown(cloud, volume)["status"] == "in-use")
        return volume, server

    return make


def create(cloud: TestCloud, **body: Any) -> Any:
    made = cloud.demo.post("volume", "/volumes", {"volume": {"size": 1, **body}}).json()["volume"]
    until(lambda: shown(cloud, made)["status"] == "available")
    return made


def act(client: Client, volume: Any, name: str, body: dict[str, Any]) -> Any:
    return client.post("volume", f"/volumes/{volume['id']}/action", {name: body})


def place(cloud: TestCloud, volume: Any, pool: str) -> str:
    return f"{shown(cloud, volume)[HOST].partition('@')[0]}@{pool}#{pool}"


def test_back_ends_are_shown_and_chosen_by_types(cloud: TestCloud) -> None:
    pools = cloud.admin.get("volume", "/scheduler-stats/get_pools?detail=1").json()["pools"]
    assert {one["name"].partition("@")[2] for one in pools} == {"file#file", "slow#slow", "slower#slower"}
    assert all(one["capabilities"]["pool_name"] == one["name"].partition("#")[2] for one in pools)
    volume = create(cloud, volume_type="slow")
    host = shown(cloud, volume)[HOST]
    assert host.endswith("@slow#slow")
    for wanted, there in ((host, True), (host.partition("#")[0], True), (place(cloud, volume, "file"), False)):
        listed = cloud.admin.get("volume", f"/volumes?all_tenants=1&host={wanted.replace('#', '%23')}").json()["volumes"]
        assert (volume["id"] in {one["id"] for one in listed}) is there
    taken = cloud.demo.post("volume", "/snapshots", {"snapshot": {"volume_id": volume["id"]}}).json()["snapshot"]
    until(lambda: cloud.demo.get("volume", f"/snapshots/{taken['id']}").json()["snapshot"]["status"] == "available")
    copy = create(cloud, snapshot_id=taken["id"])
    assert shown(cloud, copy)[HOST] == host, "of the same type"
    capable = cloud.admin.get("volume", f"/capabilities/{host.replace('#', '%23')}").json()
    assert (capable["volume_backend_name"], capable["pool_name"]) == ("slow", "slow")


def test_an_attached_volume_moves(cloud: TestCloud, attached: Any) -> None:
    volume, server = attached()
    assert act(cloud.demo, volume, "os-migrate_volume", {"host": place(cloud, volume, "slow")}).status_code == 403
    refused = act(cloud.admin, volume, "os-migrate_volume", {"host": place(cloud, volume, "file")})
    assert (refused.status_code, "must be different than the current one" in refused.text) == (400, True)
    assert act(cloud.admin, volume, "os-migrate_volume", {"host": place(cloud, volume, "slow")}).status_code == 202
    assert moved(cloud, volume)[:1] == ("error",), "its type wants another back end"
    assert act(cloud.demo, volume, "os-retype", {"new_type": "slow", "migration_policy": "on-demand"}).status_code == 202
    assert moved(cloud, volume) == ("success", "in-use", "slow", "slow")
    now = shown(cloud, volume)
    assert (now["volume_type"], [one["server_id"] for one in now["attachments"]]) == ("slow", [server])


def test_it_stays_attached_while_it_moves(cloud: TestCloud, attached: Any, faults: Any) -> None:
    volume, server = attached("shared")
    here = shown(cloud, volume)[HOST].partition("#")[2]
    other = "slow" if here == "file" else "file"
    faults.add(FaultRule(command="volume.move", delay=1.0, times=1))
    assert act(cloud.admin, volume, "os-migrate_volume", {"host": place(cloud, volume, other)}).status_code == 202
    refused = cloud.demo.delete("compute", f"/servers/{server}/os-volume_attachments/{volume['id']}")
    assert (refused.status_code, "Unable to detach volume." in refused.text) == (400, True)
    assert cloud.demo.delete("compute", f"/servers/{server}").status_code == 204
    until(lambda: shown(cloud, volume)["status"] == "available")
    ended = moved(cloud, volume)
    assert ended in (("success", "available", other, other), ("error", "available", here, here)), "its server may have taken the guest away"


def test_a_failure_leaves_it_where_it_was(cloud: TestCloud, attached: Any, faults: Any) -> None:
    volume, server = attached("slow")
    faults.add(FaultRule(command="volume.move", error=Failure("host.disk_full", "no room"), when="after", times=1))
    assert act(cloud.demo, volume, "os-retype", {"new_type": "slower", "migration_policy": "on-demand"}).status_code == 202
    assert moved(cloud, volume) == ("error", "in-use", "slow", "slow")
    now = shown(cloud, volume)
    assert (now["volume_type"], [one["server_id"] for one in now["attachments"]]) == ("slow", [server])


def test_it_moves_whatever_its_server_does(cloud: TestCloud, attached: Any) -> None:
    volume, server = attached()
    for action, status, kind in (("pause", "PAUSED", "slow"), ("unpause", "ACTIVE", "file"), ("os-stop", "SHUTOFF", "slow")):
        assert cloud.demo.post("compute", f"/servers/{server}/action", {action: None}).status_code == 202
        wait_for(cloud.demo, server, status)
        assert act(cloud.demo, volume, "os-retype", {"new_type": kind, "migration_policy": "on-demand"}).status_code == 202
        assert moved(cloud, volume) == ("success", "in-use", kind, kind)
        act(cloud.admin, volume, "os-reset_status", {"migration_status": "none"})


def test_several_servers_cannot_follow(cloud: TestCloud, attached: Any) -> None:
    volume, _ = attached("shared", servers=2)
    here = shown(cloud, volume)[HOST].partition("#")[2]
    other = "slow" if here == "file" else "file"
    assert act(cloud.admin, volume, "os-migrate_volume", {"host": place(cloud, volume, other)}).status_code == 202
    assert moved(cloud, volume) == ("error", "in-use", here, here)
