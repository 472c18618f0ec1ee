"""What holds of every cloud at rest, whatever happened before: what users see, what rows say and what hosts have is one and the same."""

from dataclasses import dataclass, field
from typing import Any

from monostack.protocol.network import tap_name
from users import User

# How the guest of a server is: one of these by the server's status.
GUESTS = {
    "ACTIVE": {"running"},
    "SHUTOFF": {"stopped"},
    "PAUSED": {"paused"},
    "SUSPENDED": {"stopped"},
    "RESCUE": {"running"},
    "VERIFY_RESIZE": {"running", "stopped"},
    "SHELVED": {"stopped"},
}
OFFLOADED = "SHELVED_OFFLOADED"  # on no host, but its volumes are reserved for it
SETTLED = {*GUESTS, OFFLOADED, "ERROR"}
VOLUME_SETTLED = {"available", "in-use", "reserved", "error", "error_deleting", "error_extending", "error_restoring"}
BACKUP_SETTLED = {"available", "error", "error_deleting"}
SNAPSHOT_SETTLED = {"available", "error", "error_deleting"}
IMAGE_SETTLED = {"active", "killed"}
MIGRATION_OPEN = {"pre-migrating", "migrating", "finished", "confirming", "reverting"}


@dataclass(frozen=True)
class Guest:
    """A guest as its host has it, with the ids of its volumes and ports."""

    state: str
    volumes: frozenset[str]
    ports: frozenset[str]


@dataclass(frozen=True)
class Migration:
    """A server on its way; its uuid holds what the server had on `source`."""

    uuid: str
    server_id: str
    source: str
    status: str


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
    files: dict[str, str]  # volumes that are kept somewhere, and in which pool
    # Of no interest where nobody makes any.
    snapshots: dict[str, dict[str, Any]] = field(default_factory=dict)
    snapshot_files: set[str] = field(default_factory=set)
    backups: dict[str, dict[str, Any]] = field(default_factory=dict)
    backup_files: set[str] = field(default_factory=set)
    images: list[dict[str, Any]] = field(default_factory=list)
    migrations: list[Migration] = field(default_factory=list)  # all there ever were

    @property
    def kept(self) -> dict[str, Migration]:
        """Migrations that wait for a word, by server."""
        return {each.server_id: each for each in self.migrations if each.status == "finished"}


def check(look: Look, user: User) -> None:
    """Fails with what does not agree, or is not as the user was told."""
    assert not look.operations, f"operations still under way: {look.operations}"
    lost = user.missing(look.servers.keys() | look.volumes.keys() | look.snapshots.keys() | look.backups.keys())
    assert not lost, f"lost: {lost}"
    for part in (
        _servers_settled, _migrations_settled, _guests_agree, _devices_agree, _allocations_agree, _ports_agree, _taps_agree, _volumes_agree,
        _snapshots_agree, _backups_agree, _images_settled,
    ):  # fmt: skip
        part(look)


def _servers_settled(look: Look) -> None:
    for server in look.servers.values():
        assert server["status"] in SETTLED and server["OS-EXT-STS:task_state"] is None, server
        if server["status"] == "ERROR":
            assert server["fault"]["message"], server


def _migrations_settled(look: Look) -> None:
    """Those whose server waits for its owner's word, also when it could not be deleted then, and no others."""
    waiting = {each.server_id for each in look.migrations if each.status in MIGRATION_OPEN}
    assert waiting == set(look.kept), look.migrations
    resized = {id for id, server in look.servers.items() if server["status"] == "VERIFY_RESIZE"}
    in_error = {id for id, server in look.servers.items() if server["status"] == "ERROR"}
    assert resized <= waiting <= resized | in_error, look.migrations


def _guests_agree(look: Look) -> None:
    found: set[str] = set()
    for host, guests in look.guests.items():
        for server_id, guest in guests.items():
            server = look.servers.get(server_id)
            assert server is not None, f"guest {server_id} on {host} has no server"
            if server["OS-EXT-SRV-ATTR:host"] == host:
                found.add(server_id)
                wanted = GUESTS.get(server["status"], {guest.state})
                assert guest.state in wanted, f"{server_id} is {server['status']}, its guest {guest.state}"
            else:
                former = look.kept.get(server_id)
                assert former is not None and former.source == host, f"{server_id} is on {host} too, not only on {server}"
                assert guest.state == "stopped", f"{server_id} runs on its former host {host} too"
    for server in look.servers.values():
        assert server["status"] in ("ERROR", OFFLOADED) or server["id"] in found, f"a server without a guest: {server}"


