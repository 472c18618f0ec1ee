"""Compare the files on hosts with the rows: remove files that no row has, and put volumes in error whose file is gone.

A row is there before its file is made and until after it is removed, so what a host had at one moment and no row names afterwards is
left over: of a command whose outcome was unknown, or of a host that was away when its volume was deleted. Snapshots likewise.
"""

import logging
from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sa

from monostack.agentlink import CommandFailed, CommandTimeout, HostUnreachable
from monostack.core import clock, ids
from monostack.db import Row, Transaction
from monostack.operations.store import UNFINISHED_OF_RESOURCE
from monostack.protocol.volumes import BackupVolume, CreateVolume, SnapshotRef, SnapshotVolume, StoredVolumes, VolumeRef
from monostack.reconcile import Reconciler
from monostack.services.volume.backups.table import BACKUPS
from monostack.services.volume.hosts.table import compared, fill, same_storage, volume_hosts
from monostack.services.volume.keys import opened
from monostack.services.volume.messages.messages import FORGET
from monostack.services.volume.snapshots.table import SNAPSHOTS, set_snapshot
from monostack.services.volume.volumes.table import VOLUMES, disk_format, set_volume

if TYPE_CHECKING:
    from monostack.cloud import Cloud

log = logging.getLogger(__name__)

NAME = "volume-files"
PERIOD = timedelta(minutes=5)  # between two looks at a host
AT_ONCE = 100  # hosts a run
CHUNK = 500  # ids in a statement
SETTLED = ("available", "in-use", "reserved", "attaching", "detaching", "awaiting-transfer", "maintenance")
_v, _s, _b, _h = VOLUMES.table.c, SNAPSHOTS.table.c, BACKUPS.table.c, volume_hosts.c
_DUE = (
    sa.select(_h.host)
    .where(_h.left_at.is_(None), sa.or_(_h.compared_at.is_(None), _h.compared_at < sa.bindparam("before", type_=_h.compared_at.type)))
    .order_by(_h.compared_at.is_not(None), _h.compared_at, _h.host)
    .limit(sa.bindparam("many"))
)
_VOLUMES_ON = sa.select(_v.id, _v.size, _v.pool, _v.multiattach, _v.encryption_key_id, _v.sealed_key).where(
    _v.host == sa.bindparam("the_host"), _v.status.in_(SETTLED)
)
_SNAPSHOTS_ON = (
    sa.select(_s.id, _s.volume_id, _v.encryption_key_id, _v.sealed_key)
    .join_from(SNAPSHOTS.table, VOLUMES.table, _v.id == _s.volume_id)
    .where(_s.host == sa.bindparam("the_host"), _s.status == "available")
)
_BACKUPS_ON = sa.select(_b.stored_as, _b.size, _b.encryption_key_id, _b.sealed_key).where(
    _b.host == sa.bindparam("the_host"), _b.status == "available"
)
_VOLUMES_AMONG = sa.select(_v.id).where(_v.id.in_(sa.bindparam("ids", expanding=True)))
_ELSEWHERE = sa.select(_v.id, _v.host, _v.project_id).where(
    _v.id.in_(sa.bindparam("ids", expanding=True)), _v.host != sa.bindparam("the_host")
)
_SNAPSHOTS_AMONG = sa.select(_s.id).where(_s.id.in_(sa.bindparam("ids", expanding=True)))
_VOLUME_STATUS = sa.select(_v.status).where(_v.id == sa.bindparam("the_id"))
_SNAPSHOT_STATUS = sa.select(_s.status).where(_s.id == sa.bindparam("the_id"))


async def run(cloud: "Cloud") -> None:
    """Look at some of the hosts whose turn it is; at once at those that have just connected."""
    now = clock.now()
    due = await cloud.db.read(lambda tx: tx.rows(_DUE, {"before": now - PERIOD, "many": AT_ONCE}))
    for row in due:
        if cloud.hosts.hello(row.host) is None:
            continue
        try:
            await compare(cloud, row.host)
        except (CommandFailed, CommandTimeout, HostUnreachable) as error:
            log.warning("could not compare the volumes of host %s: %s", row.host, error)
    await cloud.db.write(lambda tx: _note(tx, [row.host for row in due]))
    if len(due) == AT_ONCE:
        cloud.reconcilers.signal(NAME)


def _note(tx: Transaction, hosts: list[str]) -> None:
    for host in hosts:
        compared(tx, host)
    tx.execute(FORGET, {"now": clock.now()})


