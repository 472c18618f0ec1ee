"""What holds once everything has come to rest, whatever happened before."""

from typing import Any

import sqlalchemy as sa
from client import COMPUTE, NETWORK, VOLUME
from world import World

ALLOCATED = sa.text("select consumer_uuid from allocations")
SETTLED = {"ACTIVE", "SHUTOFF", "ERROR"}
VOLUME_SETTLED = {"available", "in-use", "error", "error_deleting", "error_extending"}


async def check(world: World) -> None:
    servers = {s["id"]: s for s in (await _all(world, f"{COMPUTE}/servers/detail", "servers"))}
    await _operations_ended(world)
    _servers_settled(servers)
    _guests_agree(world, servers)
    await _allocations_agree(world, servers)
    await _ports_agree(world, servers)
    await _volumes_agree(world, servers)


async def _all(world: World, path: str, key: str) -> list[dict[str, Any]]:
    answer = await world.ask("GET", path)
    assert answer.status == 200, answer.content
    return answer.json()[key]


async def _operations_ended(world: World) -> None:
    from monostack.observe import _ACTIVE

    left = await world.app.db.read(lambda tx: [tuple(row) for row in tx.rows(_ACTIVE)])
    assert not left, f"operations still under way: {left}"


def _servers_settled(servers: dict[str, Any]) -> None:
    for server in servers.values():
        assert server["status"] in SETTLED and server["OS-EXT-STS:task_state"] is None, server
        if server["status"] == "ERROR":
            assert server["fault"]["message"], server


def _guests_agree(world: World, servers: dict[str, Any]) -> None:
    guests: dict[str, str] = {}
    for host, agent in world.agents.items():
        for server_id, guest in agent.drivers.hypervisor.known.items():
            assert server_id not in guests, f"{server_id} runs on {host} and {guests[server_id]}"
            guests[server_id] = host
            assert server_id in servers, f"guest {server_id} on {host} has no server"
            wanted = {"ACTIVE": "running", "SHUTOFF": "stopped"}.get(servers[server_id]["status"], guest.state)
            assert guest.state == wanted, f"{server_id} is {servers[server_id]['status']}, its guest {guest.state}"
    for server in servers.values():
        if server["status"] in ("ACTIVE", "SHUTOFF"):
            assert guests.get(server["id"]) == server["OS-EXT-SRV-ATTR:host"], server


async def _allocations_agree(world: World, servers: dict[str, Any]) -> None:
    rows = await world.app.db.read(lambda tx: tx.rows(ALLOCATED))
    placed = {s["id"] for s in servers.values() if s["OS-EXT-SRV-ATTR:host"]}
    assert {row[0] for row in rows} == placed, f"allocations {({row[0] for row in rows}) ^ placed} do not agree with servers"


async def _ports_agree(world: World, servers: dict[str, Any]) -> None:
    for port in await _all(world, f"{NETWORK}/ports", "ports"):
        if port["device_owner"].startswith("compute:"):
            assert port["device_id"] in servers, f"port {port['id']} belongs to {port['device_id']}, which is gone"
    for server in servers.values():
        if server["status"] == "ACTIVE":
            assert sum(len(a) for a in server["addresses"].values()) == 1, server["addresses"]


async def _volumes_agree(world: World, servers: dict[str, Any]) -> None:
    volumes = {v["id"]: v for v in await _all(world, f"{VOLUME}/volumes/detail", "volumes")}
    for volume in volumes.values():
        assert volume["status"] in VOLUME_SETTLED, volume
        attached = {a["server_id"] for a in volume["attachments"]}
        assert (volume["status"] == "in-use") == bool(attached), volume
        assert attached <= set(servers), f"volume {volume['id']} is attached to a server that is gone"
    for server in servers.values():
        for held in server["os-extended-volumes:volumes_attached"]:
            assert volumes[held["id"]]["status"] == "in-use", volumes[held["id"]]
    kept = set(world.storage.volumes)
    wanted = {v["id"] for v in volumes.values() if v["status"] in ("available", "in-use")}
    assert wanted <= kept, f"volumes without a file: {wanted - kept}"
    assert kept <= set(volumes), f"files without a volume: {kept - set(volumes)}"
