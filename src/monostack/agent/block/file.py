"""Volumes as files of this host, snapshots as full copies beside them.

A volume is a qcow2 file, or, since QEMU lets nobody else open those, a raw one when several guests are to have it. What it is its file's
name says, never what is in it. Snapshots are qcow2 files.
"""

import asyncio
import shutil
from pathlib import Path
from typing import Protocol

from monostack.agent.block import KeptIn, backups, moving, qemu_img
from monostack.agent.block.images import ImageCache
from monostack.agent.block.incoming import IncomingFiles
from monostack.agent.block.outgoing import OutgoingFiles
from monostack.agent.block.pools import Pools
from monostack.agent.block.qemu_img import GIB
from monostack.agent.block.unmanaged import FilesUnmanaged, Unmanaged
from monostack.agent.errors import CommandError, require_uuid
from monostack.agent.programs import ProgramError
from monostack.agent.qemu_user import QemuUser
from monostack.protocol.guests import ImageSource, VolumeConnection, VolumeKey
from monostack.protocol.volumes import (
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

SUFFIX = ".qcow2"


class OpenVolumes(moving.GuestsDisks, Protocol):
    """What the hypervisor does for volumes that a running guest has open. See hypervisor.Hypervisor."""

    async def resize_volume(self, server_id: str, volume_id: str, size_gib: int) -> bool: ...

    async def copy_volume(self, server_id: str, volume_id: str, target: str, key: VolumeKey | None) -> bool: ...


class FileBlock:
    """Keeps volumes in `pools`, snapshots in `directory`/snapshots and backups in `directory`/backups, named by their ids."""

    def __init__(
        self, directory: Path, user: QemuUser, images: ImageCache, opened: OpenVolumes, outgoing: OutgoingFiles, pools: Pools,
        backend: str = "file",
    ) -> None:  # fmt: skip
        self._pools = pools
        self._snapshots = directory / "snapshots"
        self._user = user
        self._images = images
        self._opened = opened
        self._outgoing = outgoing
        self._incoming = IncomingFiles(directory / "incoming")
        self.kept_in = KeptIn(backend, pools.more)
        self._backups: backups.BackupStore = backups.FileBackups(directory / "backups")
        self.unmanaged: Unmanaged = FilesUnmanaged(directory / "unmanaged", pools, user, self.snapshot_path)
        for kept in (*pools.directories.values(), self._snapshots):
            user.let_in(kept)
            qemu_img.sweep_unfinished(kept)

    def volume_path(self, volume_id: str) -> Path:
        """The file of a volume that is here; where one of the usual format would be, if it is not."""
        return self._pools.found(volume_id)

    def snapshot_path(self, snapshot_id: str) -> Path:
        return self._snapshots / (require_uuid(snapshot_id, "snapshot") + SUFFIX)

    async def cache(self, image: ImageSource) -> None:
        await self._images.obtain(image)

    async def create(self, request: CreateVolume) -> VolumeConnection:
        path = self._pools.path(request.volume_id, request.format, request.pool)
        if request.size_gib < 1:
            raise CommandError("command.invalid", f"volume {request.volume_id}: {request.size_gib} GiB is no size")
        if not await asyncio.to_thread(path.exists):
            with qemu_img.unfinished(path) as fresh:
                await self._fill(request, fresh)
                await asyncio.to_thread(self._user.give, fresh)
        return VolumeConnection(driver="file", path=str(path), format=request.format)

    async def _fill(self, request: CreateVolume, fresh: Path) -> None:
        """Make the new volume's file from what the request names as its source."""
        if request.image is not None:
            image = await self._images.obtain(request.image)
            needed = image.virtual_size
            if request.source_key is not None and image.disk_format == "raw":
                needed = (await qemu_img.info(image.path, "luks")).virtual_size
            _require_room_for(needed, request.size_gib, f"image {request.image.id}")
            await qemu_img.convert(image.path, image.disk_format, fresh, request.format, source_key=request.source_key, key=request.key)
        elif request.snapshot_id is not None:
            source = self.snapshot_path(request.snapshot_id)
            await self._require_fits(source, request.size_gib, f"snapshot {request.snapshot_id}")
            await qemu_img.convert(source, "qcow2", fresh, request.format, source_key=request.source_key, key=request.key)
        elif request.source_volume_id is not None:
            source = self.volume_path(request.source_volume_id)
            await self._require_fits(source, request.size_gib, f"volume {request.source_volume_id}")
            with qemu_img.scratch(fresh.parent, request.volume_id) as copy:
                made = fresh if request.format == "qcow2" else copy
                await self._copy_volume(request.source_volume_id, request.source_server_id, made, request.source_key, request.key)
                if made is copy:
                    await qemu_img.convert(copy, "qcow2", fresh, request.format)
        elif request.received:
            # It comes as its key has it already.
            source = self._incoming.path(request.volume_id)
            found = await qemu_img.require_sound(source, "qcow2", f"volume {request.volume_id}")
            _require_room_for(found.virtual_size, request.size_gib, f"volume {request.volume_id}")
            if request.format == "qcow2":
                await asyncio.to_thread(shutil.move, source, fresh)
            else:
                await qemu_img.convert(source, "qcow2", fresh, request.format)
                await asyncio.to_thread(source.unlink)
        else:
            await qemu_img.create(fresh, request.size_gib * GIB, key=request.key, disk_format=request.format)
            return
        await qemu_img.resize(fresh, request.size_gib * GIB, request.key, request.format)

    async def receive(self, part: VolumePart) -> None:
        await asyncio.to_thread(self._incoming.write, part)

    async def delete(self, volume_id: str) -> None:
        await asyncio.to_thread(self._incoming.path(volume_id).unlink, missing_ok=True)
        for path in await asyncio.to_thread(self._pools.files, volume_id):
            await _require_closed(path, volume_id)  # it may be open while a guest that no server wants any more is still there
            await asyncio.to_thread(path.unlink, missing_ok=True)
        await asyncio.to_thread(self._pools.forget, volume_id)

    async def extend(self, request: ExtendVolume) -> None:
        path = self.volume_path(request.volume_id)
        have = await _size(path, f"volume {request.volume_id}")
        if have > request.size_gib * GIB:
            return
        # Each guest has to be told, though the first has made the file grow for all of them.
        grown = [await self._opened.resize_volume(server_id, request.volume_id, request.size_gib) for server_id in request.server_ids]
        if any(grown) or have == request.size_gib * GIB:
            return
        await _require_closed(path, request.volume_id)
        try:
            await qemu_img.resize(path, request.size_gib * GIB, request.key, _format(path))
        except ProgramError as error:
            raise _explained(error, request.volume_id) from None

    async def move(self, request: MoveVolume) -> None:
        try:
            await moving.move(self._pools, self._opened, self._user, request)
        except ProgramError as error:
            raise _explained(error, request.volume_id) from None

    async def convert(self, request: ConvertVolume) -> None:
        path = self.volume_path(request.volume_id)
        target = self._pools.path(request.volume_id, request.format, self._pools.pool_of(path))
        await _size(path, f"volume {request.volume_id}")
        await _require_closed(path, request.volume_id)
        try:
            if path != target or not await qemu_img.opens(path, request.new_key, request.format):
                with qemu_img.unfinished(target) as fresh:
                    await qemu_img.convert(path, _format(path), fresh, request.format, source_key=request.key, key=request.new_key)
                    await asyncio.to_thread(self._user.give, fresh)
        except ProgramError as error:
            raise _explained(error, request.volume_id) from None
        for other in await asyncio.to_thread(self._pools.files, request.volume_id):
            if other != target:
                await asyncio.to_thread(other.unlink)

    async def snapshot(self, request: SnapshotVolume) -> None:
        path = self.snapshot_path(request.snapshot_id)
        if await asyncio.to_thread(path.exists):
            return
        with qemu_img.unfinished(path) as fresh:
            await self._copy_volume(request.volume_id, request.server_id, fresh, request.key, request.key)
            await asyncio.to_thread(self._user.give, fresh)

    async def delete_snapshot(self, snapshot_id: str) -> None:
        await asyncio.to_thread(self.snapshot_path(snapshot_id).unlink, missing_ok=True)

    async def export(self, request: ExportVolume) -> None:
        path, disk_format = self.volume_path(request.volume_id), qemu_img.WRITABLE.get(request.disk_format)
        if disk_format is None:
            raise CommandError("image.format", f"this host makes no images of the disk format {request.disk_format}")
        if request.image_key is not None and request.disk_format not in qemu_img.FORMATS:
            raise CommandError("image.format", f"this host makes no encrypted images of the disk format {request.disk_format}")
        await _size(path, f"volume {request.volume_id}")
        await _require_closed(path, request.volume_id)
        target = self._outgoing.path(request.image_id)
        if await asyncio.to_thread(target.exists):
            return
        with qemu_img.unfinished(target) as fresh:
            try:
                await qemu_img.convert(path, _format(path), fresh, disk_format, source_key=request.key, key=request.image_key)
            except ProgramError as error:
                raise _explained(error, request.volume_id) from None

    async def backup(self, request: BackupVolume) -> BackupMade:
        with qemu_img.scratch(self._snapshots, request.backup_id) as raw, qemu_img.scratch(self._snapshots, request.backup_id) as copy:
            source = self.snapshot_path(request.snapshot_id) if request.snapshot_id is not None else copy
            if request.snapshot_id is None:
                await self._copy_volume(request.volume_id, request.server_id, copy, request.key, request.key)
            await _size(source, f"snapshot {request.snapshot_id}", "qcow2")
            if request.key is None:
                await qemu_img.convert(source, "qcow2", raw, "raw")
            # What is encrypted is backed up as the file it is in: nothing of it gets on a disk in the clear.
            kept = raw if request.key is None else source
            made = await asyncio.to_thread(backups.write, self._backups, request.backup_id, request.parent_id, kept)
        return BackupMade(sum(block.keeper == request.backup_id for block in made.blocks.values()))

    async def restore(self, request: RestoreVolume) -> None:
        path = self.volume_path(request.volume_id)
        size = await _size(path, f"volume {request.volume_id}")
        await _require_closed(path, request.volume_id)
        with qemu_img.scratch(self._snapshots, request.backup_id) as raw, qemu_img.unfinished(path) as fresh:
            needed = await asyncio.to_thread(backups.read, self._backups, request.backup_id, raw)
            kept_as = "raw" if request.backup_key is None else "qcow2"
            if request.backup_key is not None:
                needed = (await qemu_img.info(raw, "qcow2")).virtual_size
            _require_room_for(needed, size // GIB, f"backup {request.backup_id}")
            await qemu_img.convert(raw, kept_as, fresh, _format(path), source_key=request.backup_key, key=request.key)
            await qemu_img.resize(fresh, size, request.key, _format(path))
            await asyncio.to_thread(self._user.give, fresh)

    async def delete_backup(self, backup_id: str) -> None:
        await asyncio.to_thread(self._backups.remove, backup_id)

    async def stored(self) -> StoredVolumes:
        return await asyncio.to_thread(self._stored)

    def _stored(self) -> StoredVolumes:
        return StoredVolumes(
            volumes=self._pools.names(),
            snapshots=sorted(path.stem for path in self._snapshots.glob("*" + SUFFIX) if not path.name.startswith(".")),
            pools=self._pools.rooms(),
            backups=self._backups.names(),
        )

    async def close(self) -> None:
        """Nothing is held."""

    async def _copy_volume(
        self, volume_id: str, server_id: str | None, target: Path, source_key: VolumeKey | None, key: VolumeKey | None
    ) -> None:
        """Copy a volume, as it is at one moment, into a qcow2 file that `key` opens, through the guest that has it open if there is one."""
        path = self.volume_path(volume_id)
        size = await _size(path, f"volume {volume_id}")
        if server_id is not None:
            await qemu_img.create(target, size, key=key)
            await asyncio.to_thread(self._user.give, target)
            if await self._opened.copy_volume(server_id, volume_id, str(target), key):
                return
        await _require_closed(path, volume_id)
        try:
            await qemu_img.convert(path, _format(path), target, source_key=source_key, key=key)
        except ProgramError as error:
            raise _explained(error, volume_id) from None

    async def _require_fits(self, source: Path, size_gib: int, name: str) -> None:
        _require_room_for(await _size(source, name), size_gib, name)


def _require_room_for(needed: int, size_gib: int, name: str) -> None:
    if needed > size_gib * GIB:
        raise CommandError("volume.too_small", f"{name} needs {-(-needed // GIB)} GiB, the volume has {size_gib}")


async def _size(path: Path, name: str, disk_format: str | None = None) -> int:
    """The size in bytes that a guest sees. What the file is its name says, if nobody else does."""
    if not await asyncio.to_thread(path.exists):
        raise CommandError(f"{name.split()[0]}.not_found", f"{name} is not on this host")
    return (await qemu_img.info(path, disk_format or _format(path))).virtual_size


def _format(path: Path) -> str:
    return path.suffix.removeprefix(".")


async def _require_closed(path: Path, volume_id: str) -> None:
    if await qemu_img.is_open(path):
        said = f"volume {volume_id} is open in a running server that the command did not name: detach it first"
        raise CommandError("volume.in_use", said, retry=True)


def _explained(error: ProgramError, volume_id: str) -> CommandError:
    if qemu_img.is_locked(error):
        said = f"volume {volume_id} is open in a running server that the command did not name"
        return CommandError("volume.in_use", said, retry=True)
    return error
