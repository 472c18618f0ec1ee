"""POST /volumes/{id}/action: one function an action."""

from collections.abc import Callable
from typing import Any

from sqlalchemy.engine import Row

from monostack.core.errors import BadRequest
from monostack.db import Transaction
from monostack.http import Request, Routes
from monostack.services.volume import attachments, quota
from monostack.services.volume.volumes.api import start_delete
from monostack.services.volume.volumes.rules import METADATA, expect_status
from monostack.services.volume.volumes.table import ATTACHED_TO, VOLUMES, set_volume

TRUE = (True, "True", "true", "1", "t")
Action = Callable[[Request, Transaction, Row[Any], Any], Any]


def extend(request: Request, tx: Transaction, row: Row[Any], body: dict[str, Any]) -> None:
    """Make the volume larger; with 3.42 also while a server has it."""
    rule = "volume:extend_attached_volume" if row.status == "in-use" else "volume:extend"
    request.authorize(rule, VOLUMES.target(row))
    size = int(body["new_size"])
    expect_status(row, ("available", "in-use") if request.at_least(3, 42) else ("available",), "extend")
    if size <= row.size:
        raise BadRequest(
            f"Invalid input received: New size for extend must be greater than current size. (current: {row.size}, extended: {size})."
        )
    quota.claim(tx, request, gigabytes=size - row.size, per_volume=size)
    attached = [a.server_id for a in tx.rows(ATTACHED_TO, {"volumes": [row.id]}) if a.status == "attached"]
    set_volume(tx, row.id, status="extending", previous_status=row.status)
    data = {"host": row.host, "size": size, "server_id": attached[0] if attached else None}
    request.cloud.start(tx, "extend_volume", row.id, data, request, row.project_id)


def set_bootable(request: Request, tx: Transaction, row: Row[Any], body: dict[str, Any]) -> None:
    """Say whether a server can boot from the volume."""
    request.authorize("volume_extension:volume_actions:set_bootable", VOLUMES.target(row))
    VOLUMES.change(tx, request, row, {"bootable": body["bootable"] in TRUE})


def update_readonly(request: Request, tx: Transaction, row: Row[Any], body: dict[str, Any]) -> None:
    """Say whether servers may only read the volume."""
    request.authorize("volume:update_readonly_flag", VOLUMES.target(row))
    expect_status(row, ("available",), "update readonly flag")
    VOLUMES.change(
        tx, request, row, {"read_only": body["readonly"] in TRUE, "metadata": {**row.meta, "readonly": str(body["readonly"] in TRUE)}}
    )


def reset_status(request: Request, tx: Transaction, row: Row[Any], body: dict[str, Any]) -> None:
    """Overwrite the status (admin)."""
    request.authorize("volume_extension:volume_admin_actions:reset_status", VOLUMES.target(row))
    if body.get("status"):
        VOLUMES.change(tx, request, row, {"status": body["status"].lower()})


def force_delete(request: Request, tx: Transaction, row: Row[Any], body: Any) -> None:
    """Delete the volume whatever its status (admin)."""
    request.authorize("volume_extension:volume_admin_actions:force_delete", VOLUMES.target(row))
    start_delete(request, tx, row, force=True)


def reserve(request: Request, tx: Transaction, row: Row[Any], body: Any) -> None:
    """Mark the volume as about to be attached."""
    request.authorize("volume_extension:volume_actions:reserve", VOLUMES.target(row))
    expect_status(row, ("available",), "reserve")
    VOLUMES.change(tx, request, row, {"status": "attaching"})


def unreserve(request: Request, tx: Transaction, row: Row[Any], body: Any) -> None:
    """Take back a reservation."""
    request.authorize("volume_extension:volume_actions:unreserve", VOLUMES.target(row))
    if row.status == "attaching":
        VOLUMES.change(tx, request, row, {"status": "available"})


def begin_detaching(request: Request, tx: Transaction, row: Row[Any], body: Any) -> None:
    """Mark the volume as about to be detached."""
    request.authorize("volume_extension:volume_actions:begin_detaching", VOLUMES.target(row))
    expect_status(row, ("in-use",), "detach")
    VOLUMES.change(tx, request, row, {"status": "detaching"})


def roll_detaching(request: Request, tx: Transaction, row: Row[Any], body: Any) -> None:
    """Take back the mark of being detached."""
    request.authorize("volume_extension:volume_actions:roll_detaching", VOLUMES.target(row))
    if row.status == "detaching":
        VOLUMES.change(tx, request, row, {"status": "in-use"})


def attach(request: Request, tx: Transaction, row: Row[Any], body: dict[str, Any]) -> None:
    """Record that a server has the volume (callers that do the attaching themselves)."""
    request.authorize("volume_extension:volume_actions:attach", VOLUMES.target(row))
    expect_status(row, ("available", "attaching"), "attach")
    attachment_id = attachments.reserve(tx, request, row, body.get("instance_uuid"), body.get("mode", "rw"))
    attachments.complete(tx, attachment_id, host=body.get("host_name"), device=body.get("mountpoint"))


