"""Where a new volume goes: of a few back ends chosen at random the emptiest. It costs the same with any number of hosts."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from monostack.core import ids
from monostack.db import Row, Transaction
from monostack.services.volume.hosts.capabilities import OVERSUBSCRIPTION, capable
from monostack.services.volume.hosts.table import BACKENDS, KINDS, enrol, lately, volume_backends, volume_hosts
from monostack.services.volume.volumes.table import VOLUMES

LOOK_AT = 8
_h, _b, _v = volume_hosts.c, volume_backends.c, VOLUMES.table.c
_lately: Any = sa.bindparam("lately", type_=_h.left_at.type)
_FREE = (
    BACKENDS.order_by(None)
    .where(_h.left_at.is_(None) | (_h.left_at > _lately), _b.disabled.is_(False), _b.frozen.is_(False))
    .where((_b.backend_name + "#" + _b.pool).in_(sa.bindparam("kinds", expanding=True)))
    .order_by(_b.uuid)
    .limit(sa.bindparam("many"))
)
_FROM = _FREE.where(_b.uuid >= sa.bindparam("here"))
_BEFORE = _FREE.where(_b.uuid < sa.bindparam("here"))
_ALLOCATED = (
    sa.select(_v.host, _v.pool, sa.func.sum(_v.size)).where(_v.host.in_(sa.bindparam("hosts", expanding=True))).group_by(_v.host, _v.pool)
)


@dataclass(frozen=True, slots=True)
class Place:
    host: str
    pool: str
    service_uuid: str


def allocated(tx: Transaction, hosts: Collection[str]) -> dict[tuple[str, str], int]:
    """GiB of the volumes in each pool of some hosts."""
    return {(host, pool): int(size) for host, pool, size in tx.rows(_ALLOCATED, {"hosts": list(hosts)})}


def _some(tx: Transaction, cloud: Any, extra_specs: Mapping[str, Any]) -> list[Row]:
    """A few capable back ends from anywhere among those that take volumes."""
    kinds = [f"{row.backend_name}#{row.pool}" for row in tx.rows(KINDS) if capable(extra_specs, row)]
    here = {"kinds": kinds, "here": ids.new_uuid(), "many": LOOK_AT, "lately": lately()}
    rows = [*tx.rows(_FROM, here)]
    if len(rows) < LOOK_AT:
        rows += tx.rows(_BEFORE, {**here, "many": LOOK_AT - len(rows)})
    # Hosts of the last moment may not be enrolled yet.
    new = (row for host in sorted(cloud.hosts.connected())[:LOOK_AT] for row in enrol(tx, cloud, host))
    return rows or [row for row in new if _takes(row, extra_specs)]


def _takes(row: Row, extra_specs: Mapping[str, Any]) -> bool:
    return not (row.disabled or row.frozen) and capable(extra_specs, row)


def place(
    tx: Transaction, cloud: Any, size: int, extra_specs: Mapping[str, Any], host: str | None = None, pool: str | None = None
) -> Place | None:
    """A place for a volume of `size` GiB and a type's extra specs; with `host`, and its `pool`, there or nowhere. None: nowhere."""
    if host is not None:
        rows = [row for row in enrol(tx, cloud, host) if pool in (None, row.pool) and _takes(row, extra_specs)]
    else:
        rows = _some(tx, cloud, extra_specs)
    rows = [row for row in rows if row.left_at is None or row.left_at > lately()]
    given = allocated(tx, {row.host for row in rows}) if rows else {}
    fitting = [row for row in rows if _fits(row, given.get((row.host, row.pool), 0), size)]
    if not fitting:
        return None
    best = min(fitting, key=lambda row: (given.get((row.host, row.pool), 0) / (row.capacity_gib or 1), row.host, row.pool))
    return Place(best.host, best.pool, best.uuid)


def _fits(row: Row, given: int, size: int) -> bool:
    if row.capacity_gib is None:
        return True
    return given + size <= row.capacity_gib * OVERSUBSCRIPTION and size <= row.free_gib * OVERSUBSCRIPTION
