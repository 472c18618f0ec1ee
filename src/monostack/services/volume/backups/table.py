"""The declaration of a backup, and the statements about backups."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from monostack.core import clock
from monostack.core.errors import BadRequest
from monostack.db import Row, Transaction
from monostack.http import Request
from monostack.http.answers import FLAG, ID, TEXT, Record, maybe, since
from monostack.resources import Field, Resource, integer, json_value, text, time, uuid
from monostack.services.volume.links import LINKS, links
from monostack.services.volume.lists import BOOLEAN
from monostack.services.volume.style import STYLE, of_project
from monostack.services.volume.volumes.table import KEY_SHOWN

# What has the bits, as records of backups name it: clients know the drivers by Cinder's names, and this one keeps files, too.
SERVICE = "cinder.backup.drivers.posix.PosixBackupDriver"
PROJECT, OWNER = "os-backup-project-attr:project_id", "backup:backup_project_attribute"


def _expand(tx: Transaction, request: Request, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Links, and which of a page of backups others were made from."""
    parents = {row[0] for row in tx.rows(_PARENTS, {"backups": [row.id for row in rows]})}
    return [
        {
            "links": links(request, "backups", row.id),
            "is_incremental": row.parent_id is not None,
            "has_dependent_backups": row.id in parents,
            **({"encryption_key_id": row.encryption_key_id} if row.encryption_key_id and request.at_least(*KEY_SHOWN) else {}),
        }
        for row in rows
    ]


BACKUPS = Resource(
    "backup",
    "backups",
    STYLE,
    path="/v3/backups",
    title="Backup",
    fields=(
        Field("id", uuid()),
        Field("status", text(), index=True),
        Field("size", integer(0), default=0),
        Field("object_count", integer(0), default=0),
        Field("availability_zone", text(), nullable=True),
        Field("container", text(), nullable=True),
        Field("created_at", time(), index=True),
        Field("updated_at", time(), nullable=True),
        Field("name", text(), nullable=True),
        Field("description", text(), nullable=True),
        Field("fail_reason", text(1024), nullable=True),
        Field("volume_id", uuid(), index=True),
        Field("snapshot_id", uuid(), nullable=True),
        Field("data_timestamp", time(), nullable=True),
        Field("metadata", json_value(), default=dict, column="meta", since=(3, 43)),
        Field(PROJECT, uuid(), column="project_id", view=OWNER, since=(3, 18), index=True),
        Field("user_id", uuid(), view=OWNER, since=(3, 56)),
        # What is kept beside what is shown
        Field("parent_id", uuid(), nullable=True, view=False, index=True),
        Field("host", text(), nullable=True, view=False, index=True),
        Field("stored_as", uuid(), view=False, index=True),  # the name of its data on the host: imported backups share that of another
        Field("restore_volume_id", uuid(), nullable=True, view=False),
        Field("encryption_key_id", uuid(), nullable=True, view=False),
        Field("sealed_key", text(1024), nullable=True, view=False),  # see keys
        Field("saved", json_value(), default=dict, view=False),  # name, description, metadata, image_metadata and bootable of the volume
    ),
    policy={"list": "backup:get_all", "show": "backup:get", "update": "backup:update", "delete": "backup:delete"},
    scopes=of_project(BOOLEAN),
    table_name="volume_backups",
    expand=_expand,
    adds={"links": LINKS, "is_incremental": FLAG, "has_dependent_backups": FLAG, "encryption_key_id": since(KEY_SHOWN, ID, optional=True)},
)
SUMMARY = Record("BackupSummary", {"id": ID, "name": maybe(TEXT), "links": LINKS})
_b = BACKUPS.table.c
ONE = sa.select(BACKUPS.table).where(_b.id == sa.bindparam("the_id"))
REMOVE = sa.delete(BACKUPS.table).where(_b.id == sa.bindparam("the_id"))
_PARENTS = sa.select(_b.parent_id).where(_b.parent_id.in_(sa.bindparam("backups", expanding=True))).distinct()
_CHILDREN = sa.select(_b.id).where(_b.parent_id == sa.bindparam("the_id")).limit(1)
_OF_VOLUME = sa.select(BACKUPS.table).where(_b.volume_id == sa.bindparam("the_volume"), _b.project_id == sa.bindparam("the_project"))
_SHARING = sa.select(_b.id).where(_b.stored_as == sa.bindparam("stored"), _b.id != sa.bindparam("the_id")).limit(1)
_KEY = sa.select(BACKUPS.table).where(_b.stored_as == sa.bindparam("stored"), _b.encryption_key_id.is_not(None)).limit(1)
_SET = sa.update(BACKUPS.table).where(_b.id == sa.bindparam("the_id"))


def of_volume(tx: Transaction, volume_id: str, project_id: str) -> Sequence[Row]:
    """A project's backups of a volume."""
    return tx.rows(_OF_VOLUME, {"the_volume": volume_id, "the_project": project_id})


def has_children(tx: Transaction, backup_id: str) -> bool:
    """Were incremental backups made from it?"""
    return tx.row(_CHILDREN, {"the_id": backup_id}) is not None


def is_shared(tx: Transaction, backup_id: str, stored_as: str) -> bool:
    """Does another row stand for the same data?"""
    return tx.row(_SHARING, {"stored": stored_as, "the_id": backup_id}) is not None


def keyed(tx: Transaction, stored_as: str) -> Row | None:
    """A backup that has the key of this data, if it is encrypted, and known here."""
    return tx.row(_KEY, {"stored": stored_as})


def set_backup(tx: Transaction, backup_id: str, *, expected: str | None = None, **values: Any) -> None:
    """Write what the cloud itself decides; with `expected` only while that is the status."""
    statement = _SET if expected is None else _SET.where(_b.status == expected)
    tx.execute(statement.values(updated_at=clock.now(), **values), {"the_id": backup_id})


def invalid_backup(reason: str) -> BadRequest:
    return BadRequest(f"Invalid backup: {reason}", kind="InvalidBackup", detail=reason)


def find(tx: Transaction, request: Request, backup_id: str) -> Row:
    """A backup of the caller's project; administrators find every project's. Raises NotFound, PolicyNotAuthorized."""
    row = BACKUPS.get(request, tx, backup_id)
    BACKUPS.authorize(request, "show", row)
    return row


def named(tx: Transaction, request: Request) -> Row:
    """The backup in the path."""
    return find(tx, request, request.params["id"])
