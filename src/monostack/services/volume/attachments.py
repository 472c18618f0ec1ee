"""Attachments: which server has which volume, from the reservation on; and the attachments API (3.27)."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from monostack.core import clock, ids
from monostack.core.errors import BadRequest, Conflict, NotFound
from monostack.db import Transaction
from monostack.events import record
from monostack.http import Request, Routes
from monostack.services.volume.style import MAX_LIMIT, wants_all_tenants, whole_number
from monostack.services.volume.volumes.table import (
    ATTACHED_TO,
    ATTACHMENT,
    BY_ID,
    INSERT_ATTACHMENT,
    REMOVE_ATTACHMENT,
    VOLUMES,
    attachments,
    set_attachment,
    set_volume,
)

routes = Routes("/v3")
_a = attachments.c


def reserve(
    tx: Transaction, request: Request | None, volume: Row[Any], server_id: str | None, mode: str = "rw", device: str | None = None
) -> str:
    """Keep a volume for a server. Returns the attachment's id. Raises BadRequest when the volume cannot be attached."""
    held = tx.rows(ATTACHED_TO, {"volumes": [volume.id]})
    allowed = ("available", "attaching", "downloading") + (("in-use", "reserved") if volume.multiattach else ())
    if volume.status not in allowed or any(a.server_id == server_id for a in held):
        wanted = " or ".join(allowed[:1] + allowed[2:])
        raise BadRequest(f"Invalid volume: Volume {volume.id} status must be {wanted}, but current status is: {volume.status}.")
    attachment_id = ids.new_uuid()
    tx.execute(
        INSERT_ATTACHMENT,
        {
            "id": attachment_id,
            "volume_id": volume.id,
            "project_id": volume.project_id,
            "server_id": server_id,
            "mode": "ro" if volume.read_only else mode,
            "status": "reserved",
            "device": device,
            "created_at": clock.now(),
        },
    )
    if volume.status != "in-use":
        set_volume(tx, volume.id, status="reserved")
    record(tx, request, "volume.reserve", volume.id, volume.project_id, {"server_id": server_id})
    return attachment_id


def complete(tx: Transaction, attachment_id: str, *, host: str | None, device: str | None) -> None:
    """The server has the volume now."""
    row = tx.row(ATTACHMENT, {"the_id": attachment_id})
    if row is None:
        raise NotFound(f"Volume attachment could not be found with filter: attachment_id = {attachment_id}.")
    set_attachment(tx, attachment_id, status="attached", host=host, device=device or row.device, attached_at=clock.now())
    set_volume(tx, row.volume_id, status="in-use")


def release(tx: Transaction, attachment_id: str) -> None:
    """The server does not have the volume (any more). Nothing to do when that is known already."""
    row = tx.row(ATTACHMENT, {"the_id": attachment_id})
    if row is None:
        return
    tx.execute(REMOVE_ATTACHMENT, {"the_id": attachment_id})
    left = tx.rows(ATTACHED_TO, {"volumes": [row.volume_id]})
    volume = tx.row(BY_ID, {"the_id": row.volume_id})
    if volume is not None and volume.status in ("in-use", "reserved", "attaching", "detaching"):
        status = "available" if not left else "in-use" if any(a.status == "attached" for a in left) else "reserved"
        set_volume(tx, row.volume_id, status=status)


# --- the API ---------------------------------------------------------------------------------------------------------


def _view(row: Row[Any], *, detail: bool) -> dict[str, Any]:
    shown = {"id": row.id, "status": row.status, "instance": row.server_id, "volume_id": row.volume_id}
    if detail:
        attached = row.attached_at is not None
        shown.update(attached_at=row.attached_at or "", detached_at="", attach_mode=row.mode if attached or row.connector else "null")
        shown["connection_info"] = (
            {"driver_volume_type": "file", "volume_id": row.volume_id, "attachment_id": row.id} if row.connector else {}
        )
    return shown


def _find(request: Request, tx: Transaction, rule: str | None) -> Row[Any]:
    row = tx.row(ATTACHMENT, {"the_id": request.params["id"]})
    if row is None or not (row.project_id == request.caller.project_id or request.allows("context_is_admin")):
        raise NotFound(f"Volume attachment could not be found with filter: attachment_id = {request.params['id']}.")
    if rule:
        request.authorize(rule, {"project_id": row.project_id})
    return row


def list_attachments(request: Request, tx: Transaction) -> dict[str, Any]:
    """List attachments."""
    return {"attachments": [_view(row, detail=False) for row in _page(request, tx)]}


def list_detail(request: Request, tx: Transaction) -> dict[str, Any]:
    """List attachments with details."""
    return {"attachments": [_view(row, detail=True) for row in _page(request, tx)]}


