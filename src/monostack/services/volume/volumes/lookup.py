"""Finding a volume that a request names."""


import sqlalchemy as sa

from monostack.db import Row, Transaction
from monostack.http import Request
from monostack.services.volume.lists import is_admin
from monostack.services.volume.volumes.table import BY_ID, VOLUMES
from monostack.services.volume.words import missing

_OF_PROJECT = BY_ID.where(VOLUMES.table.c.project_id == sa.bindparam("caller_project"))


def volume(tx: Transaction, request: Request, volume_id: str, *, hidden: bool = True) -> Row:
    """A volume of the caller's project; administrators find every project's. Raises NotFound.

    One that policy does not let the caller see is not found, either, unless the call is not `hidden`: then it is refused.
    """
    row = tx.row(BY_ID if is_admin(request) else _OF_PROJECT, {"the_id": volume_id, "caller_project": request.caller.project_id})
    if row is None or (hidden and not request.allows("volume:get", VOLUMES.target(row))):
        raise missing("Volume", volume_id)
    if not hidden:
        request.authorize("volume:get", VOLUMES.target(row))
    return row


def named(tx: Transaction, request: Request) -> Row:
    """The volume in the path."""
    return volume(tx, request, request.params["id"])
