"""Files without bits that could be volumes or snapshots and are not. See unmanaged."""

from typing import TYPE_CHECKING, TypeVar

from monostack.agent.block.unmanaged import no_such_file, require_name
from monostack.agent.errors import CommandError
from monostack.protocol.volumes import POOL, Managed, UnmanagedFile, UnmanagedFiles, UnmanagedSnapshot, UnmanagedVolume, volume_name

if TYPE_CHECKING:
    from monostack.agent.block import KeptIn
    from monostack.agent.block.simulated import SimulatedStorage

_Key = TypeVar("_Key")


class SimulatedUnmanaged:
    """Keeps in the storage of a set of simulated hosts what they do not manage."""

    def __init__(self, storage: "SimulatedStorage", kept_in: "KeptIn") -> None:
        self._storage, self._kept_in = storage, kept_in

    async def manage(self, request: UnmanagedVolume) -> Managed:
        storage, key = self._storage, self._key(request)
        if request.volume_id not in storage.volumes:
            storage.volumes[request.volume_id] = _taken(storage.unmanaged, key, request.name)
            storage.put(request.volume_id, request.pool)
        self._rename_origin(request.name, volume_name(request.volume_id))
        return Managed(storage.volumes[request.volume_id])

    async def unmanage(self, request: UnmanagedVolume) -> None:
        storage, key = self._storage, self._key(request)
        if request.volume_id in storage.volumes:
            for holder in storage.holders.get(request.volume_id, ()):
                raise CommandError("volume.in_use", f"volume {request.volume_id} is open in the running server {holder}", retry=True)
            if key in storage.unmanaged:
                raise _name_taken(request.name)
            storage.unmanaged[key] = storage.volumes.pop(request.volume_id)
            storage.put(request.volume_id, POOL)
        self._rename_origin(volume_name(request.volume_id), request.name)

    async def manage_snapshot(self, request: UnmanagedSnapshot) -> Managed:
        storage = self._storage
        if request.snapshot_id not in storage.snapshots:
            key = (require_name(request.volume_name), require_name(request.name))
            storage.snapshots[request.snapshot_id] = _taken(storage.unmanaged_snapshots, key, request.name)
        return Managed(storage.snapshots[request.snapshot_id])

    async def unmanage_snapshot(self, request: UnmanagedSnapshot) -> None:
        storage, key = self._storage, (require_name(request.volume_name), require_name(request.name))
        if request.snapshot_id in storage.snapshots:
            if key in storage.unmanaged_snapshots:
                raise _name_taken(request.name)
            storage.unmanaged_snapshots[key] = storage.snapshots.pop(request.snapshot_id)

    async def listing(self, pool: str) -> UnmanagedFiles:
        self._kept_in.require(pool)
        volumes, snapshots = (sorted(kept.items()) for kept in (self._storage.unmanaged, self._storage.unmanaged_snapshots))
        return UnmanagedFiles(
            [UnmanagedFile(name, size) for (there, name), size in volumes if there == pool],
            [UnmanagedFile(name, size, None, volume) for (volume, name), size in snapshots if self._pool_of(volume) == pool],
        )

    def _key(self, request: UnmanagedVolume) -> tuple[str, str]:
        self._kept_in.require(request.pool)
        return request.pool, require_name(request.name)

    def _pool_of(self, name: str) -> str:
        """The pool with the volume whose file has, or would have, this name while it is not managed."""
        aside = (pool for pool, kept in self._storage.unmanaged if kept == name)
        return self._storage.pools.get(name.removeprefix(volume_name(""))) or next(aside, POOL)

    def _rename_origin(self, old: str, new: str) -> None:
        kept = self._storage.unmanaged_snapshots
        if not any(volume == new for volume, _ in kept):
            for key in [key for key in kept if key[0] == old]:
                kept[new, key[1]] = kept.pop(key)


def _taken(sizes: dict[_Key, int], key: _Key, name: str) -> int:
    if key not in sizes:
        raise no_such_file(name)
    return sizes.pop(key)


def _name_taken(name: str) -> CommandError:
    return CommandError("volume.name_taken", f"there is an unmanaged file {name} already: rename it")
