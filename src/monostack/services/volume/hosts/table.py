"""What is known of the hosts that keep volumes, and of their back ends. Each agent keeps volumes in files of its own, in one directory or
more, the pools: each pool is a back end, that is a service, of its own, `host@pool`, and the one pool of that: `host@pool#pool`.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from monostack.core import clock, ids
from monostack.db import Flag, Id, Name, Row, Timestamp, Transaction, table
from monostack.protocol.volumes import POOL, PoolRoom
from monostack.services.volume.words import invalid_input

BACK_WITHIN = timedelta(seconds=30)  # an agent that was lost is expected back, as after a restart, and its host is given new volumes

volume_hosts = table(
    "volume_hosts",
    sa.Column("host", Name(), primary_key=True),
    sa.Column("compared_at", Timestamp),  # when its files were last compared with the rows; NULL: since it is connected not yet
    sa.Column("left_at", Timestamp),  # when its agent was lost; NULL while it is connected
)
volume_backends = table(
    "volume_backends",
    sa.Column("host", Name(), primary_key=True),
    sa.Column("pool", Name(), primary_key=True),
    sa.Column("uuid", Id(), nullable=False, unique=True),  # of the service: a volume's service_uuid; at random, for those who look at a few
    sa.Column("backend_name", Name(), nullable=False),  # as volume types ask for it with `volume_backend_name`
    sa.Column("disabled", Flag, nullable=False),  # gets no new volumes
    sa.Column("disabled_reason", Name()),
    sa.Column("frozen", Flag, nullable=False),  # what it has stays as it is: nothing is made, snapshotted or deleted
    sa.Column("created_at", Timestamp, nullable=False),
    sa.Column("updated_at", Timestamp),  # enabled or disabled
    sa.Column("capacity_gib", sa.Integer),  # of the file system, when it was last looked at
    sa.Column("free_gib", sa.Integer),
)
_h, _b = volume_hosts.c, volume_backends.c
HOSTS = sa.select(volume_hosts).order_by(_h.host)
ONE_HOST = sa.select(volume_hosts).where(_h.host == sa.bindparam("the_host"))
BACKENDS = sa.select(volume_backends, _h.left_at).join_from(volume_backends, volume_hosts, _h.host == _b.host).order_by(_b.host, _b.pool)
KINDS = sa.select(_b.backend_name, _b.pool).distinct()
_OF_HOST = BACKENDS.where(_b.host == sa.bindparam("the_host"))
_ONE = _OF_HOST.where(_b.pool == sa.bindparam("the_pool"))
_INSERT_HOST = sa.insert(volume_hosts)
_COMPARED = sa.update(volume_hosts).where(_h.host == sa.bindparam("the_host")).values(compared_at=sa.bindparam("now"))
_INSERT = sa.insert(volume_backends)
_IS = (_b.host == sa.bindparam("the_host"), _b.pool == sa.bindparam("the_pool"))
_REMOVE = sa.delete(volume_backends).where(*_IS)
_SET = sa.update(volume_backends).where(*_IS)


def pool_in(name: str) -> str | None:
    """The pool that a service's name says, if it does."""
    return name.partition("#")[2] or None


def backend(tx: Transaction, host: str | None, pool: str) -> Row | None:
    return tx.row(_ONE, {"the_host": host, "the_pool": pool}) if host is not None else None


def find(tx: Transaction, name: str) -> Row | None:
    """The back end that a service's name, with or without its pool, is of."""
    host, _, pool = name.partition("#")[0].partition("@")
    return backend(tx, host, pool)


def enrol(tx: Transaction, cloud: Any, host: str) -> Sequence[Row]:
    """The back ends of a host that may be new, or have others than before."""
    known, hello = tx.rows(_OF_HOST, {"the_host": host}), cloud.hosts.hello(host)
    had = {row.pool: row.backend_name for row in known}
    has = had if hello is None and had else {POOL: POOL}
    if hello is not None:
        has = {**{name: name for name in hello.inventory.volume_pools}, POOL: hello.inventory.volume_backend}
    if has == had:
        return known
    if not known:
        tx.execute(_INSERT_HOST, {"host": host})
    for pool, name in has.items():
        if pool not in had:
            new = {"uuid": ids.new_uuid(), "backend_name": name, "disabled": False, "frozen": False, "created_at": clock.now()}
            tx.execute(_INSERT, {"host": host, "pool": pool, **new})
        elif name != had[pool]:
            set_backend(tx, host, pool, backend_name=name)
    for pool in set(had) - set(has):
        tx.execute(_REMOVE, {"the_host": host, "the_pool": pool})
    return tx.rows(_OF_HOST, {"the_host": host})


def fill(tx: Transaction, host: str, rooms: Mapping[str, PoolRoom]) -> None:
    """Note how large the pools of a host are, and how much of them is free."""
    for pool, room in rooms.items():
        set_backend(tx, host, pool, capacity_gib=room.capacity_gib, free_gib=room.free_gib)


def same_storage(cloud: Any, one: str, other: str) -> bool:
    """Do two hosts reach the same volumes? Hosts that keep files do not; of simulated ones that are away it may be."""
    storages = {hello.inventory.storage for host in (one, other) if (hello := cloud.hosts.hello(host)) is not None}
    return one == other or (len(storages) == 1 and "" not in storages)


def lately() -> str:
    """Hosts that were lost after this moment are expected back."""
    return (clock.now() - BACK_WITHIN).isoformat(timespec="microseconds")


def compared(tx: Transaction, host: str) -> None:
    """Note that the files of a host have been compared with the rows just now."""
    tx.execute(_COMPARED, {"the_host": host, "now": clock.now()})


def set_backend(tx: Transaction, host: str, pool: str, **values: Any) -> None:
    tx.execute(_SET.values(**values), {"the_host": host, "the_pool": pool})


def require_not_frozen(tx: Transaction, host: str | None, pool: str) -> None:
    """Raises BadRequest for a back end of which an administrator said that what it has must stay as it is."""
    row = backend(tx, host, pool)
    if row is not None and row.frozen:
        raise invalid_input("Modification operations are not allowed on frozen storage backends.")
