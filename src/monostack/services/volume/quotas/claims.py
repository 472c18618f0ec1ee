"""Refusing what would exceed a quota, in the transaction that writes the rows: two requests cannot both take the last place."""

from collections.abc import Mapping
from typing import Any

from monostack import quotas
from monostack.core.errors import TooLarge
from monostack.db import Row, Transaction
from monostack.http import Request
from monostack.services.volume.quotas.counting import limits_of, usage
from monostack.services.volume.snapshots.table import of_volume
from monostack.services.volume.words import exceeded


def _too_large(name: str, requested: int, limit: int, used: int) -> TooLarge:
    text = f"Requested {requested}G, quota is {limit}G and {used}G has been consumed."
    return exceeded("VolumeSizeExceedsAvailableQuota", f"Requested volume or snapshot exceeds allowed {name} quota. {text}")


def _too_many(name: str, limit: int) -> TooLarge:
    if name.startswith("snapshots"):
        return exceeded("SnapshotLimitExceeded", f"Maximum number of snapshots allowed ({limit}) exceeded")
    return exceeded("VolumeLimitExceeded", f"Maximum number of volumes allowed ({limit}) exceeded for quota '{name}'.")


def _check(tx: Transaction, limits: Mapping[str, int], project_id: str, wanted: Mapping[str, int], size: int) -> None:
    """Raises TooLarge for the first resource, by name, that has no room. What is unlimited is not counted."""
    bounded = [name for name in sorted(wanted) if limits.get(name, -1) >= 0]
    used = usage(tx, project_id) if bounded else {}
    for name in bounded:
        if not quotas.room(limits[name], used.get(name, 0), wanted[name]):
            raise _too_large(name, size, limits[name], used.get(name, 0)) if "gigabytes" in name else _too_many(name, limits[name])


def _per_volume(limits: Mapping[str, int], size: int) -> None:
    limit = limits["per_volume_gigabytes"]
    if not quotas.room(limit, 0, size):
        raise exceeded("VolumeSizeExceedsLimit", f"Requested volume size {size}G is larger than maximum allowed limit {limit}G.")


def _of_type(kind: str, wanted: Mapping[str, int]) -> dict[str, int]:
    return {f"{name}_{kind}": amount for name, amount in wanted.items()}


def volume(tx: Transaction, request: Request, size: int, kind: str) -> None:
    """Room for one more volume of the caller's project, of `size` GiB and the type called `kind`? Raises TooLarge (413)."""
    limits = limits_of(tx, request.cloud, request.project_id)
    _per_volume(limits, size)
    wanted = {"volumes": 1, "gigabytes": size}
    _check(tx, limits, request.project_id, wanted | _of_type(kind, wanted), size)


def snapshot(tx: Transaction, request: Request, size: int, kind: str) -> None:
    """Room for one more snapshot?"""
    limits = limits_of(tx, request.cloud, request.project_id)
    wanted = {"snapshots": 1, "gigabytes": size}
    _check(tx, limits, request.project_id, wanted | _of_type(kind, wanted), size)


def backup(tx: Transaction, request: Request, size: int) -> None:
    """Room for one more backup of `size` GiB?"""
    limits, used = limits_of(tx, request.cloud, request.project_id), usage(tx, request.project_id)
    if not quotas.room(limits["backup_gigabytes"], used["backup_gigabytes"], size):
        text = f"Requested {size}G, quota is {limits['backup_gigabytes']}G and {used['backup_gigabytes']}G has been consumed."
        raise exceeded("VolumeBackupSizeExceedsAvailableQuota", f"Requested backup exceeds allowed Backup gigabytes quota. {text}")
    if not quotas.room(limits["backups"], used["backups"], 1):
        raise exceeded("BackupLimitExceeded", f"Maximum number of backups allowed ({limits['backups']}) exceeded")


def group(tx: Transaction, request: Request) -> None:
    """Room for one more group?"""
    limit = limits_of(tx, request.cloud, request.project_id)["groups"]
    if not quotas.room(limit, usage(tx, request.project_id)["groups"], 1):
        raise exceeded("GroupLimitExceeded", f"Maximum number of groups allowed ({limit}) exceeded")


def extension(tx: Transaction, cloud: Any, row: Row, size: int, kind: str) -> None:
    """Room for a volume to grow to `size` GiB?"""
    limits = limits_of(tx, cloud, row.project_id)
    _per_volume(limits, size)
    _check_growth(tx, limits, row.project_id, size - row.size, kind)


def snapshot_growth(tx: Transaction, cloud: Any, row: Row, size: int, kind: str) -> None:
    """Room for a snapshot that turns out to have `size` GiB?"""
    _check_growth(tx, limits_of(tx, cloud, row.project_id), row.project_id, size - row.size, kind)


def _check_growth(tx: Transaction, limits: Mapping[str, int], project_id: str, gib: int, kind: str) -> None:
    wanted = {"gigabytes": gib}
    _check(tx, limits, project_id, wanted | _of_type(kind, wanted), gib)


def _with_snapshots(tx: Transaction, row: Row) -> dict[str, int]:
    """What a volume uses together with its snapshots."""
    snapshots = of_volume(tx, row.id)
    wanted = {"volumes": 1, "gigabytes": row.size + sum(one.size for one in snapshots)}
    return wanted | ({"snapshots": len(snapshots)} if snapshots else {})


def retype(tx: Transaction, request: Request, row: Row, kind: str) -> None:
    """Room for a volume and its snapshots in the limits of another type?"""
    limits = limits_of(tx, request.cloud, row.project_id)
    _check(tx, limits, row.project_id, _of_type(kind, _with_snapshots(tx, row)), row.size)


def arrival(tx: Transaction, request: Request, row: Row, kind: str, *, snapshots: bool) -> None:
    """Room in the caller's project for a volume of another project, with its snapshots if they come with it?"""
    limits = limits_of(tx, request.cloud, request.project_id)
    _per_volume(limits, row.size)
    wanted = _with_snapshots(tx, row) if snapshots else {"volumes": 1, "gigabytes": row.size}
    _check(tx, limits, request.project_id, wanted | _of_type(kind, wanted), row.size)
