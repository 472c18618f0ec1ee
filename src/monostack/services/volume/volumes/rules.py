"""Rules about volumes that several calls share: what a body may hold, what a volume may be made from, where it lives."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from monostack.core.errors import BadRequest
from monostack.db import Transaction
from monostack.http import Request
from monostack.services.volume.volumes.table import VOLUMES

METADATA = {
    "type": ["object", "null"],
    "patternProperties": {"^.{1,255}$": {"type": ["string", "null"], "maxLength": 255}},
    "additionalProperties": False,
    "maxProperties": 128,
}
ZONE = "nova"
_TEXT = {"type": ["string", "null"], "maxLength": 255}
_UUID = {"type": ["string", "null"], "format": "uuid"}
_FLAG = {"enum": [True, False, "True", "true", "False", "false", "1", "0", "t", "f", None]}
CREATE = {
    "type": "object",
    "properties": {
        "volume": {
            "type": "object",
            "properties": {
                "name": _TEXT,
                "description": _TEXT,
                "display_name": _TEXT,
                "display_description": _TEXT,
                "size": {"type": ["integer", "string", "null"], "pattern": "^[0-9]+$", "minimum": 1, "maximum": 2**31 - 1},
                "availability_zone": {"type": ["string", "null"], "minLength": 1, "maxLength": 255},
                "volume_type": {"type": ["string", "null"], "minLength": 1, "maxLength": 255},
                "metadata": METADATA,
                "snapshot_id": _UUID,
                "source_volid": _UUID,
                "consistencygroup_id": _UUID,
                "imageRef": _TEXT,
                "image_id": _TEXT,
                "multiattach": _FLAG,
                "user_id": _TEXT,
                "project_id": _TEXT,
                "attach_status": _TEXT,
                "status": _TEXT,
            },
            "additionalProperties": True,
        },
        "OS-SCH-HNT:scheduler_hints": {"type": ["object", "null"]},
    },
    "required": ["volume"],
    "additionalProperties": False,
}
UPDATE = {
    "type": "object",
    "properties": {
        "volume": {
            "type": "object",
            "properties": {"name": _TEXT, "description": _TEXT, "display_name": _TEXT, "display_description": _TEXT, "metadata": METADATA},
            "additionalProperties": False,
        }
    },
    "required": ["volume"],
    "additionalProperties": False,
}
DELETABLE = ("available", "error", "error_restoring", "error_extending", "error_managing")
NOT_DELETABLE = (
    "Invalid volume: Volume status must be available or error or error_restoring or error_extending or error_managing and must not be "
    "migrating, attached, belong to a group, have snapshots, awaiting a transfer, or be disassociated from snapshots after volume transfer."
)
_v = VOLUMES.table.c
_PER_HOST = sa.select(_v.host, sa.func.count()).where(_v.host.is_not(None)).group_by(_v.host)


def expect_status(row: Row[Any], allowed: tuple[str, ...], verb: str) -> None:
    """Raises BadRequest unless the volume is in one of the states."""
    if row.status not in allowed:
        raise BadRequest(
            f"Invalid volume: Volume {row.id} status must be {' or '.join(allowed)} to {verb}, but current status is: {row.status}."
        )


def choose_host(tx: Transaction, request: Request) -> str | None:
    """Where a new volume is made: the connected host that keeps the fewest volumes. None when no host is connected."""
    connected = request.cloud.hosts.connected()
    if not connected:
        return None
    kept = {row[0]: row[1] for row in tx.rows(_PER_HOST)}
    return min(sorted(connected), key=lambda host: kept.get(host, 0))


def stored_host(host: str | None) -> str | None:
    """The back end of a host as Cinder names it: host@backend#pool."""
    return None if host is None else f"{host}@file#file"
