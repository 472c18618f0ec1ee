"""The attachments API (3.27)."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from monostack.db import Row, Transaction
from monostack.http import Request, Routes
from monostack.http.actions import Actions
from monostack.http.answers import either, envelope, many
from monostack.services.volume.attachments import rules
from monostack.services.volume.attachments.table import ATTACHMENTS, DETAIL, HAVE, ONE, SUMMARY, of_volume, set_attachment
from monostack.services.volume.lists import PRESENT, Listing, read
from monostack.services.volume.parameters import UUID, enveloped, fields
from monostack.services.volume.volumes.lookup import volume as find_volume
from monostack.services.volume.volumes.table import BY_ID, VOLUMES
from monostack.services.volume.words import NO_SUCH_ACTION, conflict, invalid_volume

SINCE = (3, 27)
_OPEN = ("volume_id", "status", "instance_id", "attach_status")
LISTING = Listing(
    columns={
        **{name: name for name in ("id", "volume_id", "created_at", "updated_at")},
        "instance_uuid": "server_id",
        "instance_id": "server_id",
        "attached_host": "host",
        "mountpoint": "device",
        "attach_time": "attached_at",
        "attach_status": "status",
        "attach_mode": "mode",
        "detach_time": None,
    },
    open=_OPEN,
    legacy=_OPEN,
    tenants=PRESENT,
)
_CONNECTOR = {"type": ["object", "null"]}
CREATE = enveloped("attachment", fields(("volume_uuid",), instance_uuid=UUID, connector=_CONNECTOR, volume_uuid=UUID))
CREATE_WITH_MODE = enveloped(
    "attachment",
    fields(("volume_uuid",), instance_uuid=UUID, connector=_CONNECTOR, volume_uuid=UUID, mode={"type": "string", "enum": ["rw", "ro"]}),
)
UPDATE = enveloped("attachment", fields(("connector",), connector={"type": "object", "minProperties": 1}))
_v = VOLUMES.table.c
_ENCRYPTED = sa.select(_v.id).where(_v.id.in_(sa.bindparam("volumes", expanding=True)), _v.encryption_key_id.is_not(None))
routes = Routes("/v3/attachments")
actions = Actions(unknown=NO_SUCH_ACTION)
actions.mount(routes, "/{id}/action", since=SINCE)


def _summary(row: Row) -> dict[str, Any]:
    status = "attached" if row.status in HAVE else row.status
    return {"id": row.id, "status": status, "instance": row.server_id, "volume_id": row.volume_id}


def _details(tx: Transaction, rows: Sequence[Row]) -> list[dict[str, Any]]:
    encrypted = {row.id for row in tx.rows(_ENCRYPTED, {"volumes": [row.volume_id for row in rows]})}
    shown = []
    for row in rows:
        # An agent finds the file by the volume's id.
        info = {
            "driver_volume_type": "file", "access_mode": row.mode or "rw", "attachment_id": row.id, "volume_id": row.volume_id,
            "encrypted": row.volume_id in encrypted,
        }  # fmt: skip
        times = {"attached_at": row.attached_at or "", "detached_at": ""}
        shown.append({**_summary(row), **times, "attach_mode": row.mode or "null", "connection_info": info if row.connector else {}})
    return shown


def _list(request: Request, tx: Transaction, *, detail: bool) -> dict[str, Any]:
    rows = ATTACHMENTS.page(request, tx, read(request, ATTACHMENTS, LISTING))
    return {"attachments": _details(tx, rows) if detail else [_summary(row) for row in rows]}


@routes.get("", since=SINCE, answer=envelope("attachments", many(SUMMARY)))
def list_attachments(request: Request, tx: Transaction) -> dict[str, Any]:
    """List attachments."""
    return _list(request, tx, detail=False)


@routes.get("/detail", since=SINCE, answer=envelope("attachments", many(DETAIL)))
def list_detail(request: Request, tx: Transaction) -> dict[str, Any]:
    """List attachments with details."""
    return _list(request, tx, detail=True)


def _connected(tx: Transaction, before: Row, connector: dict[str, Any] | None) -> dict[str, Any]:
    """The attachment with its connection, but with the status it had before: Cinder's answers are made so."""
    if connector:
        rules.connect(tx, before, connector)
    after = tx.execute(ONE, {"the_id": before.id}).one()
    return {"attachment": {**_details(tx, [after])[0], "status": before.status}}


