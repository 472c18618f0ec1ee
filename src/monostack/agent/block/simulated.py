"""Volumes without bits: keeps which there are and how large."""

import hashlib
from collections.abc import Sequence
from typing import Any

from monostack.agent.block import KeptIn, luks
from monostack.agent.block.empty_qcow2 import empty_qcow2
from monostack.agent.block.incoming import check_order
from monostack.agent.block.outgoing import check_part, no_such_image
from monostack.agent.block.simulated_unmanaged import SimulatedUnmanaged
from monostack.agent.block.unmanaged import Unmanaged
from monostack.agent.errors import CommandError
from monostack.core import ids
from monostack.protocol.guests import ImageSource, VolumeConnection, VolumeKey
from monostack.protocol.images import ImagePart, ReadImage
from monostack.protocol.volumes import (
    POOL,
    BackupMade,
    BackupVolume,
    ConvertVolume,
    CreateVolume,
    ExportVolume,
    ExtendVolume,
    MoveVolume,
    PoolRoom,
    RestoreVolume,
    SnapshotVolume,
    StoredVolumes,
    VolumePart,
)

GIB = 1 << 30


class SimulatedStorage:
    """What a set of simulated hosts stores together, as hosts on one storage cluster do."""

    def __init__(self, capacity_gib: int = 1_000_000) -> None:
        self.id = ids.new_uuid()
        self.capacity_gib = capacity_gib
        self.volumes: dict[str, int] = {}  # size in GiB by id
        self.pools: dict[str, str] = {}  # of volumes that are in another pool than the one that every host has
        self.snapshots: dict[str, int] = {}
        self.backups: dict[str, int] = {}
        self.received: dict[str, int] = {}  # bytes of volumes on their way from other hosts
        self.unmanaged: dict[tuple[str, str], int] = {}  # files that no volume is: size in GiB by pool and name
        self.unmanaged_snapshots: dict[tuple[str, str], int] = {}  # by name of the volume's file and their own
        self.holders: dict[str, list[str]] = {}  # the running guests that have a volume open
        self.shared: set[str] = set()  # volumes that several guests may have open
        self.travelling: dict[str, Any] = {}  # guests on their way from one host to another, by server
        self.kept: dict[str, int] = {}  # size in bytes of the root disk of guests that are being resized, by server
        self.kept_tpms: dict[str, dict[str, str]] = {}  # what opens their TPMs, by version

        self.locks: dict[str, str] = {}  # the passphrase of what is encrypted, by the id of the volume, snapshot or backup

    def share(self, volume_id: str, disk_format: str) -> None:
        """Let several guests have a raw volume open, and one of another format only one."""
        self.shared.discard(volume_id)
        if disk_format == "raw":
            self.shared.add(volume_id)

    def put(self, volume_id: str, pool: str) -> None:
        """Keep a volume in this pool."""
        self.pools.pop(volume_id, None)
        if pool != POOL:
            self.pools[volume_id] = pool

    def hold(self, volume_id: str, server_id: str) -> None:
        """A guest opens a volume. Raises CommandError when another has it open, unless they may share it."""
        holders = self.holders.setdefault(volume_id, [])
        if holders and server_id not in holders and volume_id not in self.shared:
            raise CommandError("volume.in_use", f"volume {volume_id} is open in the running server {holders[0]}", retry=True)
        if server_id not in holders:
            holders.append(server_id)

    def let_go(self, volume_id: str, server_id: str) -> None:
        """A guest closes a volume. One that it has not open is success."""
        left = [holder for holder in self.holders.pop(volume_id, []) if holder != server_id]
        if left:
            self.holders[volume_id] = left

    def lock(self, id: str, key: VolumeKey | None) -> None:
        """Encrypt what has just been made. Raises CommandError for a cipher that no host has."""
        if key is not None:
            luks.require_known(key)
            self.locks[id] = key.passphrase

    def opens(self, id: str, key: VolumeKey | None) -> bool:
        """Does the key open it? None opens what is not encrypted."""
        return self.locks.get(id) == (key.passphrase if key is not None else None)

    def unlock(self, id: str, key: VolumeKey | None) -> None:
        """Raises CommandError unless the key opens it."""
        if not self.opens(id, key):
            raise CommandError("volume.key", f"the key that the command has does not open {id}")

    def free_gib(self) -> int:
        kept = (self.volumes, self.snapshots, self.unmanaged, self.unmanaged_snapshots)
        return self.capacity_gib - sum(sum(sizes.values()) for sizes in kept)


