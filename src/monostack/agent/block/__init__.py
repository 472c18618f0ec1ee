"""Volumes on a storage back end: what an agent needs of a driver (file, simulated)."""

from dataclasses import dataclass
from typing import Protocol

from monostack.agent.block.unmanaged import Unmanaged
from monostack.agent.errors import CommandError
from monostack.protocol.guests import ImageSource, VolumeConnection
from monostack.protocol.volumes import (
    POOL,
    BackupMade,
    BackupVolume,
    ConvertVolume,
    CreateVolume,
    ExportVolume,
    ExtendVolume,
    MoveVolume,
    RestoreVolume,
    SnapshotVolume,
    StoredVolumes,
    VolumePart,
)


@dataclass(frozen=True, slots=True)
class KeptIn:
    """Where volumes are. See protocol.envelope.Inventory."""

    backend: str = "file"
    pools: tuple[str, ...] = ()  # beside the pool `file`
    storage: str = ""

    def require(self, pool: str) -> None:
        """Raises CommandError for a pool that there is not."""
        if pool not in (POOL, *self.pools):
            raise CommandError("volume.no_pool", f"this host has no pool {pool}")


class BlockStorage(Protocol):
    """Keeps volumes and their snapshots. Every method is idempotent; what is half made is never seen under its own name.

    The caller runs at most one method per volume at a time. All raise CommandError.
    """

    kept_in: KeptIn
    unmanaged: Unmanaged

    async def cache(self, image: ImageSource) -> None:
        """Have the bits of an image on this host, for guests and volumes to come."""
        ...

    async def create(self, request: CreateVolume) -> VolumeConnection:
        """Make a volume, empty or from its source, and say how a host opens it."""
        ...

    async def receive(self, part: VolumePart) -> None:
        """Keep a part of a volume that comes from another host, until it is made or deleted."""
        ...

    async def delete(self, volume_id: str) -> None:
        """Nothing there is success; a volume that is open is an error."""
        ...

    async def extend(self, request: ExtendVolume) -> None:
        """Grow to at least the size asked for; never shrinks."""
        ...

    async def move(self, request: MoveVolume) -> None:
        """Bring a volume to another pool, also while a guest runs on it; nobody ever finds less in it than there was.

        Raises CommandError: `volume.no_pool`, and `volume.in_use` when another guest than the named one has it open.
        """
        ...

    async def convert(self, request: ConvertVolume) -> None:
        """Give a volume that no guest has open another format or key, or none."""
        ...

    async def snapshot(self, request: SnapshotVolume) -> None:
        """Copy the volume as it is at one moment, also while a guest writes to it."""
        ...

    async def delete_snapshot(self, snapshot_id: str) -> None:
        """Nothing there is success."""
        ...

    async def export(self, request: ExportVolume) -> None:
        """Write a volume that no guest has open as the bits of a new image."""
        ...

    async def backup(self, request: BackupVolume) -> BackupMade:
        """Back up the volume, or its snapshot, as it is at one moment."""
        ...

    async def restore(self, request: RestoreVolume) -> None:
        """Replace what is in a volume that no guest has open by a backup. The volume keeps its size."""
        ...

    async def delete_backup(self, backup_id: str) -> None:
        """Nothing there is success."""
        ...

    async def stored(self) -> StoredVolumes:
        """What is kept here, and how much room there is."""
        ...

    async def close(self) -> None: ...
