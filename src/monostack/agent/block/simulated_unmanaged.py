"""Files without bits that could be volumes or snapshots and are not. See unmanaged."""

from typing import TYPE_CHECKING, TypeVar

from monostack.agent.block.unmanaged import no_such_file, require_name
from monostack.agent.errors import CommandError
from monostack.protocol.volumes import Managed, UnmanagedFile, UnmanagedFiles, UnmanagedSnapshot, UnmanagedVolume, volume_name

if TYPE_CHECKING:
    from monostack.agent.block.simulated import SimulatedStorage

_Key = TypeVar("_Key")


class SimulatedUnmanaged:
    """Keeps in the storage of a set of simulated hosts what they do not manage."""

    def __init__(self, storage: "SimulatedStorage") -> None:
        self._storage = storage

    async def manage(self, request: UnmanagedVolume) -> Managed:
        storage = self._storage
        if request.volume_id not in storage.volumes:
            storage.volumes[request.volume_id] = _taken(storage.unmanaged, require_name(request.name), request.name)
        self._rename_origin(request.name, volume_name(request.volume_id))
        return Managed(storage.volumes[request.volume_id])

    async def unmanage(self, request: UnmanagedVolume) -> None:
        storage = self._storage
        if request.volume_id in storage.volumes:
            for holder in storage.holders.get(request.volume_id, ()):
                raise CommandError("volume.in_use", f"volume {request.volume_id} is open in the running server {holder}", retry=True)
            if require_name(request.name) in storage.unmanaged:
                raise _name_taken(request.name)
            storage.unmanaged[request.name] = storage.volumes.pop(request.volume_id)
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

    async def listing(self) -> UnmanagedFiles:
        storage = self._storage
        return UnmanagedFiles(
            [UnmanagedFile(name, size) for name, size in sorted(storage.unmanaged.items())],
            [UnmanagedFile(name, size, None, volume) for (volume, name), size in sorted(storage.unmanaged_snapshots.items())],
        )

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
