"""What a guest may read of itself, on the configuration drive and at 169.254.169.254. Source: Nova's metadata documents."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from monostack.db import Row, Transaction
from monostack.protocol.guests import InstanceMetadata
from monostack.services.compute.guests.disks import SWAP, local_disks
from monostack.services.compute.guests.network_data import network_data
from monostack.services.compute.hosts.known import known_hosts
from monostack.services.compute.servers import injected_files, table
from monostack.services.compute.servers import volumes as server_volumes
from monostack.services.network import facade as network

DOMAIN = "novalocal"  # of a guest's fully qualified name, as cloud-init shows it


def build(
    server: Row, ports: Sequence[network.PortInfo], volumes: Iterable[Row], zone: str, groups: Sequence[str], *, secret: bool
) -> InstanceMetadata:
    """`secret`: with the administrator's password and injected files, which only the configuration drive has."""
    hostname = server.hostname if "." in server.hostname else f"{server.hostname}.{DOMAIN}"
    meta_data: dict[str, Any] = {
        "uuid": server.id,
        "hostname": hostname,
        "name": server.name,
        "launch_index": server.launch_index,
        "availability_zone": zone,
        "project_id": server.project_id,
        "meta": server._mapping["metadata"],
        "devices": list(_devices(server, ports, volumes)),
        "dedicated_cpus": [],
    }
    if server.key_name is not None:
        kind = "x509" if (server.key_data or "").startswith("-----BEGIN") else "ssh"
        meta_data["public_keys"] = {server.key_name: server.key_data}
        meta_data["keys"] = [{"name": server.key_name, "type": kind, "data": server.key_data}]
    if secret and server.admin_pass:
        meta_data["admin_pass"] = server.admin_pass
    return InstanceMetadata(
        meta_data=meta_data, network_data=network_data(ports), ec2=_ec2(server, ports, volumes, hostname, zone, groups),
        user_data=server.user_data, files=injected_files.of(server) if secret else [],
    )


def _devices(server: Row, ports: Sequence[network.PortInfo], volumes: Iterable[Row]) -> Iterable[dict[str, Any]]:
    """What has a tag, so that a guest knows its devices by it. Its host adds where they are: their buses and addresses."""
    tags: Mapping[str, str] = server.devices or {}
    for port in ports:
        if port.id in tags:
            yield {"type": "nic", "mac": port.mac, "vf_trusted": False, "tags": [tags[port.id]]}
    for volume in volumes:
        if volume.tag:
            yield {"type": "disk", "serial": volume.volume_id, "tags": [volume.tag]}


def _ec2(
    server: Row, ports: Sequence[network.PortInfo], volumes: Iterable[Row], hostname: str, zone: str, groups: Sequence[str]
) -> dict[str, Any]:
    fixed = [ip for port in ports for ip in port.fixed_ips if ip.version == 4]
    floating = [address for ip in fixed for address in ip.floating_ips]
    tree: dict[str, Any] = {
        "ami-id": f"ami-{server.number:08x}",
        "ami-launch-index": str(server.launch_index),
        "ami-manifest-path": "FIXME",  # what EC2's own clients find in every OpenStack
        "block-device-mapping": _block_devices(server, volumes),
        "hostname": hostname,
        "instance-action": "none",
        "instance-id": f"i-{server.number:08x}",
        "instance-type": server.flavor["original_name"],
        "local-hostname": hostname,
        "local-ipv4": fixed[0].ip_address if fixed else "",
        "placement": {"availability-zone": zone},
        "public-hostname": hostname,
        "public-ipv4": floating[0] if floating else "",
        "reservation-id": server.reservation_id,
        "security-groups": list(groups),
    }
    if server.key_name is not None:
        tree["public-keys"] = {"0": {"_name": f"0={server.key_name}", "openssh-key": server.key_data}}
    return tree


def _block_devices(server: Row, volumes: Iterable[Row]) -> dict[str, str]:
    """The devices by EC2's names for them."""
    found = {"ami": "vda", "root": server.root_device or "/dev/vda"}
    ephemeral = [disk.device for disk in local_disks(server) if disk.guest_format != SWAP]
    found.update({f"ephemeral{number}": device for number, device in enumerate(ephemeral)})
    found.update((SWAP, disk.device) for disk in local_disks(server) if disk.guest_format == SWAP)
    found.update({f"ebs{number}": device for number, device in enumerate(sorted(volume.device for volume in volumes))})
    return found


def documents(tx: Transaction, server_ids: Sequence[str]) -> dict[str, InstanceMetadata]:
    """What these servers may read of themselves; servers that do not exist are missing. The network service sends it to hosts."""
    rows = tx.rows(table.BY_IDS, {"the_ids": list(server_ids)})
    ids = [row.id for row in rows]
    ports = network.ports_of(tx, ids) if ids else {}
    volumes = server_volumes.attached_to(tx, ids) if ids else {}
    groups = network.security_group_names(tx, ids) if ids else {}
    hosts = known_hosts(tx)
    return {
        row.id: build(
            row, ports.get(row.id, []), volumes.get(row.id, []), hosts.zone_of(row.host) or row.availability_zone or "",
            groups.get(row.id, []), secret=False,
        )
        for row in rows
    }  # fmt: skip
