"""POST /snapshots/{id}/action."""


from monostack.core.errors import BadRequest
from monostack.db import Transaction
from monostack.http import Request, Response, Routes
from monostack.http.actions import Actions
from monostack.services.volume.dialect import accepted
from monostack.services.volume.parameters import enveloped, fields, one_status
from monostack.services.volume.snapshots.api import start_delete
from monostack.services.volume.snapshots.lookup import named
from monostack.services.volume.snapshots.table import PROGRESS, SNAPSHOTS
from monostack.services.volume.words import NO_SUCH_ACTION

STATUSES = (
    "error", "available", "creating", "deleting", "deleted", "updating", "error_deleting", "unmanaging", "backing-up", "restoring",
)  # fmt: skip
FOLLOWING = {"creating": ("creating", "available", "error"), "deleting": ("deleting", "error_deleting")}
RULES = "volume_extension:snapshot_admin_actions"
UPDATE = "snapshot_extension:snapshot_actions:update_snapshot_status"
actions = Actions(unknown=NO_SUCH_ACTION)
routes = Routes("/v3/snapshots")
actions.mount(routes, "/{id}/action")
_RESET = fields(("status",), status=one_status("snapshot-status", "Snapshot status", STATUSES))


@actions.action("os-reset_status", body=enveloped("os-reset_status", _RESET), policy=f"{RULES}:reset_status")
def reset_status(request: Request, tx: Transaction) -> None:
    """Overwrite a snapshot's status."""
    row = named(tx, request)
    request.authorize(f"{RULES}:reset_status", SNAPSHOTS.target(row))
    SNAPSHOTS.change(tx, request, row, {"status": request.body["os-reset_status"]["status"].lower()})


@actions.action("os-force_delete", body=enveloped("os-force_delete", {}), policy=f"{RULES}:force_delete")
def force_delete(request: Request, tx: Transaction) -> None:
    """Delete a snapshot whatever its status is."""
    row = named(tx, request)
    request.authorize(f"{RULES}:force_delete", SNAPSHOTS.target(row))
    request.authorize("volume:delete_snapshot", SNAPSHOTS.target(row))
    start_delete(request, tx, row, force=True)


_STATUS = fields(("status",), status={"type": "string"}, progress={"format": "volume-progress"})


@actions.action("os-update_snapshot_status", body=enveloped("os-update_snapshot_status", _STATUS), policy=UPDATE)
def update_status(request: Request, tx: Transaction) -> Response:
    """Tell how far a snapshot is that somebody else makes or deletes."""
    row, body = named(tx, request), request.body["os-update_snapshot_status"]
    request.authorize(UPDATE, SNAPSHOTS.target(row))
    if row.status not in FOLLOWING:
        raise BadRequest(f"Snapshot status {row.status} not allowed for update_snapshot_status")
    if body["status"] not in FOLLOWING[row.status]:
        raise BadRequest(f"Provided snapshot status {body['status']} not allowed for snapshot with status {row.status}.")
    SNAPSHOTS.change(tx, request, row, {"status": body["status"], PROGRESS: str(body.get("progress") or row.progress)})
    return accepted()
