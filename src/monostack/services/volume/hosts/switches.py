"""Which services beside cinder-volume an operator has disabled. Those that were never switched are enabled."""

from datetime import datetime

import sqlalchemy as sa

from monostack.core.errors import NotFound
from monostack.db import Flag, Name, Row, Timestamp, Transaction, table
from monostack.services.volume.hosts.table import ONE_HOST, lately

BACKUP = "cinder-backup"
_switches = table(
    "volume_service_switches",
    sa.Column("binary", Name(), primary_key=True),
    sa.Column("host", Name(), primary_key=True),
    sa.Column("disabled", Flag, nullable=False),
    sa.Column("disabled_reason", Name()),
    sa.Column("updated_at", Timestamp, nullable=False),
)
_IS = sa.and_(_switches.c.binary == sa.bindparam("the_binary"), _switches.c.host == sa.bindparam("the_host"))
_ALL = sa.select(_switches)
_ONE = _ALL.where(_IS)
_INSERT, _UPDATE = sa.insert(_switches), sa.update(_switches).where(_IS)


def switches(tx: Transaction) -> dict[tuple[str, str], Row]:
    """By binary and host."""
    return {(row.binary, row.host): row for row in tx.rows(_ALL)}


def switch(tx: Transaction, binary: str, host: str, disabled: bool, reason: str | None, now: datetime) -> None:
    values = {"disabled": disabled, "disabled_reason": reason, "updated_at": now}
    if tx.execute(_UPDATE.values(values), {"the_binary": binary, "the_host": host}).rowcount == 0:
        tx.execute(_INSERT, {"binary": binary, "host": host, **values})


def require_backups(tx: Transaction, host: str | None) -> None:
    """Does a host take orders to do with backups? Raises NotFound when they were disabled there, or when it is away."""
    row = tx.row(ONE_HOST, {"the_host": host}) if host is not None else None
    there = row is not None and (row.left_at is None or row.left_at > lately())
    found = tx.row(_ONE, {"the_binary": BACKUP, "the_host": host}) if there else None
    if not there or (found is not None and found.disabled):
        raise NotFound(f"Service {BACKUP} could not be found.", kind="ServiceNotFound")