def _devices_agree(look: Look) -> None:
    for host, guests in look.guests.items():
        for server_id, guest in guests.items():
            server = look.servers[server_id]
            if server["status"] == "ERROR" or server["OS-EXT-SRV-ATTR:host"] != host:
                continue
            attached = {held["id"] for held in server["os-extended-volumes:volumes_attached"]}
            # One that is rescued has its root disk alone beside the one it boots from, whatever it was given before.
            had = (attached, set()) if server["status"] == "RESCUE" else (attached,)
            assert guest.volumes in had, f"guest {server_id} has the volumes {guest.volumes}, its server {attached}"
            ports = {port["id"] for port in look.ports if port["device_id"] == server_id}
            assert guest.ports == ports, f"guest {server_id} has the ports {guest.ports}, its server {ports}"


def _allocations_agree(look: Look) -> None:
    placed = {server["id"] for server in look.servers.values() if server["OS-EXT-SRV-ATTR:host"]}
    placed |= {each.uuid for each in look.kept.values()}
    assert look.allocations == placed, f"allocations {look.allocations ^ placed} do not agree with servers"


def _ports_agree(look: Look) -> None:
    for port in look.ports:
        assert port["device_owner"], f"port {port['id']} is left over: nobody here makes ports by hand"
        if port["device_owner"].startswith("compute:"):
            server = look.servers.get(port["device_id"])
            assert server is not None, f"port {port['id']} belongs to {port['device_id']}, which is gone"
            bound = port["binding:host_id"] or None
            assert bound == server["OS-EXT-SRV-ATTR:host"], f"port {port['id']} is not where its server is: {port}"
    for server in look.servers.values():
        if server["status"] != "ERROR":
            shown = {address["addr"] for network in server["addresses"].values() for address in network}
            given = {fixed["ip_address"] for port in look.ports if port["device_id"] == server["id"] for fixed in port["fixed_ips"]}
            assert shown == given, f"server {server['id']} shows {shown}, its ports have {given}"


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
    reserved = {volume["id"] for volume in look.volumes.values() if volume["status"] == "reserved"}
    for server in look.servers.values():
        held = {each["id"] for each in server["os-extended-volumes:volumes_attached"]}
        wanted = reserved if server["OS-EXT-SRV-ATTR:host"] is None else look.volumes.keys() - reserved
        assert held <= wanted, f"server {server['id']} is {server['status']}, of its volumes {held & reserved} are reserved"
        assert all(look.volumes[each]["status"] in ("in-use", "reserved") for each in held), server
        reserved -= held
    assert not reserved, f"volumes are reserved for nobody: {reserved}"
    wanted = {volume["id"] for volume in look.volumes.values() if volume["status"] in ("available", "in-use")}
    assert wanted <= look.files.keys(), f"volumes without a file: {wanted - look.files.keys()}"
    assert look.files.keys() <= set(look.volumes), f"files without a volume: {look.files.keys() - set(look.volumes)}"
    for volume_id in wanted:
        shown, pool = look.volumes[volume_id]["os-vol-host-attr:host"], look.files[volume_id]
        assert shown.endswith(f"#{pool}"), f"volume {volume_id} is in the pool {pool}, not at {shown}"


def _snapshots_agree(look: Look) -> None:
    for snapshot in look.snapshots.values():
        assert snapshot["status"] in SNAPSHOT_SETTLED, snapshot
        assert snapshot["volume_id"] in look.volumes, f"snapshot {snapshot['id']} is of a volume that is gone"
    wanted = {snapshot["id"] for snapshot in look.snapshots.values() if snapshot["status"] == "available"}
    assert wanted <= look.snapshot_files, f"snapshots without a file: {wanted - look.snapshot_files}"
    assert look.snapshot_files <= set(look.snapshots), f"files without a snapshot: {look.snapshot_files - set(look.snapshots)}"


def _backups_agree(look: Look) -> None:
    for backup in look.backups.values():
        assert backup["status"] in BACKUP_SETTLED, backup
    wanted = {backup["id"] for backup in look.backups.values() if backup["status"] == "available"}
    assert wanted <= look.backup_files, f"backups without a file: {wanted - look.backup_files}"
    assert look.backup_files <= set(look.backups), f"files without a backup: {look.backup_files - set(look.backups)}"


def _images_settled(look: Look) -> None:
    for image in look.images:
        assert image["status"] in IMAGE_SETTLED, image
