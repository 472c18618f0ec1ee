"""The declaration of an attachment, and the statements about attachments."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from monostack.core.errors import NotFound
from monostack.db import Row, Transaction
from monostack.http.answers import ID, OBJECT, TEXT, Record, maybe
from monostack.resources import Field, Resource, json_value, text, time, uuid
from monostack.services.volume.lists import PRESENT
from monostack.services.volume.style import STYLE, of_project

HAVE = ("attached", "detaching")  # the server has the volume


def not_found(attachment_id: str) -> NotFound:
    return NotFound(f"Volume attachment could not be found with filter: attachment_id = {attachment_id}.", kind="VolumeAttachmentNotFound")


ATTACHMENTS = Resource(
    "attachment",
    "attachments",
    replace(STYLE, not_found=lambda resource, id: not_found(id), bad_marker=lambda resource, id: not_found(id)),
    path="/v3/attachments",
    fields=(
        Field("id", uuid()),
        Field("volume_id", uuid(), index=True, references="volumes.id"),
        Field("project_id", uuid(), index=True),  # the volume's
        Field("server_id", uuid(), nullable=True, index=True),
        Field("host", text(), nullable=True),
        Field("device", text(), nullable=True),  # /dev/vdb
        Field("mode", text(8), nullable=True),  # rw, ro; null until it is known
        Field("status", text(32)),  # reserved, attaching, attached, detaching
        Field("connector", json_value(), nullable=True),
        Field("created_at", time()),
        Field("updated_at", time(), nullable=True),
        Field("attached_at", time(), nullable=True),
    ),
    scopes=of_project(PRESENT),
    table_name="volume_attachments",
)
_a = ATTACHMENTS.table.c
ONE = sa.select(ATTACHMENTS.table).where(_a.id == sa.bindparam("the_id"))
OF_VOLUMES = sa.select(ATTACHMENTS.table).where(_a.volume_id.in_(sa.bindparam("volumes", expanding=True))).order_by(_a.created_at, _a.id)
OF_SERVERS = sa.select(ATTACHMENTS.table).where(_a.server_id.in_(sa.bindparam("servers", expanding=True))).order_by(_a.created_at, _a.id)
INSERT = sa.insert(ATTACHMENTS.table)
REMOVE = sa.delete(ATTACHMENTS.table).where(_a.id == sa.bindparam("the_id"))
REMOVE_ALL = sa.delete(ATTACHMENTS.table).where(_a.volume_id == sa.bindparam("the_volume"))
MOVE = sa.update(ATTACHMENTS.table).where(_a.volume_id == sa.bindparam("the_volume")).values(project_id=sa.bindparam("the_project"))
_SET = sa.update(ATTACHMENTS.table).where(_a.id == sa.bindparam("the_id"))

SHOWN_IN_VOLUME = Record(
    "AttachmentOfVolume",
    {
        "id": ID, "attachment_id": ID, "volume_id": ID, "server_id": maybe(ID), "host_name": maybe(TEXT), "device": maybe(TEXT),
        "attached_at": maybe(TEXT),
    },
)  # fmt: skip
SUMMARY = Record("AttachmentSummary", {"id": ID, "status": TEXT, "instance": maybe(ID), "volume_id": ID})
DETAIL = SUMMARY.with_keys(
    "Attachment",
    {"attached_at": maybe(TEXT), "detached_at": maybe(TEXT), "attach_mode": maybe(TEXT), "connection_info": OBJECT},
)


def of_volume(tx: Transaction, volume_id: str) -> Sequence[Row]:
    return tx.rows(OF_VOLUMES, {"volumes": [volume_id]})


def holders(tx: Transaction, volume_id: str) -> list[str]:
    """The servers that have the volume."""
    return [row.server_id for row in of_volume(tx, volume_id) if row.status in HAVE and row.server_id]


def holder(tx: Transaction, volume_id: str) -> str | None:
    """A server that has the volume, through whose guest the host copies it: of several one that runs."""
    from monostack.services.compute import facade as compute

    found = holders(tx, volume_id)
    if len(found) > 1:
        servers = compute.server_info(tx, found)
        found.sort(key=lambda server_id: server_id not in servers or not servers[server_id].power_on)
    return found[0] if found else None


def set_attachment(tx: Transaction, attachment_id: str, **values: Any) -> None:
    tx.execute(_SET.values(**values), {"the_id": attachment_id})


def shown_in_volumes(tx: Transaction, volume_ids: Sequence[str], *, with_host: bool) -> dict[str, list[dict[str, Any]]]:
    """What volumes show of the servers that have them. The host is for administrators and services."""
    shown: dict[str, list[dict[str, Any]]] = {}
    for row in tx.rows(OF_VOLUMES, {"volumes": list(volume_ids)}):
        if row.status in HAVE:
            shown.setdefault(row.volume_id, []).append(
                {
                    "id": row.volume_id,
                    "attachment_id": row.id,
                    "volume_id": row.volume_id,
                    "server_id": row.server_id,
                    "host_name": row.host if with_host else None,
                    "device": row.device,
                    "attached_at": row.attached_at,
                }
            )
    return shown