def detach(request: Request, tx: Transaction, row: Row[Any], body: dict[str, Any] | None) -> None:
    """Record that a server no longer has the volume."""
    request.authorize("volume_extension:volume_actions:detach", VOLUMES.target(row))
    held = tx.rows(ATTACHED_TO, {"volumes": [row.id]})
    wanted = (body or {}).get("attachment_id")
    chosen = [a for a in held if wanted is None or a.id == wanted]
    if not chosen:
        raise BadRequest(
            "Invalid volume: Unable to detach volume. Volume status must be 'in-use' and attach_status must be 'attached' to detach."
        )
    if len(chosen) > 1:
        raise BadRequest("Invalid volume: Detach volume failed: More than one attachment, but no attachment_id provided.")
    attachments.release(tx, chosen[0].id)


def set_image_metadata(request: Request, tx: Transaction, row: Row[Any], body: dict[str, Any]) -> Any:
    """Add to the metadata of the image the volume was made from."""
    request.authorize("volume_extension:volume_image_metadata:set", VOLUMES.target(row))
    new = {**(row.volume_image_metadata or {}), **body["metadata"]}
    VOLUMES.change(tx, request, row, {"volume_image_metadata": new})
    return {"metadata": new}


def show_image_metadata(request: Request, tx: Transaction, row: Row[Any], body: Any) -> Any:
    """Show the metadata of the image the volume was made from."""
    request.authorize("volume_extension:volume_image_metadata:show", VOLUMES.target(row))
    return {"metadata": row.volume_image_metadata or {}}


def unset_image_metadata(request: Request, tx: Transaction, row: Row[Any], body: dict[str, Any]) -> None:
    """Remove one item of the image's metadata."""
    request.authorize("volume_extension:volume_image_metadata:remove", VOLUMES.target(row))
    if body["key"] not in (row.volume_image_metadata or {}):
        raise BadRequest("Metadata property not found.")
    VOLUMES.change(tx, request, row, {"volume_image_metadata": {k: v for k, v in row.volume_image_metadata.items() if k != body["key"]}})


_FLAG = {"enum": [True, False, "True", "true", "False", "false", "1", "0", "t", "f"]}


def _object(required: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


_NAME = {"type": ["string", "null"], "maxLength": 255}
ACTIONS: dict[str, tuple[Action, dict[str, Any]]] = {
    "os-extend": (
        extend,
        _object(("new_size",), new_size={"type": ["integer", "string"], "pattern": "^[0-9]+$", "minimum": 1, "maximum": 2**31 - 1}),
    ),
    "os-set_bootable": (set_bootable, _object(("bootable",), bootable=_FLAG)),
    "os-update_readonly_flag": (update_readonly, _object(("readonly",), readonly=_FLAG)),
    "os-reset_status": (reset_status, _object((), status=_NAME, attach_status=_NAME, migration_status=_NAME)),
    "os-force_delete": (force_delete, {}),
    "os-reserve": (reserve, {}),
    "os-unreserve": (unreserve, {}),
    "os-begin_detaching": (begin_detaching, {}),
    "os-roll_detaching": (roll_detaching, {}),
    "os-attach": (attach, _object((), instance_uuid=_NAME, mountpoint=_NAME, host_name=_NAME, mode={"enum": ["rw", "ro"]})),
    "os-detach": (detach, {"type": ["object", "null"], "properties": {"attachment_id": _NAME}, "additionalProperties": False}),
    "os-set_image_metadata": (set_image_metadata, _object(("metadata",), metadata=METADATA)),
    "os-show_image_metadata": (show_image_metadata, {}),
    "os-unset_image_metadata": (unset_image_metadata, _object(("key",), key={"type": "string", "minLength": 1, "maxLength": 255})),
}
BODY = {"type": "object", "properties": {name: schema for name, (_, schema) in ACTIONS.items()}, "minProperties": 1}
ANSWERS_200 = {"os-set_bootable", "os-set_image_metadata", "os-show_image_metadata", "os-unset_image_metadata"}


def act(request: Request, tx: Transaction) -> Any:
    """Act on a volume: extend, reserve, attach, set bootable and so on."""
    from monostack.http import Response

    name = next(iter(request.body))
    if name not in ACTIONS:
        raise BadRequest(f"There is no such action: {name}. Verify the request body and Content-Type header and try again.")
    row = VOLUMES.get(request, tx, request.params["id"])
    answer = ACTIONS[name][0](request, tx, row, request.body[name])
    return Response(answer, 200 if name in ANSWERS_200 else 202)


routes = Routes("/v3/volumes")
routes.post("/{id}/action", policy="volume:extend", body=BODY, status=202)(act)