async def compare(cloud: "Cloud", host: str) -> None:
    """Mend the difference between the rows and the files of one host. Raises what `Hosts.call` does."""
    volumes = await cloud.db.read(lambda tx: tx.rows(_VOLUMES_ON, {"the_host": host}))
    snapshots = await cloud.db.read(lambda tx: tx.rows(_SNAPSHOTS_ON, {"the_host": host}))
    answer = await cloud.hosts.call(host, "volume.list", None, id=ids.new_uuid(), timeout=60)
    stored = msgspec.convert(answer, StoredVolumes)
    await cloud.db.write(lambda tx: fill(tx, host, stored.pools))
    await _backups_again(cloud, host, stored.backups)
    there = {*stored.volumes, *stored.snapshots}
    await _miss(cloud, host, [row for row in volumes if row.id not in there], [row for row in snapshots if row.id not in there])
    for snapshot_id in await _without_row(cloud, stored.snapshots, _SNAPSHOTS_AMONG):
        await _remove(cloud, host, "volume.delete_snapshot", SnapshotRef(snapshot_id))
    for volume_id in await _without_row(cloud, stored.volumes, _VOLUMES_AMONG):
        await _remove(cloud, host, "volume.delete", VolumeRef(volume_id))
    for start in range(0, len(stored.volumes), CHUNK):
        some = {"ids": stored.volumes[start : start + CHUNK], "the_host": host}
        elsewhere = await cloud.db.read(lambda tx, some=some: tx.rows(_ELSEWHERE, some))
        left = [row for row in elsewhere if not same_storage(cloud, host, row.host)]
        if left:
            await cloud.db.write(lambda tx, left=left: _remove_copies(tx, cloud, host, left))


def _remove_copies(tx: Transaction, cloud: "Cloud", host: str, volumes: list[Row]) -> None:
    """Volumes that have gone to another host and left their file here, since this one was away then. The operation looks again."""
    for row in volumes:
        if tx.row(UNFINISHED_OF_RESOURCE, {"resource": row.id}) is None:
            cloud.start(tx, "remove_copy", row.id, {"host": host}, None, row.project_id)


async def _miss(cloud: "Cloud", host: str, volumes: list[Row], snapshots: list[Row]) -> None:
    """Rows whose file the host does not have. A simulated host forgets its volumes with every restart: they are made again."""
    hello = cloud.hosts.hello(host)
    again = hello is not None and hello.inventory.accelerator == "simulated"
    for row in volumes:
        if await cloud.db.write(lambda tx, row=row: _volume_is_gone(tx, host, row.id, again)):
            spec = CreateVolume(row.id, row.size, key=opened(cloud, row), format=disk_format(row), pool=row.pool)
            await cloud.hosts.call(host, "volume.create", spec, id=ids.new_uuid(), timeout=60)
    for row in snapshots:
        if await cloud.db.write(lambda tx, row=row: _snapshot_is_gone(tx, host, row, again)):
            taken = SnapshotVolume(row.volume_id, row.id, key=opened(cloud, row))
            await cloud.hosts.call(host, "volume.snapshot", taken, id=ids.new_uuid(), timeout=60)


async def _backups_again(cloud: "Cloud", host: str, stored: list[str]) -> None:
    """Make the backups of a simulated host again, which forgets them with every restart: of a volume of their size, which then goes."""
    hello = cloud.hosts.hello(host)
    if hello is None or hello.inventory.accelerator != "simulated":
        return
    kept = set(stored)
    for row in await cloud.db.read(lambda tx: tx.rows(_BACKUPS_ON, {"the_host": host})):
        if row.stored_as not in kept:
            volume_id, key = ids.new_uuid(), opened(cloud, row)
            for command, args in (
                ("volume.create", CreateVolume(volume_id, row.size, key=key)),
                ("volume.backup", BackupVolume(row.stored_as, volume_id, key=key)),
                ("volume.delete", VolumeRef(volume_id)),
            ):
                await cloud.hosts.call(host, command, args, id=ids.new_uuid(), timeout=60)


async def _without_row(cloud: "Cloud", stored: Iterable[str], statement: Any) -> list[str]:
    names = list(stored)
    found: set[str] = set()
    for start in range(0, len(names), CHUNK):
        found.update(row[0] for row in await cloud.db.read(lambda tx, at=start: tx.rows(statement, {"ids": names[at : at + CHUNK]})))
    return [name for name in names if name not in found]


async def _remove(cloud: "Cloud", host: str, command: str, args: msgspec.Struct) -> None:
    log.warning("removing from host %s what no row has: %s", host, args)
    await cloud.hosts.call(host, command, args, id=ids.new_uuid(), timeout=300)


def _volume_is_gone(tx: Transaction, host: str, volume_id: str, again: bool) -> bool:
    """True: it is to be made `again`. Nothing is done while something happens to the volume."""
    status = tx.scalar(_VOLUME_STATUS, {"the_id": volume_id})
    if status not in SETTLED or tx.row(UNFINISHED_OF_RESOURCE, {"resource": volume_id}) is not None:
        return False
    if not again:
        log.error("the file of volume %s is gone from host %s", volume_id, host)
        set_volume(tx, volume_id, status="error", fault=f"The file of the volume is gone from host {host}.")
    return again


def _snapshot_is_gone(tx: Transaction, host: str, row: Row, again: bool) -> bool:
    status = tx.scalar(_SNAPSHOT_STATUS, {"the_id": row.id})
    if status != "available" or tx.row(UNFINISHED_OF_RESOURCE, {"resource": row.volume_id}) is not None:
        return False
    if not again:
        log.error("the file of snapshot %s is gone from host %s", row.id, host)
        set_snapshot(tx, row.id, status="error", fault=f"The file of the snapshot is gone from host {host}.")
    return again


FILES = Reconciler(NAME, run, every=60.0, delay=0.5)
