"""User messages: the declaration, and how one is written. Texts and numbers are Cinder's (cinder.message.message_field)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from monostack.core import clock, ids
from monostack.db import Transaction
from monostack.http import Request
from monostack.operations import Run
from monostack.resources import Field, Resource, text, time, uuid
from monostack.services.volume.links import LINKS
from monostack.services.volume.style import STYLE, of_project

LIFETIME = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Part:
    """What was being done, or what went wrong."""

    id: str
    text: str


SCHEDULE = Part("001", "schedule allocate volume")
COPY_TO_IMAGE = Part("003", "copy volume to image")
COPY_IMAGE = Part("005", "copy image to volume")
EXTEND = Part("007", "extend volume")
CREATE = Part("008", "create volume from backend storage")
SNAPSHOT = Part("009", "create snapshot")
DELETE_SNAPSHOT = Part("010", "delete snapshot")
BACKUP = Part("013", "create backup")
DELETE_BACKUP = Part("014", "delete backup")
RESTORE = Part("015", "restore backup")
REIMAGE = Part("016", "reimage volume")

UNKNOWN = Part("001", "An unknown error occurred.")
NO_BACKEND = Part("003", "Could not find any available weighted backend.")
UPLOAD_FAILED = Part("004", "Failed to upload volume to image at backend.")
TOO_SMALL = Part("007", "Image used for creating volume exceeds available space.")
EXTEND_FAILED = Part("010", "Volume Driver failed to extend volume.")
CREATE_FAILED = Part("012", "Driver failed to create the volume.")
SNAPSHOT_FAILED = Part("013", "Snapshot failed to create.")
DELETE_SNAPSHOT_FAILED = Part("016", "Snapshot failed to delete.")
BACKUP_FAILED = Part("020", "Backup driver failed to create backup.")
DELETE_BACKUP_FAILED = Part("025", "Backup driver failed to delete backup.")
RESTORE_FAILED = Part("026", "Backup driver failed to restore backup.")

VOLUME, VOLUME_SNAPSHOT, VOLUME_BACKUP = "VOLUME", "VOLUME_SNAPSHOT", "VOLUME_BACKUP"

MESSAGES = Resource(
    "message",
    "messages",
    STYLE,
    path="/v3/messages",
    title="Message",
    fields=(
        Field("id", uuid()),
        Field("event_id", text()),
        Field("user_message", text(1024)),
        Field("message_level", text(16)),
        Field("created_at", time()),
        Field("guaranteed_until", time(), index=True),
        Field("request_id", text(), nullable=True),
        Field("resource_type", text(), nullable=True),
        Field("resource_uuid", uuid(), nullable=True, index=True),
        Field("project_id", uuid(), view=False, index=True),
        Field("action_id", text(8), view=False),
        Field("detail_id", text(8), view=False),
    ),
    policy={"list": "message:get_all", "show": "message:get", "delete": "message:delete"},
    scopes=of_project(),
    table_name="volume_messages",
    adds={"links": LINKS},
)
_m = MESSAGES.table.c
_INSERT = sa.insert(MESSAGES.table)
FORGET = sa.delete(MESSAGES.table).where(_m.guaranteed_until < sa.bindparam("now"))


def tell(
    tx: Transaction,
    origin: Request | Run,
    action: Part,
    detail: Part,
    resource_id: str,
    project_id: str | None,
    resource_type: str = VOLUME,
) -> None:
    """Write a message to a project. `origin` is the request, or the operation it set in motion."""
    now: datetime = clock.now()
    row: dict[str, Any] = {
        "id": ids.new_uuid(),
        "event_id": f"VOLUME_{resource_type}_{action.id}_{detail.id}",
        "user_message": f"{action.text}:{detail.text}",
        "message_level": "ERROR",
        "created_at": now,
        "guaranteed_until": now + LIFETIME,
        "request_id": origin.request_id,
        "resource_type": resource_type,
        "resource_uuid": resource_id,
        "project_id": project_id,
        "action_id": action.id,
        "detail_id": detail.id,
    }
    tx.execute(_INSERT, row)
