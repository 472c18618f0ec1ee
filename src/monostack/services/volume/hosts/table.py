"""What is known of the hosts that keep volumes. Each agent keeps them in its own files: the back end `file`, with a pool of that name.

A host may have more pools, other directories. Volume types choose one by its `volume_backend_name` as if it were a back end of its own.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from monostack.core import clock, ids
from monostack.db import Flag, Id, Name, Timestamp, Transaction, table
from monostack.protocol.volumes import PoolRoom
from monostack.services.volume.volumes.table import BACKEND
from monostack.services.volume.words import invalid_input

BACK_WITHIN = timedelta(seconds=30)  # an agent that was lost is expected back, as after a restart, and its host is given new volumes

volume_hosts = table(
    "volume_hosts",
    sa.Column("host", Name(), primary_key=True),
    sa.Column("uuid", Id(), nullable=False, unique=True),  # of the service: a volume's service_uuid
    sa.Column("disabled", Flag, nullable=False),  # gets no new volumes
    sa.Column("disabled_reason", Name()),
    sa.Column("frozen", Flag, nullable=False),  # what it has stays as it is: nothing is made, snapshotted or deleted
    sa.Column("created_at", Timestamp, nullable=False),
    sa.Column("updated_at", Timestamp),  # enabled or disabled
    sa.Column("compared_at", Timestamp),  # when its files were last compared with the rows; NULL: since it is connected not yet
    sa.Column("left_at", Timestamp),  # when its agent was lost; NULL while it is connected
)
volume_pools = table(
    "volume_pools",
    sa.Column("host", Name(), primary_key=True),
    sa.Column("pool", Name(), primary_key=True),
    sa.Column("position", Id(), nullable=False, unique=True),  # at random among all, for those who look at a few
    sa.Column("backend_name", Name(), nullable=False),  # as volume types ask for it with `volume_backend_name`
    sa.Column("capacity_gib", sa.Integer),  # of the file system, when it was last looked at
    sa.Column("free_gib", sa.Integer),
)
_h, _p = volume_hosts.c, volume_pools.c
ALL = sa.select(volume_hosts).order_by(_h.host)
POOLS = (
    sa.select(volume_hosts, _p.pool, _p.backend_name, _p.capacity_gib, _p.free_gib)
    .join_from(volume_hosts, volume_pools, _p.host == _h.host)
    .order_by(_h.host, _p.pool)
)
BACKENDS = sa.select(_p.backend_name, _p.pool).distinct()
OF_HOST = POOLS.where(_h.host == sa.bindparam("the_host"))
ONE = sa.select(volume_hosts).where(_h.host == sa.bindparam("the_host"))
_INSERT = sa.insert(volume_hosts)
_SET = sa.update(volume_hosts).where(_h.host == sa.bindparam("the_host"))
_INSERT_POOL = sa.insert(volume_pools)
_OF_POOL = (_p.host == sa.bindparam("the_host"), _p.pool == sa.bindparam("the_pool"))
_REMOVE_POOL = sa.delete(volume_pools).where(*_OF_POOL)
_NAME_POOL = sa.update(volume_pools).where(*_OF_POOL).values(backend_name=sa.bindparam("name"))
_FILL_POOL = sa.update(volume_pools).where(*_OF_POOL).values(capacity_gib=sa.bindparam("capacity"), free_gib=sa.bindparam("free"))


def service(host: str) -> str:
    """The host as the service list names it: host@backend."""
    return f"{host}@{BACKEND}"


def pool_in(name: str) -> str | None:
    """The pool that a service's name says, if it does."""
    return name.partition("#")[2] or None


def of_service(name: str) -> str:
    """The host that a service's name (with or without its pool) is of; "" when it is of another back end."""
    host, _, backend = name.partition("@")
    return host if backend.split("#", 1)[0] == BACKEND else ""


def find(tx: Transaction, service_name: str) -> Row[Any] | None:
    return tx.row(ONE, {"the_host": of_service(service_name)})


def enrol(tx: Transaction, cloud: Any, host: str) -> Sequence[Row[Any]]:
    """The pools (`POOLS`) of a host that may be new, or have others than before."""
    known, hello = tx.rows(OF_HOST, {"the_host": host}), cloud.hosts.hello(host)
    had = {row.pool: row.backend_name for row in known}
    has = had if hello is None and had else {BACKEND: BACKEND}
    if hello is not None:
        has = {**{name: name for name in hello.inventory.volume_pools}, BACKEND: hello.inventory.volume_backend}
    if has == had:
        return known
    if not known:
        tx.execute(_INSERT, {"host": host, "uuid": ids.new_uuid(), "disabled": False, "frozen": False, "created_at": clock.now()})
    for pool, name in has.items():
        if pool not in had:
            tx.execute(_INSERT_POOL, {"host": host, "pool": pool, "position": ids.new_uuid(), "backend_name": name})
        elif name != had[pool]:
            tx.execute(_NAME_POOL, {"the_host": host, "the_pool": pool, "name": name})
    for pool in set(had) - set(has):
        tx.execute(_REMOVE_POOL, {"the_host": host, "the_pool": pool})
    return tx.rows(OF_HOST, {"the_host": host})


def fill(tx: Transaction, host: str, rooms: Mapping[str, PoolRoom]) -> None:
    """Note how large the pools of a host are, and how much of them is free."""
    for pool, room in rooms.items():
        tx.execute(_FILL_POOL, {"the_host": host, "the_pool": pool, "capacity": room.capacity_gib, "free": room.free_gib})


def same_storage(cloud: Any, one: str, other: str) -> bool:
    """Do two hosts reach the same volumes? Hosts that keep files do not; of simulated ones that are away it may be."""
    storages = {hello.inventory.storage for host in (one, other) if (hello := cloud.hosts.hello(host)) is not None}
    return one == other or (len(storages) == 1 and "" not in storages)


def lately() -> str:
    """Hosts that were lost after this moment are expected back."""
    return (clock.now() - BACK_WITHIN).isoformat(timespec="microseconds")


def set_host(tx: Transaction, host: str, **values: Any) -> None:
    tx.execute(_SET.values(**values), {"the_host": host})


def require_not_frozen(tx: Transaction, host: str | None) -> None:
    """Raises BadRequest for a host of which an administrator said that what it has must stay as it is."""
    row = tx.row(ONE, {"the_host": host}) if host is not None else None
    if row is not None and row.frozen:
        raise invalid_input("Modification operations are not allowed on frozen storage backends.")
