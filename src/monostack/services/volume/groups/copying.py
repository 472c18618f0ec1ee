"""Making a group from another one, or from a snapshot of one."""

from collections.abc import Mapping, Sequence
from typing import Any

from monostack.db import Row, Transaction
from monostack.http import Request
from monostack.services.volume import keys
from monostack.services.volume.attachments.table import holder
from monostack.services.volume.groups.table import (
    GROUPS,
    ONE_GROUP,
    find_group,
    find_group_snapshot,
    invalid_group,
    snapshots_of,
    volumes_of,
)
from monostack.services.volume.groups.types import require_generic
from monostack.services.volume.quotas import claims
from monostack.services.volume.types import table as types
from monostack.services.volume.volumes.table import BY_ID, VOLUMES, disk_format
from monostack.services.volume.words import ZONE


def create_from_source(request: Request, tx: Transaction, body: Mapping[str, Any], *, generic: bool = False) -> Row:
    """Write a group and its volumes, and start to copy these; `generic`: of no consistency group. Raises NotFound, BadRequest, TooLarge."""
    snapshot = find_group_snapshot(tx, request, body["group_snapshot_id"]) if body.get("group_snapshot_id") else None
    source_id = snapshot.group_id if snapshot is not None else body["source_group_id"]
    source = tx.row(ONE_GROUP, {"the_id": source_id}) if snapshot is not None else find_group(tx, request, source_id)
    assert source is not None  # a group stays as long as it has snapshots
    if generic:
        require_generic(tx, source.group_type_id)
    request.authorize("group:create")
    claims.group(tx, request)
    originals = snapshots_of(tx, snapshot.id) if snapshot is not None else volumes_of(tx, source.id)
    if not originals:
        what = "Group snapshot" if snapshot is not None else "Source Group"
        raise invalid_group(f"{what} is empty. No group will be created.")
    values = {
        "status": "creating",
        "availability_zone": ZONE,
        "name": body.get("name"),
        "description": body.get("description"),
        "group_type": source.group_type_id,
        "volume_types": source.volume_type_ids,
        "group_snapshot_id": snapshot.id if snapshot is not None else None,
        "source_group_id": None if snapshot is not None else source.id,
        "replication_status": "disabled",
        "user_id": request.caller.user_id,
        "host": source.host,
        "pool": source.pool,
        "updated_at": None,
    }
    group = GROUPS.insert(tx, request, values)
    copies = _copies(request, tx, group, originals, snapshot is not None)
    request.cloud.start(tx, "create_group_from_source", group.id, {"copies": copies, "host": source.host}, request)
    return group


def _copies(request: Request, tx: Transaction, group: Row, originals: Sequence[Row], of_snapshots: bool) -> list[dict[str, Any]]:
    copies = []
    for original in originals:
        volume = tx.execute(BY_ID, {"the_id": original.volume_id if of_snapshots else original.id}).one()
        kind = tx.execute(types.BY_ID, {"the_id": original.volume_type_id}).one()
        claims.volume(tx, request, original.size, kind.name)
        row = VOLUMES.insert(
            tx,
            request,
            {
                "size": original.size,
                "status": "creating",
                "availability_zone": ZONE,
                "snapshot_id": original.id if of_snapshots else None,
                "source_volid": None if of_snapshots else original.id,
                "metadata": {},
                "admin_meta": {},
                "user_id": request.caller.user_id,
                "bootable": volume.bootable,
                "multiattach": volume.multiattach,
                **keys.columns_for(request.cloud, kind),
                "volume_type_id": kind.id,
                "service_uuid": volume.service_uuid,
                "host": volume.host,
                "pool": volume.pool,
                "consumes_quota": True,
                "attach_status": "detached",
                "image_meta": volume.image_meta,
                "group_id": group.id,
                "updated_at": None,
            },
        )
        copies.append(
            {
                "volume_id": row.id,
                "size": row.size,
                "snapshot_id": row.snapshot_id,
                "source_volid": row.source_volid,
                "format": disk_format(row),
                "pool": row.pool,
                "server_id": None if of_snapshots else holder(tx, volume.id),
            }
        )
    return copies