def _find(request: Request, tx: Transaction) -> Row:
    return ATTACHMENTS.get(request, tx, request.params["id"])


@routes.post(
    "",
    since=SINCE,
    body=[((0, 0), CREATE), ((3, 54), CREATE_WITH_MODE)],
    policy="volume:attachment_create",
    answer=envelope("attachment", either(DETAIL, SUMMARY)),
)
def create_attachment(request: Request, tx: Transaction) -> dict[str, Any]:
    """Reserve a volume for a server; with a connector also attach it."""
    body = request.body["attachment"]
    volume = find_volume(tx, request, body["volume_uuid"])
    request.authorize("volume:attachment_create", VOLUMES.target(volume))
    if "error" in volume.status:
        raise invalid_volume(
            f"Volume attachments can not be created if the volume is in an error state. The Volume {volume.id} currently has a status of: "
            f"{volume.status} "
        )
    if volume.multiattach and volume.status == "in-use" and volume.bootable:
        request.authorize("volume:multiattach_bootable_volume", VOLUMES.target(volume))
    attachment_id = rules.reserve(tx, request, volume, body.get("instance_uuid"), body.get("mode"))
    answer = _connected(tx, tx.execute(ONE, {"the_id": attachment_id}).one(), body.get("connector"))
    if body.get("connector") and not body.get("mode"):
        # What the connector says of the mode counts only when it comes later.
        set_attachment(tx, attachment_id, mode=None)
        answer["attachment"]["attach_mode"] = "null"
    return answer


@routes.get("/{id}", since=SINCE, answer=envelope("attachment", DETAIL))
def show_attachment(request: Request, tx: Transaction) -> dict[str, Any]:
    """Show an attachment."""
    return {"attachment": _details(tx, [_find(request, tx)])[0]}


@routes.put("/{id}", since=SINCE, body=UPDATE, policy="volume:attachment_update", answer=envelope("attachment", DETAIL))
def update_attachment(request: Request, tx: Transaction) -> dict[str, Any]:
    """Tell which host connects to the volume."""
    row = _find(request, tx)
    request.authorize("volume:attachment_update", ATTACHMENTS.target(row))
    volume = tx.execute(BY_ID, {"the_id": row.volume_id}).one()
    if "error" in volume.status:
        raise conflict(
            f"Volume attachments can not be updated if the volume is in an error state. The Volume {volume.id} currently has a status of: "
            f"{volume.status} "
        )
    others = [one for one in of_volume(tx, volume.id) if one.connector]
    if len(of_volume(tx, volume.id)) > 1 and not volume.multiattach and others:
        raise conflict(f"duplicate connectors detected on volume {volume.id}")
    return _connected(tx, row, request.body["attachment"]["connector"])


@routes.delete("/{id}", since=SINCE, status=200, policy="volume:attachment_delete", answer=envelope("attachments", many(SUMMARY)))
def delete_attachment(request: Request, tx: Transaction) -> dict[str, Any]:
    """Delete an attachment. Refused while a server of this cloud uses it: compute is to be asked to detach the volume."""
    row = _find(request, tx)
    request.authorize("volume:attachment_delete", ATTACHMENTS.target(row))
    rules.require_unused(tx, row)
    rules.release(tx, row.id)
    return {"attachments": [_summary(other) for other in of_volume(tx, row.volume_id)]}


@actions.action("os-complete", since=(3, 44), body=enveloped("os-complete", {}), status=204, policy="volume:attachment_complete")
def complete(request: Request, tx: Transaction) -> None:
    """Mark an attachment as completed: the volume is in use."""
    row = _find(request, tx)
    request.authorize("volume:attachment_complete", ATTACHMENTS.target(row))
    rules.complete(tx, row.id, host=row.host, device=row.device)
