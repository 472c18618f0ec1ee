"""Lists of volumes, and their summary."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from monostack.db import Row, Transaction
from monostack.http import Request, Routes
from monostack.http.answers import INTEGER, TEXTS, Record, envelope, mapping, since
from monostack.services.volume.links import links
from monostack.services.volume.lists import LITERAL, Listing, counted, counted_page, is_admin
from monostack.services.volume.parameters import query_flag
from monostack.services.volume.volumes.table import SUMMARY, VOLUMES

_SAME = (
    "id", "created_at", "updated_at", "user_id", "project_id", "snapshot_id", "host", "size", "availability_zone", "status",
    "attach_status", "migration_status", "volume_type_id", "source_volid", "bootable", "multiattach", "previous_status", "service_uuid",
    "group_id", "encryption_key_id",
)  # fmt: skip
_EMPTY = (
    "cluster_name", "provider_id", "consistencygroup_id", "replication_status", "replication_driver_data",
    "replication_extended_status", "provider_location", "provider_auth", "provider_geometry", "ec2_id", "deleted_at", "_name_id",
)  # fmt: skip
LISTING = Listing(
    columns={
        **{name: name for name in _SAME},
        **dict.fromkeys(_EMPTY),
        "display_name": "name",
        "display_description": "description",
        "use_quota": "consumes_quota",
    },
    open=(
        "name", "status", "metadata", "bootable", "migration_status", "availability_zone", "group_id", "size", "created_at", "updated_at",
        "consumes_quota",
    ),
    legacy=(
        "name", "status", "metadata", "bootable", "migration_status", "availability_zone", "group_id", "size", "created_at", "updated_at",
        "consumes_quota",
    ),
    pairs={"metadata": "items", "glance_metadata": "image_items"},
    special={"host": "pool"},
    since={"glance_metadata": (3, 4), "group_id": (3, 10), "created_at": (3, 60), "updated_at": (3, 60), "use_quota": (3, 65)},
    tenants=LITERAL,
    counted=True,
    literal=True,
    times=("created_at", "updated_at"),
    strict_flags=(3, 2),
)  # fmt: skip
routes = Routes("/v3/volumes")
_v = VOLUMES.table.c
_TOTAL = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(_v.size), 0))
_METADATA = sa.select(_v.meta).where(sa.type_coerce(_v.meta, sa.Text()) != "{}")
_OWN = _v.project_id == sa.bindparam("the_project")
_SUMMARY = {True: (_TOTAL, _METADATA), False: (_TOTAL.where(_OWN), _METADATA.where(_OWN))}


def _brief(request: Request, tx: Transaction, rows: Sequence[Row]) -> list[dict[str, Any]]:
    return [{"id": row.id, "name": row.name, "links": links(request, "volumes", row.id)} for row in rows]


_TOTALS = {"total_count": INTEGER, "total_size": INTEGER, "metadata": since((3, 36), mapping(TEXTS))}
_ANSWER = envelope("volume-summary", Record("VolumeTotals", _TOTALS))


@routes.get("", policy="volume:get_all", answer=counted("volumes", SUMMARY))
def list_brief(request: Request, tx: Transaction) -> dict[str, Any]:
    """List volumes: id, name and links."""
    request.authorize("volume:get_all")
    return counted_page(request, tx, VOLUMES, LISTING, _brief)


@routes.get("/detail", policy="volume:get_all", answer=counted("volumes", VOLUMES.answer))
def list_detail(request: Request, tx: Transaction) -> dict[str, Any]:
    """List volumes with details."""
    request.authorize("volume:get_all")
    return counted_page(request, tx, VOLUMES, LISTING, None)


@routes.get("/summary", since=(3, 12), policy="volume:get_all", answer=_ANSWER)
def summary(request: Request, tx: Transaction) -> dict[str, Any]:
    """Count the volumes and their size; with 3.36 also which values each metadata key has."""
    request.authorize("volume:get_all")
    total, metadata = _SUMMARY[is_admin(request) and query_flag(request.query_map, "all_tenants")]
    project = {"the_project": request.caller.project_id}
    count, size = tx.execute(total, project).one()
    answer: dict[str, Any] = {"total_count": count, "total_size": int(size)}
    if request.at_least(3, 36):
        values: dict[str, list[str]] = {}
        for (items,) in tx.rows(metadata, project):
            for key, value in items.items():
                if value not in values.setdefault(key, []):
                    values[key].append(value)
        answer["metadata"] = values
    return {"volume-summary": answer}