class SimulatedBlock:
    """Block driver of a simulated host. What is open in a running guest can be neither deleted nor copied behind its back."""

    def __init__(self, storage: SimulatedStorage, outgoing: "SimulatedOutgoing", backend: str = "file", pools: Sequence[str] = ()) -> None:
        self.storage = storage
        self.kept_in = KeptIn(backend, tuple(pools), storage.id)
        self.cached: dict[str, int] = {}  # images on this host: bytes by id
        self.unmanaged: Unmanaged = SimulatedUnmanaged(storage, self.kept_in)
        self._outgoing = outgoing

    async def cache(self, image: ImageSource) -> None:
        if image.disk_format not in ("raw", "qcow2"):
            raise CommandError("image.format", f"image {image.id} has the disk format {image.disk_format}: this host takes raw and qcow2")
        self.cached[image.id] = image.size

    async def create(self, request: CreateVolume) -> VolumeConnection:
        storage = self.storage
        self.kept_in.require(request.pool)
        if request.volume_id not in storage.volumes:
            needed, source = self._source(request)
            if needed > request.size_gib:
                raise CommandError("volume.too_small", f"{source} needs {needed} GiB, the volume has {request.size_gib}")
            self._require_room(request.size_gib)
            storage.lock(request.volume_id, request.key)
            storage.volumes[request.volume_id] = request.size_gib
            storage.put(request.volume_id, request.pool)
            storage.share(request.volume_id, request.format)
            storage.received.pop(request.volume_id, None)
        return VolumeConnection(driver="simulated", path=f"simulated/{request.volume_id}", format=request.format)

    def _source(self, request: CreateVolume) -> tuple[int, str]:
        """How large the source is in GiB, and what it is called."""
        storage = self.storage
        if request.image is not None:
            _require_opens(request.image, request.source_key)
            return -(-(request.image.virtual_size or request.image.size) // GIB), f"image {request.image.id}"
        if request.snapshot_id is not None:
            storage.unlock(request.snapshot_id, request.source_key)
            return _known(storage.snapshots, request.snapshot_id, "snapshot"), f"snapshot {request.snapshot_id}"
        if request.source_volume_id is not None:
            self._require_reachable(request.source_volume_id, request.source_server_id)
            storage.unlock(request.source_volume_id, request.source_key)
            return _known(storage.volumes, request.source_volume_id, "volume"), f"volume {request.source_volume_id}"
        if request.received:
            _known(storage.received, request.volume_id, "volume")
        return 0, ""

    async def receive(self, part: VolumePart) -> None:
        have = 0 if part.offset == 0 else self.storage.received.get(part.volume_id, 0)
        check_order(part, have)
        self.storage.received[part.volume_id] = max(have, part.offset + len(part.data))

    async def delete(self, volume_id: str) -> None:
        self._require_reachable(volume_id, None)
        self.storage.received.pop(volume_id, None)
        self.storage.volumes.pop(volume_id, None)
        self.storage.put(volume_id, POOL)
        self.storage.locks.pop(volume_id, None)
        self.storage.shared.discard(volume_id)

    async def extend(self, request: ExtendVolume) -> None:
        size = _known(self.storage.volumes, request.volume_id, "volume")
        self._require_reachable(request.volume_id, *request.server_ids)
        self.storage.unlock(request.volume_id, request.key)
        self._require_room(max(0, request.size_gib - size))
        self.storage.volumes[request.volume_id] = max(size, request.size_gib)

    async def move(self, request: MoveVolume) -> None:
        size = _known(self.storage.volumes, request.volume_id, "volume")
        self.kept_in.require(request.pool)
        self._require_reachable(request.volume_id, request.server_id)
        self.storage.unlock(request.volume_id, request.key)
        if self.storage.pools.get(request.volume_id, POOL) != request.pool:
            self._require_room(size)
            self.storage.put(request.volume_id, request.pool)

    async def convert(self, request: ConvertVolume) -> None:
        _known(self.storage.volumes, request.volume_id, "volume")
        self._require_reachable(request.volume_id, None)
        self.storage.share(request.volume_id, request.format)
        if not self.storage.opens(request.volume_id, request.new_key):
            self.storage.unlock(request.volume_id, request.key)
            self.storage.locks.pop(request.volume_id, None)
            self.storage.lock(request.volume_id, request.new_key)

    async def snapshot(self, request: SnapshotVolume) -> None:
        if request.snapshot_id in self.storage.snapshots:
            return
        size = _known(self.storage.volumes, request.volume_id, "volume")
        self._require_reachable(request.volume_id, request.server_id)
        self.storage.unlock(request.volume_id, request.key)
        self._require_room(size)
        self.storage.lock(request.snapshot_id, request.key)
        self.storage.snapshots[request.snapshot_id] = size

    async def delete_snapshot(self, snapshot_id: str) -> None:
        self.storage.snapshots.pop(snapshot_id, None)
        self.storage.locks.pop(snapshot_id, None)

    async def export(self, request: ExportVolume) -> None:
        size = _known(self.storage.volumes, request.volume_id, "volume")
        self._require_reachable(request.volume_id, None)
        self.storage.unlock(request.volume_id, request.key)
        if request.disk_format not in ("raw", "qcow2"):
            raise CommandError("image.format", f"simulated hosts make raw and qcow2 images, none of the disk format {request.disk_format}")
        if request.disk_format == "raw" and request.image_key is not None:
            self._outgoing.devices[request.image_id] = request.image_key
            return
        self._outgoing.sizes[request.image_id] = size * GIB
        self._outgoing.raw.discard(request.image_id)
        if request.disk_format == "raw":
            self._outgoing.raw.add(request.image_id)

    async def backup(self, request: BackupVolume) -> BackupMade:
        storage = self.storage
        if request.snapshot_id is not None:
            size = _known(storage.snapshots, request.snapshot_id, "snapshot")
        else:
            size = _known(storage.volumes, request.volume_id, "volume")
            self._require_reachable(request.volume_id, request.server_id)
        if request.parent_id is not None:
            _known(storage.backups, request.parent_id, "backup")
        storage.unlock(request.snapshot_id or request.volume_id, request.key)
        storage.lock(request.backup_id, request.key)
        storage.backups.setdefault(request.backup_id, size)
        return BackupMade(0)

    async def restore(self, request: RestoreVolume) -> None:
        size = _known(self.storage.volumes, request.volume_id, "volume")
        self._require_reachable(request.volume_id, None)
        needed = _known(self.storage.backups, request.backup_id, "backup")
        self.storage.unlock(request.volume_id, request.key)
        self.storage.unlock(request.backup_id, request.backup_key)
        if needed > size:
            raise CommandError("volume.too_small", f"backup {request.backup_id} needs {needed} GiB, the volume has {size}")

    async def delete_backup(self, backup_id: str) -> None:
        self.storage.backups.pop(backup_id, None)
        self.storage.locks.pop(backup_id, None)

    async def stored(self) -> StoredVolumes:
        storage = self.storage
        return StoredVolumes(
            volumes=sorted(storage.volumes),
            snapshots=sorted(storage.snapshots),
            pools={pool: PoolRoom(storage.capacity_gib, storage.free_gib()) for pool in (POOL, *self.kept_in.pools)},
            backups=sorted(storage.backups),
        )

    async def close(self) -> None:
        """Nothing is held."""

    def _require_reachable(self, volume_id: str, *server_ids: str | None) -> None:
        """No other guests have the volume open than those."""
        for holder in self.storage.holders.get(volume_id, ()):
            if holder in server_ids:
                continue
            raise CommandError("volume.in_use", f"volume {volume_id} is open in the running server {holder}", retry=True)

    def _require_room(self, size_gib: int) -> None:
        free = self.storage.free_gib()
        if size_gib > free:
            raise CommandError("volume.no_space", f"{size_gib} GiB asked for, {free} GiB free")


class SimulatedOutgoing:
    """Images that a simulated host made: of the right size, and empty. Of LUKS devices there is only what tells their key."""

    def __init__(self) -> None:
        self.sizes: dict[str, int] = {}  # bytes by image id
        self.raw: set[str] = set()  # those that are raw; the others are qcow2
        self.devices: dict[str, VolumeKey] = {}  # those that are LUKS devices

    async def read(self, request: ReadImage) -> ImagePart:
        check_part(request)
        if request.image_id in self.devices:
            return _part(_device(self.devices[request.image_id]), request)
        if request.image_id not in self.sizes:
            raise no_such_image(request.image_id)
        size = self.sizes[request.image_id]
        if request.image_id in self.raw:
            return ImagePart(bytes(max(0, min(request.length, size - request.offset))), size)
        return _part(empty_qcow2(size), request)

    async def forget(self, image_id: str) -> None:
        self.sizes.pop(image_id, None)
        self.raw.discard(image_id)
        self.devices.pop(image_id, None)


def _part(bits: bytes, request: ReadImage) -> ImagePart:
    return ImagePart(bits[request.offset : request.offset + request.length], len(bits))


def _device(key: VolumeKey) -> bytes:
    """A LUKS device that only this key opens."""
    return bytes(1024) + hashlib.shake_256(key.passphrase.encode()).digest(1024)


def _require_opens(image: ImageSource, key: VolumeKey | None) -> None:
    """Raises CommandError unless the image is a LUKS device that the key opens. Without one its bits are taken as they are."""
    if key is not None and hashlib.sha512(_device(key)).hexdigest() != image.sha512:
        raise CommandError("volume.key", f"the key that the command has does not open image {image.id}")


def _known(sizes: dict[str, int], wanted: str, kind: str) -> int:
    size = sizes.get(wanted)
    if size is None:
        raise CommandError(f"{kind}.not_found", f"{kind} {wanted} is not on this storage")
    return size
