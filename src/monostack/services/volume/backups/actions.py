"""POST /backups/{id}/action: what mends a backup whose records went wrong."""


from monostack.db import Transaction
from monostack.http import Request, Routes
from monostack.http.actions import Actions
from monostack.services.volume.backups.api import start_delete
from monostack.services.volume.backups.table import BACKUPS, named
from monostack.services.volume.parameters import enveloped, fields, one_status
from monostack.services.volume.words import NO_SUCH_ACTION

STATUSES = ["available", "error"]
RULES = "volume_extension:backup_admin_actions"
actions = Actions(unknown=NO_SUCH_ACTION)
routes = Routes("/v3/backups")
actions.mount(routes, "/{id}/action")
_RESET = fields(("status",), status=one_status("volume-backup-status", "Backup status", STATUSES))


@actions.action("os-reset_status", body=enveloped("os-reset_status", _RESET), policy=f"{RULES}:reset_status")
def reset_status(request: Request, tx: Transaction) -> None:
    """Overwrite a backup's status."""
    row = named(tx, request)
    request.authorize(f"{RULES}:reset_status", BACKUPS.target(row))
    BACKUPS.change(tx, request, row, {"status": request.body["os-reset_status"]["status"].lower()})


@actions.action("os-force_delete", body=enveloped("os-force_delete", {}), policy=f"{RULES}:force_delete")
def force_delete(request: Request, tx: Transaction) -> None:
    """Delete a backup whatever its status is."""
    row = named(tx, request)
    request.authorize(f"{RULES}:force_delete", BACKUPS.target(row))
    start_delete(request, tx, row, force=True)
