"""The declaration of a snapshot, and the statements about snapshots."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from monostack.core import clock
from monostack.db import Row, Transaction
from monostack.resources import Field, Resource, flag, integer, json_value, text, time, uuid
from monostack.services.volume.lists import WORD, has_item
from monostack.services.volume.style import STYLE, of_project
from monostack.services.volume.volumes.table import VOLUMES, in_pool

PROJECT, PROGRESS = "os-extended-snapshot-attributes:project_id", "os-extended-snapshot-attributes:progress"
EXTENSIONS = (PROJECT, PROGRESS)
GUARD = "volume_extension:extended_snapshot_attributes"


def _in_pool(table: sa.Table, operator: str, parameter: str) -> Any:
    """A snapshot is where its volume is."""
    return table.c.volume_id.in_(sa.select(VOLUMES.table.c.id).where(in_pool(VOLUMES.table, operator, parameter)))


def _in_zone(table: sa.Table, operator: str, parameter: str) -> Any:
    """Of a volume in a zone."""
    volumes = VOLUMES.table.c
    zone = sa.bindparam(parameter, type_=sa.String())
    return table.c.volume_id.in_(sa.select(volumes.id).where(volumes.availability_zone == zone))


SNAPSHOTS = Resource(
    "snapshot",
    "snapshots",
    STYLE,
    path="/v3/snapshots",
    title="Snapshot",
    fields=(
        Field("id", uuid()),
        Field("created_at", time(), index=True),
        Field("updated_at", time(), nullable=True),
        Field("name", text(), nullable=True),
        Field("description", text(), nullable=True),
        Field("volume_id", uuid(), index=True),
        Field("status", text(), index=True),
        Field("size", integer(1), default=0),
        Field("metadata", json_value(), default=dict, column="meta"),
        Field("group_snapshot_id", uuid(), nullable=True, since=(3, 14), index=True),
        Field("user_id", uuid(), since=(3, 41)),
        Field("consumes_quota", flag(), default=True, since=(3, 65)),
        Field(PROJECT, uuid(), column="project_id", view=GUARD, index=True),
        Field(PROGRESS, text(16), column="progress", nullable=True, view=GUARD),
        Field("host", text(), nullable=True, view=False, index=True),
        Field("volume_type_id", uuid(), view=False, index=True),
        Field("fault", text(1024), nullable=True, view=False),  # why it is in error, for operators
    ),
    policy={"list": "volume:get_all_snapshots", "show": "volume:get_snapshot"},
    scopes=of_project(WORD),
    table_name="volume_snapshots",
    conditions={"items": has_item("meta"), "zone": _in_zone, "pool": _in_pool},
)
_s = SNAPSHOTS.table.c
OF_VOLUME = sa.select(SNAPSHOTS.table).where(_s.volume_id == sa.bindparam("the_volume")).order_by(_s.created_at.desc(), _s.id)
ONE = sa.select(SNAPSHOTS.table).where(_s.id == sa.bindparam("the_id"))
REMOVE = sa.delete(SNAPSHOTS.table).where(_s.id == sa.bindparam("the_id"))
_SET = sa.update(SNAPSHOTS.table).where(_s.id == sa.bindparam("the_id"))


def of_volume(tx: Transaction, volume_id: str) -> Sequence[Row]:
    """A volume's snapshots, the newest first."""
    return tx.rows(OF_VOLUME, {"the_volume": volume_id})


def set_snapshot(tx: Transaction, snapshot_id: str, *, expected: str | None = None, **values: Any) -> None:
    """Write what the cloud itself decides; with `expected` only while that is the status."""
    statement = _SET if expected is None else _SET.where(_s.status == expected)
    tx.execute(statement.values(updated_at=clock.now(), **values), {"the_id": snapshot_id})