def _page(request: Request, tx: Transaction) -> Any:
    statement = sa.select(attachments).order_by(_a.created_at.desc(), _a.id)
    if not wants_all_tenants(request):
        statement = statement.where(_a.project_id == request.caller.project_id)
    for name, column in (
        ("volume_id", _a.volume_id),
        ("instance_id", _a.server_id),
        ("instance_uuid", _a.server_id),
        ("status", _a.status),
    ):
        if name in request.query_map:
            statement = statement.where(column == request.query_map[name])
    return tx.rows(statement.limit(min(whole_number(request, "limit") or MAX_LIMIT, MAX_LIMIT)))


def create_attachment(request: Request, tx: Transaction) -> dict[str, Any]:
    """Reserve a volume for a server; with a connector also attach it."""
    body = request.body["attachment"]
    request.params["id"] = body["volume_uuid"]
    volume = VOLUMES.get(request, tx, body["volume_uuid"])
    request.authorize("volume:attachment_create", VOLUMES.target(volume))
    attachment_id = reserve(tx, request, volume, body.get("instance_uuid"), body.get("mode") or "rw")
    if body.get("connector"):
        _connect(tx, attachment_id, body["connector"], volume.id)
    return {"attachment": _view(tx.execute(ATTACHMENT, {"the_id": attachment_id}).one(), detail=True)}


def _connect(tx: Transaction, attachment_id: str, connector: dict[str, Any], volume_id: str) -> None:
    set_attachment(
        tx, attachment_id, status="attaching", connector=connector, host=connector.get("host"), device=connector.get("mountpoint")
    )
    set_volume(tx, volume_id, status="attaching")


def show_attachment(request: Request, tx: Transaction) -> dict[str, Any]:
    """Show an attachment."""
    return {"attachment": _view(_find(request, tx, None), detail=True)}


def update_attachment(request: Request, tx: Transaction) -> dict[str, Any]:
    """Tell which host connects to the volume."""
    row = _find(request, tx, "volume:attachment_update")
    if row.status == "attached":
        raise Conflict(f"Attachment {row.id} is already attached.")
    _connect(tx, row.id, request.body["attachment"]["connector"], row.volume_id)
    return {"attachment": _view(tx.execute(ATTACHMENT, {"the_id": row.id}).one(), detail=True)}


def act(request: Request, tx: Transaction) -> None:
    """Complete an attachment (`os-complete`)."""
    row = _find(request, tx, "volume:attachment_complete")
    if row.status not in ("attaching", "reserved", "attached"):
        raise BadRequest(f"Invalid volume: Attachment {row.id} cannot be completed while it is {row.status}.")
    complete(tx, row.id, host=row.host, device=row.device)


def delete_attachment(request: Request, tx: Transaction) -> dict[str, Any]:
    """Delete an attachment. Refused while a server of this cloud uses it: that server is to be asked to detach."""
    row = _find(request, tx, "volume:attachment_delete")
    if row.status == "attached" and row.server_id and request.cloud.services:
        from monostack.services.compute import facade as compute

        if compute.server_info(tx, [row.server_id]):
            raise Conflict(f"Detach volume from instance {row.server_id} using the Compute API", kind="ConflictNovaUsingAttachment")
    release(tx, row.id)
    left = tx.rows(ATTACHED_TO, {"volumes": [row.volume_id]})
    return {"attachments": [_view(other, detail=False) for other in left]}


_UUID = {"type": "string", "format": "uuid"}
_CONNECTOR = {"type": ["object", "null"], "maxProperties": 64}
CREATE = {
    "type": "object",
    "properties": {
        "attachment": {
            "type": "object",
            "properties": {
                "volume_uuid": _UUID,
                "instance_uuid": {"type": ["string", "null"], "format": "uuid"},
                "connector": _CONNECTOR,
                "mode": {"enum": ["rw", "ro", None]},
            },
            "required": ["volume_uuid"],
            "additionalProperties": False,
        }
    },
    "required": ["attachment"],
    "additionalProperties": False,
}
UPDATE = {
    "type": "object",
    "properties": {
        "attachment": {
            "type": "object",
            "properties": {"connector": {"type": "object", "minProperties": 1, "maxProperties": 64}},
            "required": ["connector"],
            "additionalProperties": False,
        }
    },
    "required": ["attachment"],
    "additionalProperties": False,
}
COMPLETE = {"type": "object", "properties": {"os-complete": {}}, "required": ["os-complete"], "additionalProperties": False}
SINCE = (3, 27)
routes.get("/attachments", since=SINCE)(list_attachments)
routes.get("/attachments/detail", since=SINCE)(list_detail)
routes.get("/attachments/{id}", since=SINCE)(show_attachment)
routes.post("/attachments", since=SINCE, body=CREATE, policy="volume:attachment_create")(create_attachment)
routes.put("/attachments/{id}", since=SINCE, body=UPDATE, policy="volume:attachment_update")(update_attachment)
routes.delete("/attachments/{id}", since=SINCE, status=200, policy="volume:attachment_delete")(delete_attachment)
routes.post("/attachments/{id}/action", since=(3, 44), body=COMPLETE, status=204, policy="volume:attachment_complete")(act)
