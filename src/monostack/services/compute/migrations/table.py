"""The migrations table, and what became of a server's migrations.

While a migration is under way its uuid is the consumer that holds what the server had on its former host.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from monostack.core import clock, ids
from monostack.db import Flag, Id, Json, Name, Row, Timestamp, Transaction, table

# Kinds, in Nova's words.
RESIZE, COLD, LIVE, EVACUATION = "resize", "migration", "live-migration", "evacuation"

# States. What is in one of OPEN may still hold something at its hosts; FINISHED waits for its owner's word.
PRE_MIGRATING, MIGRATING, FINISHED = "pre-migrating", "migrating", "finished"
CONFIRMING, CONFIRMED, REVERTING, REVERTED = "confirming", "confirmed", "reverting", "reverted"
PREPARING, RUNNING, COMPLETED, ERROR, CANCELLED = "preparing", "running", "completed", "error", "cancelled"
ACCEPTED, DONE = "accepted", "done"
OPEN = (PRE_MIGRATING, MIGRATING, FINISHED, CONFIRMING, REVERTING, PREPARING, RUNNING, ACCEPTED)
LIVE_UNDER_WAY = ("queued", PREPARING, RUNNING, "post-migrating")

migrations = table(
    "server_migrations",
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("uuid", Id(36), nullable=False, unique=True),
    sa.Column("server_id", Id(36), nullable=False, index=True),
    sa.Column("project_id", Id()),
    sa.Column("user_id", Id()),
    sa.Column("kind", Name(16), nullable=False),
    sa.Column("status", Name(16), nullable=False),
    sa.Column("source", Name()),
    sa.Column("dest", Name()),
    sa.Column("dest_address", Name()),
    sa.Column("was_running", Flag, nullable=False, default=True),
    sa.Column("old_flavor", Json),  # as servers keep it, with its id
    sa.Column("new_flavor", Json),
    sa.Column("created_at", Timestamp, nullable=False),
    sa.Column("updated_at", Timestamp, nullable=False),
    sa.Index("ix_server_migrations_status", "status", "updated_at"),
    sa.Index("ix_server_migrations_page", "created_at", "id"),
)

_m = migrations.c
_INSERT = sa.insert(migrations)
_BY_UUID = sa.select(migrations).where(_m.uuid == sa.bindparam("the_uuid"))
_BY_ID = sa.select(migrations).where(_m.id == sa.bindparam("the_id"), _m.server_id == sa.bindparam("the_server"))
_OPEN_OF = (
    sa.select(migrations).where(_m.server_id == sa.bindparam("the_server"), _m.status.in_(OPEN)).order_by(_m.id.desc())
)  # fmt: skip
_AT_HOST = sa.select(_m.server_id).where(
    _m.status.in_(OPEN), sa.or_(_m.source == sa.bindparam("the_host"), _m.dest == sa.bindparam("the_host"))
)
_SET = (
    sa.update(migrations)
    .where(_m.uuid == sa.bindparam("the_uuid"))
    .values(status=sa.bindparam("the_status"), updated_at=sa.bindparam("the_time"))
)
_UNCONFIRMED = sa.select(_m.server_id, _m.uuid).where(_m.status == FINISHED, _m.updated_at < sa.bindparam("before"))


def add(tx: Transaction, **values: Any) -> str:
    """Write a migration. Returns its uuid."""
    now = clock.now()
    uuid = ids.new_uuid()
    tx.execute(_INSERT, {"uuid": uuid, "created_at": now, "updated_at": now, **values})
    return uuid


def get(tx: Transaction, uuid: str) -> Row:
    row = tx.row(_BY_UUID, {"the_uuid": uuid})
    assert row is not None, "migrations are never removed"
    return row


def find(tx: Transaction, server_id: str, id: int) -> Row | None:
    return tx.row(_BY_ID, {"the_server": server_id, "the_id": id})


def open_of(tx: Transaction, server_id: str) -> Sequence[Row]:
    """Those of a server that still hold something, the latest first."""
    return tx.rows(_OPEN_OF, {"the_server": server_id})


def at_host(tx: Transaction, host: str) -> set[str]:
    """The servers that a migration under way has a guest of at this host, whether or not that is where they are."""
    return {row.server_id for row in tx.rows(_AT_HOST, {"the_host": host})}


def unconfirmed(tx: Transaction, before: Any) -> Sequence[Row]:
    """Those that have been waiting for their owner's word since before a time: server_id, uuid."""
    return tx.rows(_UNCONFIRMED, {"before": before})


def set_status(tx: Transaction, uuid: str, status: str) -> None:
    tx.execute(_SET, {"the_uuid": uuid, "the_status": status, "the_time": clock.now()})
