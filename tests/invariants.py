"""What holds of every cloud at rest, whatever happened before: what users see, what rows say and what hosts have is one and the same."""

from dataclasses import dataclass
from typing import Any

from monostack.protocol.network import tap_name
from users import User

SETTLED = {"ACTIVE", "SHUTOFF", "ERROR"}
VOLUME_SETTLED = {"available", "in-use", "error", "error_deleting", "error_extending"}


@dataclass(frozen=True)
class Guest:
    """A guest as its host has it, with the ids of its volumes and ports."""

    state: str
    volumes: frozenset[str]
    ports: frozenset[str]


@dataclass(frozen=True)
class Look:
    """One look at a whole cloud."""

    operations: list[Any]  # those under way
    servers: dict[str, dict[str, Any]]  # these three as the API shows them to an administrator
    volumes: dict[str, dict[str, Any]]
    ports: list[dict[str, Any]]
    allocations: set[str]  # who has some
    guests: dict[str, dict[str, Guest]]  # of each host, by server
    taps: dict[str, set[str]]  # of each host
    files: set[str]  # volumes that are kept somewhere


def check(look: Look, user: User) -> None:
    """Fails with what does not agree, or is not as the user was told."""
    assert not look.operations, f"operations still under way: {look.operations}"
    lost = user.missing(look.servers.keys() | look.volumes.keys())
    assert not lost, f"lost: {lost}"
    for part in (_servers_settled, _guests_agree, _devices_agree, _allocations_agree, _ports_agree, _taps_agree, _volumes_agree):
        part(look)


def _servers_settled(look: Look) -> None:
    for server in look.servers.values():
        assert server["status"] in SETTLED and server["OS-EXT-STS:task_state"] is None, server
        if server["status"] == "ERROR":
            assert server["fault"]["message"], server


def _guests_agree(look: Look) -> None:
    found: dict[str, str] = {}
    for host, guests in look.guests.items():
        for server_id, guest in guests.items():
            assert server_id not in found, f"{server_id} runs on {host} and {found[server_id]}"
            found[server_id] = host
            assert server_id in look.servers, f"guest {server_id} on {host} has no server"
            wanted = {"ACTIVE": "running", "SHUTOFF": "stopped"}.get(look.servers[server_id]["status"], guest.state)
            assert guest.state == wanted, f"{server_id} is {look.servers[server_id]['status']}, its guest {guest.state}"
    for server in look.servers.values():
        if server["status"] in ("ACTIVE", "SHUTOFF"):
            assert found.get(server["id"]) == server["OS-EXT-SRV-ATTR:host"], server


def _devices_agree(look: Look) -> None:
    for guests in look.guests.values():
        for server_id, guest in guests.items():
            server = look.servers[server_id]
            if server["status"] == "ERROR":
                continue
            attached = {held["id"] for held in server["os-extended-volumes:volumes_attached"]}
            assert guest.volumes == attached, f"guest {server_id} has the volumes {guest.volumes}, its server {attached}"
            ports = {port["id"] for port in look.ports if port["device_id"] == server_id}
            assert guest.ports == ports, f"guest {server_id} has the ports {guest.ports}, its server {ports}"


def _allocations_agree(look: Look) -> None:
    placed = {server["id"] for server in look.servers.values() if server["OS-EXT-SRV-ATTR:host"]}
    assert look.allocations == placed, f"allocations {look.allocations ^ placed} do not agree with servers"


def _ports_agree(look: Look) -> None:
    for port in look.ports:
        assert port["device_owner"], f"port {port['id']} is left over: nobody here makes ports by hand"
        if port["device_owner"].startswith("compute:"):
            server = look.servers.get(port["device_id"])
            assert server is not None, f"port {port['id']} belongs to {port['device_id']}, which is gone"
            assert port["binding:host_id"] == server["OS-EXT-SRV-ATTR:host"], f"port {port['id']} is not where its server is: {port}"
    for server in look.servers.values():
        if server["status"] == "ACTIVE":
            assert sum(len(each) for each in server["addresses"].values()) == 1, server["addresses"]


def _taps_agree(look: Look) -> None:
    for host, taps in look.taps.items():
        wanted = {tap_name(port["id"]) for port in _of_servers(look) if port["binding:host_id"] == host}
        assert taps == wanted, f"host {host} has the taps {taps}, its ports want {wanted}"


def _of_servers(look: Look) -> list[dict[str, Any]]:
    return [port for port in look.ports if port["device_owner"].startswith("compute:")]


def _volumes_agree(look: Look) -> None:
    for volume in look.volumes.values():
        assert volume["status"] in VOLUME_SETTLED, volume
        attached = {attachment["server_id"] for attachment in volume["attachments"]}
        assert (volume["status"] == "in-use") == bool(attached), volume
        assert attached <= set(look.servers), f"volume {volume['id']} is attached to a server that is gone"
    for server in look.servers.values():
        for held in server["os-extended-volumes:volumes_attached"]:
            assert look.volumes[held["id"]]["status"] == "in-use", look.volumes[held["id"]]
    wanted = {volume["id"] for volume in look.volumes.values() if volume["status"] in ("available", "in-use")}
    assert wanted <= look.files, f"volumes without a file: {wanted - look.files}"
    assert look.files <= set(look.volumes), f"files without a volume: {look.files - set(look.volumes)}"
