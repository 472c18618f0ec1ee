"""The guest that a server is on its host, read from the database whenever a command needs it."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from monostack.core.errors import Fault
from monostack.db import Row, Transaction
from monostack.operations import StepError
from monostack.protocol.guests import GuestDevices, GuestNic, GuestSpec, GuestVolume, ImageSource, RootDisk
from monostack.services.compute import tpm
from monostack.services.compute.guests import metadata
from monostack.services.compute.guests.disks import SWAP, local_disks
from monostack.services.compute.hardware import Contradiction, devices_of, guest_nodes, of_server
from monostack.services.compute.hosts.known import known_hosts
from monostack.services.compute.servers import table
from monostack.services.compute.servers import volumes as server_volumes
from monostack.services.image import facade as image
from monostack.services.network import facade as network
from monostack.services.volume import facade as volume

if TYPE_CHECKING:
    from monostack.cloud import Cloud

KNOB = "monostack:"  # prefix of the metadata by which users of the emulator ask for delays and faults
_HARDWARE = ("hw_", "os_", "hw:")
_LARGE = ("mappings", "block_device_mapping")  # properties that describe disks, and are read before there is a server


def spec_of(tx: Transaction, cloud: "Cloud", server_id: str) -> GuestSpec:
    """Raises StepError when the server is gone, or a thing it needs is."""
    server = table.get(tx, server_id)
    if server is None or server.host is None:
        raise StepError(f"Server {server_id} does not exist any more, or has no host.", kind="cancelled")
    ports = network.ports_of(tx, [server_id]).get(server_id, [])
    volumes = server_volumes.attached_to(tx, [server_id]).get(server_id, [])
    local = local_disks(server)
    hosts = known_hosts(tx)
    host = hosts.by_name.get(server.host)
    groups = network.security_group_names(tx, [server_id]).get(server_id, [])
    zone = hosts.zone_of(server.host) or server.availability_zone or ""
    return GuestSpec(
        server_id=server.id,
        name=table.instance_name(server.number),
        hostname=server.hostname,
        vcpus=server.flavor["vcpus"],
        memory_mib=server.flavor["ram"],
        root=None if any(row.boot_index == 0 for row in volumes) else _root(tx, cloud, server),
        volumes=[guest_volume(tx, cloud, row) for row in volumes],
        nics=[nic(port, server.image) for port in ports],
        config_drive=server.config_drive,
        metadata=metadata.build(server, ports, volumes, zone, groups, secret=True),
        ephemeral_gib=[disk.size for disk in local if disk.guest_format != SWAP],
        swap_mib=next((disk.size for disk in local if disk.guest_format == SWAP), 0),
        properties=_properties(server),
        tpm=tpm.for_guest(cloud, server),
        numa_nodes=guest_nodes(of_server(server), host.numa_cells if host is not None else (), server.number),
        devices=_devices(server),
        faults=_faults(server._mapping["metadata"]) if host is not None and host.accelerator == "simulated" else {},
    )


def nic(port: network.PortInfo, image_info: Mapping[str, Any] | None) -> GuestNic:
    model = ((image_info or {}).get("properties") or {}).get("hw_vif_model", "virtio")
    return GuestNic(port_id=port.id, mac=port.mac, tap=port.tap, mtu=port.mtu, model=model)


def guest_volume(tx: Transaction, cloud: "Cloud", row: Row) -> GuestVolume:
    """Raises StepError when the volume is gone."""
    connection = volume.connection(tx, cloud, row.volume_id)
    if connection is None:
        raise StepError(f"Volume {row.volume_id} could not be found.", kind="volume")
    return GuestVolume(
        volume_id=row.volume_id,
        attachment_id=row.attachment_id,
        device=row.device.removeprefix("/dev/"),
        connection=connection,
        boot_index=row.boot_index,
        bus=row.bus,
    )


def _root(tx: Transaction, cloud: "Cloud", server: Row) -> RootDisk | None:
    """The local root disk. Once it exists the host does not need the image any more, so a deleted one is no error."""
    if not server.image_id:
        return None
    try:
        source = image_source(tx, cloud, server.shelved_image_id or server.image_id)
    except StepError:
        if server.launched_at is None or server.shelved_image_id is not None:
            raise
        kept = server.image
        source = ImageSource(kept["id"], kept["disk_format"], kept["size"], kept["sha512"], kept["virtual_size"])
    return RootDisk(image=source, size_gib=server.flavor["disk"])


def image_source(tx: Transaction, cloud: "Cloud", image_id: str) -> ImageSource:
    """Where a host gets an image from. Raises StepError when it cannot be had."""
    try:
        return image.source(tx, cloud, image_id)
    except Fault as fault:
        raise StepError(fault.message, kind="image") from None


def _properties(server: Row) -> dict[str, str]:
    kept: Mapping[str, Any] = (server.image or {}).get("properties") or {}
    found = {name: str(value) for name, value in kept.items() if name.startswith(_HARDWARE)}
    return found | {name: value for name, value in server.flavor["extra_specs"].items() if name.startswith("hw:")}


def _devices(server: Row) -> GuestDevices:
    """Raises StepError for what no host has."""
    try:
        return devices_of(of_server(server))
    except Contradiction as cause:
        raise StepError(cause.message, kind="hardware") from None


def _faults(given: Mapping[str, str]) -> dict[str, Any]:
    """`monostack:boot_delay = 3` in a server's metadata: its guest takes three seconds to boot, on a simulated host."""
    return {name.removeprefix(KNOB): value for name, value in given.items() if name.startswith(KNOB)}


def kept_of(source: ImageSource | None, found: image.ImageInfo | None, properties: Mapping[str, Any], root_gib: int) -> dict[str, Any]:
    """What a server keeps of its image: enough to run on when the image is gone, and what its snapshots inherit."""
    kept: dict[str, Any] = {"properties": {name: str(value)[:255] for name, value in properties.items() if name not in _LARGE}}
    if found is not None:
        kept.update(
            min_ram=found.min_ram, min_disk=max(found.min_disk, root_gib), declared_format=found.disk_format,
            container_format=found.container_format,
        )  # fmt: skip
    if source is not None:
        kept.update(
            id=source.id, disk_format=source.disk_format, size=source.size, sha512=source.sha512, virtual_size=source.virtual_size
        )
    return kept


def tags_of(nics: Sequence[tuple[str, str | None]]) -> dict[str, str] | None:
    """The tags of NICs by port."""
    return {port_id: tag for port_id, tag in nics if tag} or None
