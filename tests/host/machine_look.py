"""A look at a whole cloud on a real machine, and what has to hold there beyond what holds of every cloud."""

import json
import re
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import libvirt
import sqlalchemy as sa
from killed_cloud import KilledCloud

from invariants import Guest, Look, Migration
from monostack.agent.network.linux import nftables
from monostack.agent.network.linux.settings import BRIDGE, DHCP_PORT, ROUTER_PORT, TABLE, TAP, Settings, short
from monostack.protocol.network import bridge_name, tap_name
from users import COMPUTE, IMAGE, NETWORK, OTHER_POOL, VOLUME

OPERATIONS = "select workflow, state, step, error from operations where state in ('running', 'undoing')"
MIGRATIONS = "select uuid, server_id, source, status from server_migrations"
OLD_FLAVORS = "select uuid, old_flavor from server_migrations where status = 'finished'"
ENDED = "select workflow, state, coalesce(error, '') from operations where state not in ('running', 'undoing')"
ALLOCATED = "select consumer_uuid, resource_class, used from allocations"
MEMORY = {"1": 192, "2": 256}  # MiB of a flavor, see users.User.prepare
STATES = {libvirt.VIR_DOMAIN_RUNNING: "running", libvirt.VIR_DOMAIN_PAUSED: "paused", libvirt.VIR_DOMAIN_SHUTOFF: "stopped"}


def rows(cloud: KilledCloud, query: str) -> list[Any]:
    """Of the cloud's database, which may be in use."""
    engine = sa.create_engine(cloud.database_url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.text(query))]


async def look_at(cloud: KilledCloud) -> Look:
    host = (await cloud.all(f"{COMPUTE}/os-hypervisors", "hypervisors"))[0]["hypervisor_hostname"]
    return Look(
        operations=rows(cloud, OPERATIONS),
        servers={each["id"]: each for each in await cloud.all(f"{COMPUTE}/servers/detail", "servers")},
        snapshots={each["id"]: each for each in await cloud.all(f"{VOLUME}/snapshots/detail", "snapshots")},
        images=await cloud.all(f"{IMAGE}/images", "images"),
        migrations=[Migration(*row) for row in rows(cloud, MIGRATIONS)],
        volumes={each["id"]: each for each in await cloud.all(f"{VOLUME}/volumes/detail", "volumes")},
        backups={each["id"]: each for each in await cloud.all(f"{VOLUME}/backups/detail", "backups")},
        backup_files=_names(cloud, "backups"),
        ports=await cloud.all(f"{NETWORK}/ports", "ports"),
        allocations={row[0] for row in rows(cloud, ALLOCATED)},
        guests={host: _domains(cloud)},
        taps={host: {name for name in _links(cloud) if name.startswith(TAP)}},
        files=_volumes(cloud),
        snapshot_files=_names(cloud, "snapshots"),
    )


def _domains(cloud: KilledCloud) -> dict[str, Guest]:
    socket = cloud.inside.state_dir / "agent" / "libvirt" / "run" / "libvirt-sock-ro"
    with closing(libvirt.openReadOnly(f"qemu+unix:///system?socket={socket}")) as connection:
        try:
            return {domain.UUIDString(): _guest(domain) for domain in connection.listAllDomains()}
        except libvirt.libvirtError as error:
            raise AssertionError(f"a guest vanished while it was looked at: {error}") from None


def _guest(domain: Any) -> Guest:
    aliases = [alias.get("name", "") for alias in ElementTree.fromstring(domain.XMLDesc()).iterfind("devices/*/alias")]
    volumes, ports = ([alias.removeprefix(kind) for alias in aliases if alias.startswith(kind)] for kind in ("ua-volume-", "ua-port-"))
    return Guest(STATES.get(domain.state()[0], "other"), frozenset(volumes), frozenset(ports))


def _links(cloud: KilledCloud) -> set[str]:
    return {link["ifname"] for link in json.loads(cloud.inside.run("ip", "-j", "link").stdout)}


def _volumes(cloud: KilledCloud) -> dict[str, str]:
    """The pool that each is in. One that is in several is on its way."""
    pools = {"file": cloud.inside.state_dir / "agent" / "volumes", OTHER_POOL: cloud.other_pool}
    found = [(path.stem, pool) for pool, directory in pools.items() for path in directory.iterdir() if path.is_file()]
    assert len(found) == len(dict(found)), found
    assert list((cloud.inside.state_dir / "agent" / "moves").iterdir()) == []
    return dict(found)


def _names(cloud: KilledCloud, kind: str) -> set[str]:
    return {path.name.removesuffix(".qcow2") for path in (cloud.inside.state_dir / "agent" / kind).iterdir()}


async def check_machine(cloud: KilledCloud, look: Look) -> None:
    """What the machine has is what the cloud has asked it for, and what the cloud counts is what there is."""
    await _usage_agrees(cloud, look)
    _allocations_agree(cloud, look)
    _files_agree(cloud, look)
    _processes_agree(cloud, look)
    await _network_agrees(cloud, look)


