"""Where a new volume goes: a few hosts chosen at random, and of these the emptiest. It costs the same with any number of hosts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from monostack.core import ids
from monostack.db import Transaction
from monostack.services.volume.hosts.capabilities import OVERSUBSCRIPTION, capable
from monostack.services.volume.hosts.table import BACKENDS, enrol, lately, volume_hosts
from monostack.services.volume.volumes.table import VOLUMES

LOOK_AT = 8
_h, _v = volume_hosts.c, VOLUMES.table.c
_lately: Any = sa.bindparam("lately", type_=_h.left_at.type)
_FREE = (
    sa.select(volume_hosts)
    .where(_h.left_at.is_(None) | (_h.left_at > _lately), _h.disabled.is_(False), _h.frozen.is_(False))
    .where(_h.backend_name.in_(sa.bindparam("backends", expanding=True)))
    .order_by(_h.uuid)
    .limit(sa.bindparam("many"))
)
_FROM = _FREE.where(_h.uuid >= sa.bindparam("here"))
_BEFORE = _FREE.where(_h.uuid < sa.bindparam("here"))
_ALLOCATED = sa.select(_v.host, sa.func.sum(_v.size)).where(_v.host.in_(sa.bindparam("hosts", expanding=True))).group_by(_v.host)


@dataclass(frozen=True, slots=True)
class Place:
    host: str
    service_uuid: str


def allocated(tx: Transaction, hosts: Sequence[str]) -> dict[str, int]:
    """GiB of the volumes that each host has."""
    return {host: int(size) for host, size in tx.rows(_ALLOCATED, {"hosts": list(hosts)})}


def _some(tx: Transaction, cloud: Any, extra_specs: Mapping[str, Any]) -> list[Row[Any]]:
    """A few capable hosts from anywhere among those that take volumes: uuids are random, so is a place in their order."""
    backends = [row.backend_name for row in tx.rows(BACKENDS) if capable(extra_specs, row.backend_name)]
    here = {"backends": backends, "here": ids.new_uuid(), "many": LOOK_AT, "lately": lately()}
    rows = [*tx.rows(_FROM, here)]
    if len(rows) < LOOK_AT:
        rows += tx.rows(_BEFORE, {**here, "many": LOOK_AT - len(rows)})
    # Hosts of the last moment may not be enrolled yet.
    new = (enrol(tx, cloud, host) for host in sorted(cloud.hosts.connected())[:LOOK_AT])
    return rows or [row for row in new if not (row.disabled or row.frozen) and capable(extra_specs, row.backend_name)]


def place(tx: Transaction, cloud: Any, size: int, extra_specs: Mapping[str, Any], host: str | None = None) -> Place | None:
    """A host for a volume of `size` GiB and a type's extra specs; with `host` that one or none. None when no host can take it."""
    if host is not None:
        rows = [row for row in (enrol(tx, cloud, host),) if not row.frozen and capable(extra_specs, row.backend_name)]
    else:
        rows = _some(tx, cloud, extra_specs)
    rows = [row for row in rows if row.left_at is None or row.left_at > lately()]
    given = allocated(tx, [row.host for row in rows]) if rows else {}
    fitting = [row for row in rows if _fits(row, given.get(row.host, 0), size)]
    if not fitting:
        return None
    best = min(fitting, key=lambda row: (given.get(row.host, 0) / (row.capacity_gib or 1), row.host))
    return Place(best.host, best.uuid)


def _fits(row: Row[Any], given: int, size: int) -> bool:
    if row.capacity_gib is None:
        return True
    return given + size <= row.capacity_gib * OVERSUBSCRIPTION and size <= row.free_gib * OVERSUBSCRIPTION
