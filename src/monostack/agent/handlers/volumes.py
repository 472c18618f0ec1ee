"""Commands `volume.*`: see protocol.volumes."""

from typing import Any

import msgspec

from monostack.agent.handlers.handler import Drivers, Handler, NoArguments, server, volume
from monostack.protocol.volumes import (
    BackupRef,
    BackupVolume,
    ConvertVolume,
    CreateVolume,
    ExportVolume,
    ExtendVolume,
    MoveVolume,
    PoolRef,
    RestoreVolume,
    SnapshotRef,
    SnapshotVolume,
    UnmanagedSnapshot,
    UnmanagedVolume,
    VolumePart,
    VolumeRef,
)


async def create(drivers: Drivers, args: CreateVolume) -> dict[str, Any]:
    return {"connection": msgspec.to_builtins(await drivers.block.create(args))}


async def receive(drivers: Drivers, args: VolumePart) -> dict[str, Any]:
    await drivers.block.receive(args)
    return {}


async def delete(drivers: Drivers, args: VolumeRef) -> dict[str, Any]:
    await drivers.block.delete(args.volume_id)
    return {}


async def extend(drivers: Drivers, args: ExtendVolume) -> dict[str, Any]:
    await drivers.block.extend(args)
    return {}


async def move(drivers: Drivers, args: MoveVolume) -> dict[str, Any]:
    await drivers.block.move(args)
    return {}


async def convert(drivers: Drivers, args: ConvertVolume) -> dict[str, Any]:
    await drivers.block.convert(args)
    return {}


async def snapshot(drivers: Drivers, args: SnapshotVolume) -> dict[str, Any]:
    await drivers.block.snapshot(args)
    return {}


async def delete_snapshot(drivers: Drivers, args: SnapshotRef) -> dict[str, Any]:
    await drivers.block.delete_snapshot(args.snapshot_id)
    return {}


async def export(drivers: Drivers, args: ExportVolume) -> dict[str, Any]:
    await drivers.block.export(args)
    return {}


async def backup(drivers: Drivers, args: BackupVolume) -> dict[str, Any]:
    return msgspec.to_builtins(await drivers.block.backup(args))


async def restore(drivers: Drivers, args: RestoreVolume) -> dict[str, Any]:
    await drivers.block.restore(args)
    return {}


async def delete_backup(drivers: Drivers, args: BackupRef) -> dict[str, Any]:
    await drivers.block.delete_backup(args.backup_id)
    return {}


async def listing(drivers: Drivers, args: NoArguments) -> dict[str, Any]:
    return msgspec.to_builtins(await drivers.block.stored())


async def manage(drivers: Drivers, args: UnmanagedVolume) -> dict[str, Any]:
    return msgspec.to_builtins(await drivers.block.unmanaged.manage(args))


async def unmanage(drivers: Drivers, args: UnmanagedVolume) -> dict[str, Any]:
    await drivers.block.unmanaged.unmanage(args)
    return {}


async def manage_snapshot(drivers: Drivers, args: UnmanagedSnapshot) -> dict[str, Any]:
    return msgspec.to_builtins(await drivers.block.unmanaged.manage_snapshot(args))


async def unmanage_snapshot(drivers: Drivers, args: UnmanagedSnapshot) -> dict[str, Any]:
    await drivers.block.unmanaged.unmanage_snapshot(args)
    return {}


async def unmanaged(drivers: Drivers, args: PoolRef) -> dict[str, Any]:
    return msgspec.to_builtins(await drivers.block.unmanaged.listing(args.pool))


UNMANAGED = "unmanaged"  # the lock on all files that are not managed


def _snapshot_lock(snapshot_id: str) -> str:
    return "snapshot/" + snapshot_id


def _backup_lock(backup_id: str) -> str:
    return "backup/" + backup_id


def _with_guest(server_id: str | None, *names: str) -> tuple[str, ...]:
    return names if server_id is None else (*names, server(server_id))


def _created(args: CreateVolume) -> tuple[str, ...]:
    names = [volume(args.volume_id)]
    if args.source_volume_id is not None:
        names.append(volume(args.source_volume_id))
    if args.snapshot_id is not None:
        names.append(_snapshot_lock(args.snapshot_id))
    return _with_guest(args.source_server_id, *names)


def _extended(args: ExtendVolume) -> tuple[str, ...]:
    return (volume(args.volume_id), *(server(server_id) for server_id in args.server_ids))


def _moved(args: MoveVolume) -> tuple[str, ...]:
    """About the guest, if there is one: what stops it need not wait for a large volume."""
    return (volume(args.volume_id),) if args.server_id is None else (server(args.server_id), volume(args.volume_id))


def _backed_up(args: BackupVolume) -> tuple[str, ...]:
    names = [_backup_lock(args.backup_id), volume(args.volume_id)]
    if args.snapshot_id is not None:
        names.append(_snapshot_lock(args.snapshot_id))
    if args.parent_id is not None:
        names.append(_backup_lock(args.parent_id))
    return _with_guest(args.server_id, *names)


HANDLERS = {
    "volume.create": Handler(CreateVolume, create, _created, gives_way=("volume.delete",)),
    "volume.receive": Handler(VolumePart, receive, lambda args: (volume(args.volume_id),)),
    "volume.delete": Handler(VolumeRef, delete, lambda args: (volume(args.volume_id),)),
    "volume.extend": Handler(ExtendVolume, extend, _extended),
    "volume.move": Handler(MoveVolume, move, _moved, gives_way=("volume.delete", "guest.stop", "guest.reboot", "guest.destroy")),
    "volume.convert": Handler(ConvertVolume, convert, lambda args: (volume(args.volume_id),)),
    "volume.snapshot": Handler(
        SnapshotVolume,
        snapshot,
        lambda args: _with_guest(args.server_id, _snapshot_lock(args.snapshot_id), volume(args.volume_id)),
        gives_way=("volume.delete_snapshot",),
    ),
    "volume.delete_snapshot": Handler(SnapshotRef, delete_snapshot, lambda args: (_snapshot_lock(args.snapshot_id),)),
    "volume.export": Handler(ExportVolume, export, lambda args: (volume(args.volume_id),)),
    "volume.backup": Handler(BackupVolume, backup, _backed_up),
    "volume.restore": Handler(RestoreVolume, restore, lambda args: (_backup_lock(args.backup_id), volume(args.volume_id))),
    "volume.delete_backup": Handler(BackupRef, delete_backup, lambda args: (_backup_lock(args.backup_id),)),
    "volume.list": Handler(NoArguments, listing),
    "volume.manage": Handler(UnmanagedVolume, manage, lambda args: (volume(args.volume_id), UNMANAGED)),
    "volume.unmanage": Handler(UnmanagedVolume, unmanage, lambda args: (volume(args.volume_id), UNMANAGED)),
    "volume.manage_snapshot": Handler(UnmanagedSnapshot, manage_snapshot, lambda args: (_snapshot_lock(args.snapshot_id), UNMANAGED)),
    "volume.unmanage_snapshot": Handler(UnmanagedSnapshot, unmanage_snapshot, lambda args: (_snapshot_lock(args.snapshot_id), UNMANAGED)),
    "volume.list_unmanaged": Handler(PoolRef, unmanaged),
}
