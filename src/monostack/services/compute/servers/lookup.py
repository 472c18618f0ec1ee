"""Finding a server for a caller, and whether the caller may act on it now."""


import sqlalchemy as sa

from monostack.core.errors import Conflict
from monostack.db import Row, Transaction
from monostack.http import Request
from monostack.services.compute import tpm
from monostack.services.compute.dialect import server_not_found, wrong_state
from monostack.services.compute.servers.states import ACTIONS
from monostack.services.compute.servers.table import LIVE, servers

_ANY = sa.select(servers).where(servers.c.id == sa.bindparam("the_id"), LIVE)
_OWN = _ANY.where(servers.c.project_id == sa.bindparam("the_project"))


def visible(request: Request, tx: Transaction, server_id: str | None = None) -> Row:
    """The server of the path, if it exists and is the caller's project's (an administrator sees all). Raises NotFound."""
    server_id = request.params["id"] if server_id is None else server_id
    if request.caller.is_admin:
        row = tx.row(_ANY, {"the_id": server_id})
    else:
        row = tx.row(_OWN, {"the_id": server_id, "the_project": request.caller.project_id})
    if row is None:
        raise server_not_found(server_id)
    return row


def authorize(request: Request, rule: str, server: Row) -> None:
    request.authorize(rule, {"project_id": server.project_id, "user_id": server.user_id})


def for_action(
    request: Request, tx: Transaction, rule: str, action: str, shown: str | None = None, *, with_tpm: bool = True
) -> Row:  # fmt: skip
    """The server, if the caller may act on it and its state allows it. `shown` names the action in messages.

    Raises NotFound, PolicyNotAuthorized, Conflict in Nova's words: locked, not placed, wrong state; BadRequest for a server that has a TPM,
    where one may not.
    """
    server = visible(request, tx)
    authorize(request, rule, server)
    if not with_tpm:
        tpm.refuse(server, action)
    check_state(request, server, action, shown)
    return server


def check_state(request: Request, server: Row, action: str, shown: str | None = None) -> None:
    """Raises Conflict unless the action is allowed in the state the server is in."""
    allowed = ACTIONS[action]
    if server.locked_by is not None and not allowed.locked and not request.caller.is_admin:
        raise Conflict(f"Instance {server.id} is locked")
    if allowed.host and server.host is None:
        raise Conflict(f"Instance {server.id} is not ready")
    objection = allowed.objection(server.vm_state, server.task_state, server.launched_at is not None)
    if objection is not None:
        raise wrong_state(shown or action, server.id, *objection)
