"""The declarations of a group and of a group snapshot, and the statements about them."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from monostack.core import clock
from monostack.core.errors import BadRequest
from monostack.db import Row, Transaction
from monostack.http import Request
from monostack.http.answers import ID, TEXT, Record, many, maybe, since
from monostack.resources import Field, Resource, json_value, text, time, uuid
from monostack.services.volume.lists import PRESENT
from monostack.services.volume.parameters import query_flag
from monostack.services.volume.snapshots.table import SNAPSHOTS
from monostack.services.volume.style import STYLE, of_project, own
from monostack.services.volume.volumes.table import VOLUMES, in_pool


def _expand(tx: Transaction, request: Request, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """The volumes of a page of groups, for those who ask for them (3.25)."""
    if not request.at_least(3, 25) or not query_flag(request.query_map, "list_volume"):
        return [{} for _ in rows]
    members: dict[str, list[str]] = {}
    for volume_id, group_id in tx.rows(_MEMBERS, {"groups": [row.id for row in rows]}):
        members.setdefault(group_id, []).append(volume_id)
    return [{"volumes": members.get(row.id, [])} for row in rows]


GROUPS = Resource(
    "group",
    "groups",
    STYLE,
    path="/v3/groups",
    title="Group",
    fields=(
        Field("id", uuid()),
        Field("status", text(32), index=True),
        Field("availability_zone", text(), nullable=True),
        Field("created_at", time(), index=True),
        Field("name", text(), nullable=True),
        Field("description", text(), nullable=True),
        Field("group_type", uuid(), column="group_type_id", index=True),
        Field("volume_types", json_value(), column="volume_type_ids", default=list),
        Field("group_snapshot_id", uuid(), nullable=True, since=(3, 14)),
        Field("source_group_id", uuid(), nullable=True, since=(3, 14)),
        Field("replication_status", text(32), nullable=True, since=(3, 38)),
        Field("project_id", uuid(), view="group:group_project_attribute", since=(3, 58), index=True),
        Field("user_id", uuid(), view=False),
        Field("host", text(), nullable=True, view=False, index=True),
        Field("pool", text(), view=False),  # and it the back end there, that all its volumes are on
        Field("updated_at", time(), view=False),
        Field("fault", text(1024), nullable=True, view=False),  # why it is in error, for operators
    ),
    policy={"list": "group:get_all", "show": "group:get"},
    scopes=of_project(PRESENT),
    table_name="volume_groups",
    expand=_expand,
    adds={"volumes": since((3, 25), many(ID), optional=True)},
    conditions={"pool": in_pool},
)
GROUP_SNAPSHOTS = Resource(
    "group_snapshot",
    "group_snapshots",
    STYLE,
    path="/v3/group_snapshots",
    title="GroupSnapshot",
    fields=(
        Field("id", uuid()),
        Field("group_id", uuid(), index=True),
        Field("group_type_id", uuid()),
        Field("status", text(32)),
        Field("created_at", time()),
        Field("name", text(), nullable=True),
        Field("description", text(), nullable=True),
        Field("project_id", uuid(), view="group:group_snapshot_project_attribute", since=(3, 58), index=True),
        Field("user_id", uuid(), view=False),
        Field("updated_at", time(), view=False),
        Field("fault", text(1024), nullable=True, view=False),
    ),
    policy={"list": "group:get_all_group_snapshots", "show": "group:get_group_snapshot"},
    scopes=of_project(PRESENT),
    table_name="volume_group_snapshots",
)
_g, _gs, _v, _s = GROUPS.table.c, GROUP_SNAPSHOTS.table.c, VOLUMES.table.c, SNAPSHOTS.table.c
# Not what the calls about consistency groups made: those are listed by them.
GENERIC = _g.group_type_id != sa.bindparam("the_former_type")
GENERIC_SNAPSHOTS = _gs.group_type_id != sa.bindparam("the_former_type")
OWN_SNAPSHOTS = own(GROUP_SNAPSHOTS.table)  # whoever asks and however
OWN_GENERIC_SNAPSHOTS = sa.and_(GENERIC_SNAPSHOTS, OWN_SNAPSHOTS)
ONE_GROUP = sa.select(GROUPS.table).where(_g.id == sa.bindparam("the_id"))
REMOVE_GROUP = sa.delete(GROUPS.table).where(_g.id == sa.bindparam("the_id"))
REMOVE_GROUP_SNAPSHOT = sa.delete(GROUP_SNAPSHOTS.table).where(_gs.id == sa.bindparam("the_id"))
OF_GROUP_TYPE = sa.select(_g.id).where(_g.group_type_id == sa.bindparam("the_type")).limit(1)
FORGET_SNAPSHOTS = sa.delete(SNAPSHOTS.table).where(_s.group_snapshot_id == sa.bindparam("the_id"))
FORGET_VOLUMES = sa.delete(VOLUMES.table).where(_v.group_id == sa.bindparam("the_id"))
_MEMBERS = sa.select(_v.id, _v.group_id).where(_v.group_id.in_(sa.bindparam("groups", expanding=True))).order_by(_v.created_at, _v.id)
_VOLUMES = sa.select(VOLUMES.table).where(_v.group_id == sa.bindparam("the_group")).order_by(_v.created_at, _v.id)
_SNAPSHOTS = sa.select(SNAPSHOTS.table).where(_s.group_snapshot_id == sa.bindparam("the_id")).order_by(_s.created_at, _s.id)
_OF_GROUP = sa.select(_gs.id).where(_gs.group_id == sa.bindparam("the_group")).limit(1)
_COPYING = sa.select(_g.id).where(
    _g.status == "creating", sa.or_(_g.group_snapshot_id == sa.bindparam("the_id"), _g.source_group_id == sa.bindparam("the_id"))
)
_SET = sa.update(GROUPS.table).where(_g.id == sa.bindparam("the_id"))
_SET_SNAPSHOT = sa.update(GROUP_SNAPSHOTS.table).where(_gs.id == sa.bindparam("the_id"))


def volumes_of(tx: Transaction, group_id: str) -> Sequence[Row]:
    return tx.rows(_VOLUMES, {"the_group": group_id})


def snapshots_of(tx: Transaction, group_snapshot_id: str) -> Sequence[Row]:
    return tx.rows(_SNAPSHOTS, {"the_id": group_snapshot_id})


def has_snapshots(tx: Transaction, group_id: str) -> bool:
    return tx.row(_OF_GROUP, {"the_group": group_id}) is not None


def is_copied(tx: Transaction, id: str) -> bool:
    """Is a group being made from this group or group snapshot now?"""
    return tx.row(_COPYING, {"the_id": id}) is not None


def set_group(tx: Transaction, group_id: str, *, expected: str | None = None, **values: Any) -> None:
    """Write what the cloud itself decides; with `expected` only while that is the status."""
    statement = _SET if expected is None else _SET.where(_g.status == expected)
    tx.execute(statement.values(updated_at=clock.now(), **values), {"the_id": group_id})


def set_group_snapshot(tx: Transaction, id: str, *, expected: str | None = None, **values: Any) -> None:
    statement = _SET_SNAPSHOT if expected is None else _SET_SNAPSHOT.where(_gs.status == expected)
    tx.execute(statement.values(updated_at=clock.now(), **values), {"the_id": id})


def find_group(tx: Transaction, request: Request, group_id: str) -> Row:
    """A group of the caller's project; administrators find every project's. Raises NotFound, PolicyNotAuthorized."""
    row = GROUPS.get(request, tx, group_id)
    GROUPS.authorize(request, "show", row)
    return row


def find_group_snapshot(tx: Transaction, request: Request, id: str) -> Row:
    row = GROUP_SNAPSHOTS.get(request, tx, id)
    GROUP_SNAPSHOTS.authorize(request, "show", row)
    return row


def invalid_group(reason: str) -> BadRequest:
    return BadRequest(f"Invalid Group: {reason}", kind="InvalidGroup", detail=reason)

SUMMARY = Record("GroupSummary", {"id": ID, "name": maybe(TEXT)})
SNAPSHOT_SUMMARY = Record("GroupSnapshotSummary", {"id": ID, "name": maybe(TEXT)})
NEW_SNAPSHOT = SNAPSHOT_SUMMARY.with_keys("NewGroupSnapshot", {"group_type_id": ID})
