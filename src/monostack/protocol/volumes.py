"""Commands about volumes (`volume.*`): files or images on a storage backend that the agent serves.

| command                | args            | result                          |
|------------------------|-----------------|---------------------------------|
| volume.create          | CreateVolume    | {"connection": VolumeConnection} |
| volume.receive         | VolumePart      | {} a part of a volume that another host exported; `volume.create` makes it |
| volume.delete          | VolumeRef       | {} also when there is nothing    |
| volume.extend          | ExtendVolume    | {} also while attached to running guests (server_ids given) |
| volume.move            | MoveVolume      | {} once the volume is in another pool of the host, also while a running guest has it |
| volume.convert         | ConvertVolume   | {} once the volume has the format, and no key opens it but the new one |
| volume.snapshot        | SnapshotVolume  | {} a point-in-time copy, also while attached to a running guest |
| volume.delete_snapshot | SnapshotRef     | {}                              |
| volume.export          | ExportVolume    | {} once `image.read` gives the bits of the new image |
| volume.backup          | BackupVolume    | BackupMade                      |
| volume.restore         | RestoreVolume   | {} the volume holds what the backup does |
| volume.delete_backup   | BackupRef       | {} also when there is nothing   |
| volume.list            | {}              | StoredVolumes                   |
| volume.manage          | UnmanagedVolume | Managed: an unmanaged file has become the volume |
| volume.unmanage        | UnmanagedVolume | {} the volume's file is an unmanaged one; also when there is nothing |
| volume.manage_snapshot, volume.unmanage_snapshot | UnmanagedSnapshot | likewise |
| volume.list_unmanaged  | PoolRef         | UnmanagedFiles                  |
"""

import msgspec

from monostack.protocol.guests import ImageSource, VolumeKey

POOL = "file"  # the pool that every host has: where it keeps volumes if it is not told of others


class CreateVolume(msgspec.Struct):
    """At most one source is given; without one the volume is empty."""

    volume_id: str
    size_gib: int
    image: ImageSource | None = None
    snapshot_id: str | None = None
    source_volume_id: str | None = None
    source_server_id: str | None = None  # the guest that has the source volume open
    received: bool = False  # from what `volume.receive` has brought, which the key opens already
    key: VolumeKey | None = None  # the volume is to be encrypted
    source_key: VolumeKey | None = None  # of the snapshot, the source volume or the image, which is a LUKS device then
    format: str = "qcow2"  # of the volume's file: see VolumeConnection
    pool: str = POOL


class VolumePart(msgspec.Struct):
    """Part of a qcow2 image on its way from another host. The first one makes what came before worthless."""

    volume_id: str
    offset: int
    data: bytes


class VolumeRef(msgspec.Struct):
    volume_id: str


class ExtendVolume(msgspec.Struct):
    volume_id: str
    size_gib: int
    server_ids: list[str] = []  # the guests that may have it open
    key: VolumeKey | None = None


class MoveVolume(msgspec.Struct):
    """Bring a volume to another pool of its host, where a running guest goes on with it. One that is there already stays."""

    volume_id: str
    pool: str
    server_id: str | None = None  # the guest that may have it open
    key: VolumeKey | None = None


class ConvertVolume(msgspec.Struct):
    """Give a volume another key or another format. Without a key it is not encrypted, or is not to be any more."""

    volume_id: str
    key: VolumeKey | None = None
    new_key: VolumeKey | None = None
    format: str = "qcow2"  # that it is to have then


class SnapshotVolume(msgspec.Struct):
    volume_id: str
    snapshot_id: str
    server_id: str | None = None  # the guest that has it open
    key: VolumeKey | None = None  # of the volume; it opens the snapshot, too


class ExportVolume(msgspec.Struct):
    volume_id: str
    image_id: str
    disk_format: str  # raw, qcow2, vmdk, vdi, vhd, vhdx, ploop
    key: VolumeKey | None = None  # of the volume
    image_key: VolumeKey | None = None  # is to open the image: a qcow2 one, or a raw one that is a LUKS device then


class BackupVolume(msgspec.Struct):
    """Of the volume as it is now, or of its snapshot; with a parent only what has changed since then."""

    backup_id: str
    volume_id: str
    snapshot_id: str | None = None
    parent_id: str | None = None
    server_id: str | None = None  # the guest that has the volume open
    key: VolumeKey | None = None  # of the volume; it opens the backup, too


class BackupMade(msgspec.Struct):
    objects: int  # what the backup itself keeps


class RestoreVolume(msgspec.Struct):
    backup_id: str
    volume_id: str
    key: VolumeKey | None = None  # of the volume
    backup_key: VolumeKey | None = None


class BackupRef(msgspec.Struct):
    backup_id: str


class SnapshotRef(msgspec.Struct):
    snapshot_id: str


class PoolRoom(msgspec.Struct):
    capacity_gib: int
    free_gib: int


class StoredVolumes(msgspec.Struct):
    """What a back end keeps, and how much room each of its pools has."""

    volumes: list[str]
    snapshots: list[str]
    pools: dict[str, PoolRoom]
    backups: list[str] = []


def volume_name(volume_id: str) -> str:
    """What a volume's file is called once nobody manages it any more."""
    return f"volume-{volume_id}"


def snapshot_name(snapshot_id: str) -> str:
    """Likewise a snapshot's."""
    return f"_snapshot-{snapshot_id}"


class UnmanagedVolume(msgspec.Struct):
    """A volume, what its file is called while it is not managed, and the pool that it is in then, as the volume is."""

    volume_id: str
    name: str
    pool: str = POOL


class UnmanagedSnapshot(msgspec.Struct):
    """A snapshot, what its file is called while it is not managed, and what the file of its volume is called then."""

    snapshot_id: str
    volume_name: str
    name: str


class Managed(msgspec.Struct):
    size_gib: int  # the next whole one, to which a file of another size has been grown


class UnmanagedFile(msgspec.Struct):
    name: str
    size_gib: int
    unfit: str | None = None  # why it cannot become a volume or snapshot
    volume_name: str = ""  # of a snapshot: of what it is one


class PoolRef(msgspec.Struct):
    """A pool of the host."""

    pool: str = POOL


class UnmanagedFiles(msgspec.Struct):
    """What there is of a pool that no volume and no snapshot is."""

    volumes: list[UnmanagedFile]
    snapshots: list[UnmanagedFile]
