"""Finding a snapshot that a request names."""


import sqlalchemy as sa

from monostack.db import Row, Transaction
from monostack.http import Request
from monostack.services.volume.lists import is_admin
from monostack.services.volume.snapshots.table import ONE, SNAPSHOTS
from monostack.services.volume.words import missing

_OF_PROJECT = ONE.where(SNAPSHOTS.table.c.project_id == sa.bindparam("caller_project"))


def snapshot(tx: Transaction, request: Request, snapshot_id: str) -> Row:
    """A snapshot of the caller's project; administrators find every project's. Raises NotFound, PolicyNotAuthorized."""
    row = tx.row(ONE if is_admin(request) else _OF_PROJECT, {"the_id": snapshot_id, "caller_project": request.caller.project_id})
    if row is None:
        raise missing("Snapshot", snapshot_id)
    request.authorize("volume:get_snapshot", SNAPSHOTS.target(row))
    return row


def named(tx: Transaction, request: Request) -> Row:
    """The snapshot in the path."""
    return snapshot(tx, request, request.params["id"])
