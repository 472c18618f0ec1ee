"""The limits in force and the use, both by resource. Volumes, snapshots and gigabytes have limits by volume type, too: volumes_<type>."""

from typing import Any

import msgspec
import sqlalchemy as sa

from monostack import quotas
from monostack.db import Transaction
from monostack.services.volume.backups.table import BACKUPS
from monostack.services.volume.groups.table import GROUPS as GROUP_ROWS
from monostack.services.volume.snapshots.table import SNAPSHOTS
from monostack.services.volume.types.table import TYPES
from monostack.services.volume.volumes.table import VOLUMES

SERVICE = "volume"
TYPED = ("volumes", "gigabytes", "snapshots")
PLAIN = ("volumes", "per_volume_gigabytes", "snapshots", "gigabytes", "backups", "backup_gigabytes")
GROUPS = ("groups",)
_TYPE_NAMES = sa.select(TYPES.table.c.id, TYPES.table.c.name).order_by(TYPES.table.c.created_at, TYPES.table.c.id)


def _used(table: sa.Table) -> Any:
    c = table.c
    return (
        sa.select(c.volume_type_id, sa.func.count(), sa.func.coalesce(sa.func.sum(c.size), 0))
        .where(c.project_id == sa.bindparam("the_project"), c.consumes_quota.is_(True))
        .group_by(c.volume_type_id)
    )


_b = BACKUPS.table.c
_BACKUPS = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(_b.size), 0)).where(_b.project_id == sa.bindparam("the_project"))
_GROUPS = sa.select(sa.func.count()).where(GROUP_ROWS.table.c.project_id == sa.bindparam("the_project"))
_VOLUMES, _SNAPSHOTS = _used(VOLUMES.table), _used(SNAPSHOTS.table)


def defaults(tx: Transaction, cloud: Any) -> dict[str, int]:
    """The limits of projects that have none of their own: the configured ones, under what the default class says."""
    configured = msgspec.structs.asdict(cloud.config.quota.volume)
    limits = {name: configured[name] for name in PLAIN}
    limits.update({f"{name}_{kind.name}": -1 for kind in tx.rows(_TYPE_NAMES) for name in TYPED})
    limits.update({name: configured[name] for name in GROUPS})
    return {**limits, **_known(quotas.own_limits(tx, SERVICE, quotas.quota_class("default")), limits)}


def _known(given: dict[str, int], limits: dict[str, int]) -> dict[str, int]:
    return {name: value for name, value in given.items() if name in limits}


def limits_of(tx: Transaction, cloud: Any, project_id: str) -> dict[str, int]:
    """The limits in force for a project, or for a quota class."""
    limits = defaults(tx, cloud)
    return {**limits, **_known(quotas.own_limits(tx, SERVICE, project_id), limits)}


def usage(tx: Transaction, project_id: str) -> dict[str, int]:
    """What a project uses of each resource; of what is not in the answer it uses nothing."""
    names = {row.id: row.name for row in tx.rows(_TYPE_NAMES)}
    used: dict[str, int] = dict.fromkeys((*PLAIN, *GROUPS), 0)
    for statement, resource in ((_VOLUMES, "volumes"), (_SNAPSHOTS, "snapshots")):
        for type_id, count, size in tx.rows(statement, {"the_project": project_id}):
            for name, amount in ((resource, int(count)), ("gigabytes", int(size))):
                used[name] += amount
                typed = f"{name}_{names.get(type_id)}"
                used[typed] = used.get(typed, 0) + amount
    count, size = tx.execute(_BACKUPS, {"the_project": project_id}).one()
    used.update(backups=int(count), backup_gigabytes=int(size), groups=int(tx.scalar(_GROUPS, {"the_project": project_id})))
    return used
