"""Actions of administrators: what mends a volume whose records went wrong."""

from typing import Any

from monostack.core.errors import BadRequest
from monostack.db import Row, Transaction
from monostack.http import Request
from monostack.http.answers import REFUSED
from monostack.services.volume.attachments.table import REMOVE_ALL, of_volume
from monostack.services.volume.parameters import enveloped, fields, one_status
from monostack.services.volume.volumes import deletion
from monostack.services.volume.volumes.actions import actions, let_go
from monostack.services.volume.volumes.lookup import named
from monostack.services.volume.volumes.table import VOLUMES
from monostack.services.volume.words import invalid_volume

RULES = "volume_extension:volume_admin_actions"
STATUSES = (
    "creating", "available", "deleting", "error", "error_deleting", "error_managing", "managing", "attaching", "in-use", "detaching",
    "maintenance", "restoring-backup", "error_restoring", "reserved", "awaiting-transfer", "backing-up", "error_backing-up",
    "error_extending", "downloading", "uploading", "retyping", "extending",
)  # fmt: skip
ATTACH_STATUSES = ["attached", "detached"]
MIGRATION_STATUSES = ("migrating", "error", "success", "completing", "none", "starting")


_RESET = fields(
    status=one_status("volume-status", "Volume status", STATUSES, may_be_empty=True),
    attach_status=one_status("volume-attach-status", "Volume attach status", ATTACH_STATUSES, may_be_empty=True),
    migration_status=one_status("volume-migration-status", "Volume migration status", MIGRATION_STATUSES, may_be_empty=True),
)


@actions.action("os-reset_status", body=enveloped("os-reset_status", _RESET), policy=f"{RULES}:reset_status")
def reset_status(request: Request, tx: Transaction) -> None:
    """Overwrite a volume's status. It must be one that can be: a volume is not in use without an attachment, say."""
    body = request.body["os-reset_status"]
    values: dict[str, Any] = {name: body[name].lower() for name in ("status", "attach_status", "migration_status") if body.get(name)}
    if not values:
        raise BadRequest("Must specify 'status', 'attach_status' or 'migration_status' for update.")
    row = named(tx, request)
    request.authorize(f"{RULES}:reset_status", VOLUMES.target(row))
    if values.get("migration_status") == "none":
        values["migration_status"] = None
    if values.get("status") == "deleting":
        raise BadRequest("Cannot reset-state to deleting")
    if values.get("status") == "in-use" and not of_volume(tx, row.id):
        raise BadRequest("Cannot reset-state to in-use because volume does not have any attachments.")
    if values.get("attach_status") == "detached":
        _detach_all(tx, row, values)
    VOLUMES.change(tx, request, row, values)


def _detach_all(tx: Transaction, row: Row, values: dict[str, Any]) -> None:
    """Forget all attachments. As each goes the volume takes the status that is left, which is what Cinder ends with, too."""
    if of_volume(tx, row.id):
        values["status"] = "available"
    tx.execute(REMOVE_ALL, {"the_volume": row.id})
    values["admin_meta"] = {name: value for name, value in row.admin_meta.items() if name != "attached_mode"}


@actions.action("os-force_delete", body=enveloped("os-force_delete", {}), policy=f"{RULES}:force_delete")
def force_delete(request: Request, tx: Transaction) -> None:
    """Delete a volume whatever its status is."""
    row = named(tx, request)
    request.authorize(f"{RULES}:force_delete", VOLUMES.target(row))
    request.authorize("volume:delete", VOLUMES.target(row))
    deletion.delete(tx, request, row, force=True)


_COMPLETE = fields(error={"type": ["string", "null", "boolean"]})


@actions.action(
    "os-extend_volume_completion", body=enveloped("os-extend_volume_completion", _COMPLETE), policy=f"{RULES}:extend_volume_completion",
    answer=REFUSED,
)  # fmt: skip
def complete_extend(request: Request, tx: Transaction) -> None:
    """What Nova tells Cinder when it has made a volume larger in its stead. No volume is extended in that way here."""
    row = named(tx, request)
    request.authorize(f"{RULES}:extend_volume_completion", VOLUMES.target(row))
    extending = "Required volume admin metadata is malformed or missing."
    raise invalid_volume(extending if row.status == "extending" else "Volume is not being extended.")


_FORCE_DETACH = fields(connector={"type": ["string", "object", "null"]}, attachment_id={"type": ["string", "null"]})


@actions.action("os-force_detach", body=enveloped("os-force_detach", _FORCE_DETACH), policy=f"{RULES}:force_detach")
def force_detach(request: Request, tx: Transaction) -> None:
    """Record that nobody has the volume any more, when a detachment went wrong half-way."""
    row = named(tx, request)
    request.authorize(f"{RULES}:force_detach", VOLUMES.target(row))
    let_go(request, tx, row, request.body["os-force_detach"].get("attachment_id"))