async def _usage_agrees(cloud: KilledCloud, look: Look) -> None:
    compute = (await cloud.ask("GET", f"{COMPUTE}/limits")).json()["limits"]["absolute"]
    servers = look.servers.values()
    former = {each.server_id: MEMORY[flavor] for each, flavor in _kept(cloud, look)}
    memory = sum(max(MEMORY[server["flavor"]["id"]], former.get(server["id"], 0)) for server in servers)
    counted = {"totalInstancesUsed": len(servers), "totalCoresUsed": len(servers), "totalRAMUsed": memory}
    assert {name: compute[name] for name in counted} == counted
    volume = (await cloud.ask("GET", f"{VOLUME}/limits")).json()["limits"]["absolute"]
    kinds = {"Volumes": look.volumes, "Snapshots": look.snapshots, "Backups": look.backups}
    gigabytes = {kind: sum(each["size"] for each in found.values()) for kind, found in kinds.items()}
    counted = {f"total{kind}Used": len(found) for kind, found in kinds.items()}
    counted |= {"totalGigabytesUsed": gigabytes["Volumes"] + gigabytes["Snapshots"], "totalBackupGigabytesUsed": gigabytes["Backups"]}
    assert {name: volume[name] for name in counted} == counted


def _allocations_agree(cloud: KilledCloud, look: Look) -> None:
    """Each server has its flavor's share of the host, once; one that is resized also what it had."""
    found = Counter({(consumer, kind): used for consumer, kind, used in rows(cloud, ALLOCATED)})
    placed = [server for server in look.servers.values() if server["OS-EXT-SRV-ATTR:host"]]
    holders = [(server["id"], server["flavor"]["id"], server) for server in placed]
    holders += [(each.uuid, flavor, look.servers[each.server_id]) for each, flavor in _kept(cloud, look)]
    wanted = Counter({(holder, kind): used for holder, id, _ in holders for kind, used in (("VCPU", 1), ("MEMORY_MB", MEMORY[id]))})
    wanted.update({(holder, "DISK_GB"): 1 for holder, _, server in holders if server["image"]})
    assert found == wanted


def _kept(cloud: KilledCloud, look: Look) -> list[tuple[Migration, str]]:
    """Migrations that wait for a word, with the id of the flavor that would come back."""
    flavors = {uuid: json.loads(flavor)["id"] for uuid, flavor in rows(cloud, OLD_FLAVORS)}
    return [(each, flavors[each.uuid]) for each in look.kept.values()]


def _files_agree(cloud: KilledCloud, look: Look) -> None:
    directory = cloud.inside.state_dir / "agent"
    placed = {id for id, server in look.servers.items() if server["OS-EXT-SRV-ATTR:host"]}
    assert _names(cloud, "guests") == placed, "directories of guests do not agree with servers"
    for server_id in placed:
        kept = {path.name for path in (directory / "guests" / server_id).iterdir()}
        server = look.servers[server_id]
        wanted = {"console.log"} | ({"root.qcow2", "base.img"} if server["image"] else set())
        wanted |= {"rescue.qcow2", "rescue-base.img"} if server["status"] == "RESCUE" else set()
        wanted |= {"kept"} if server_id in look.kept else set()
        assert server["status"] == "ERROR" or kept - {"config.iso", "serial.sock"} == wanted, f"files of {server_id}: {kept}"
    unfinished = [path for path in directory.rglob(".*") if path.is_file()]
    assert unfinished == []


def _processes_agree(cloud: KilledCloud, look: Look) -> None:
    running = [line for line in cloud.inside.processes() if line.startswith("/usr/bin/qemu-system")]
    found = Counter(match[1] for line in running if (match := re.search(r" -uuid (\S+) ", line)))
    assert found == Counter(id for guests in look.guests.values() for id, guest in guests.items() if guest.state != "stopped")


async def _network_agrees(cloud: KilledCloud, look: Look) -> None:
    settings = Settings(Path("/nonexistent"))
    served = [network["id"] for network in await cloud.all(f"{NETWORK}/networks", "networks")]
    routers = [router["id"] for router in await cloud.all(f"{NETWORK}/routers", "routers")]
    inside = [port for port in look.ports if port["device_owner"].startswith("network:router")]
    links = {bridge_name(id) for id in served} | {DHCP_PORT + short(id) for id in served} | {ROUTER_PORT + short(p["id"]) for p in inside}
    found = {name for name in _links(cloud) if name.startswith((BRIDGE, DHCP_PORT, ROUTER_PORT))}
    assert found == links, f"links {found ^ links} do not agree with networks and routers"
    namespaces = {settings.dhcp_namespace(id) for id in served} | {settings.router_namespace(id) for id in routers}
    assert {line.split()[0] for line in cloud.inside.run("ip", "netns").stdout.splitlines()} == namespaces
    serving = [line for line in cloud.inside.processes() if "dnsmasq" in line and "--conf-file=" in line]
    assert len(serving) == len(served) and all(any(short(id) in line for line in serving) for id in served), serving
    filtered = set(re.findall(rf"{TAP}[0-9a-f]{{11}}", nftables.run(f"list table bridge {TABLE}")))
    plugged = [port for port in look.ports if port["device_owner"].startswith("compute:") and port["binding:host_id"]]
    assert filtered == {tap_name(port["id"]) for port in plugged}
