"""/servers/{id}/shares, from 2.97 on: file shares of a shared file system service.

There is no such service in this cloud, so no share exists that a server could be given: lists are empty, and every share is unknown.
"""

from typing import Any

from monostack.core.errors import Fault, NotFound
from monostack.db import Row, Transaction
from monostack.http import Request, Routes
from monostack.http.answers import REFUSED, envelope
from monostack.services.compute.dialect import wrong_state
from monostack.services.compute.parameters import UUID, fields, one, query
from monostack.services.compute.servers.lookup import visible
from monostack.services.compute.servers.states import ERROR, STOPPED

SINCE = (2, 97)

_TAG = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[a-zA-Z0-9-]*$"}
_CREATE = one("share", fields({"share_id": UUID, "tag": _TAG}, ("share_id",)))
_NOTHING = query({}, strict=True)

routes = Routes("/v2.1/servers/{id}/shares")


def _server(request: Request, tx: Transaction, action: str) -> Row:
    try:
        server = visible(request, tx)
    except NotFound:
        raise NotFound(f"Instance {request.params['id']} has no mapping to a cell.") from None
    request.authorize(f"os_compute_api:os-server-shares:{action}", {"project_id": server.project_id})
    return server


def _unknown(share_id: str) -> Fault:
    return NotFound(f"Share {share_id} could not be found.")


@routes.get(
    "",
    policy="os_compute_api:os-server-shares:index",
    since=SINCE,
    query=_NOTHING,
    answer=envelope("shares", {"type": "array", "maxItems": 0}),
)
def list_shares(request: Request, tx: Transaction) -> Any:
    """List a server's shares."""
    _server(request, tx, "index")
    return {"shares": []}


@routes.get("/{key}", policy="os_compute_api:os-server-shares:show", since=SINCE, query=_NOTHING, answer=REFUSED)
def show_share(request: Request, tx: Transaction) -> Any:
    """Show one of a server's shares."""
    _server(request, tx, "show")
    raise _unknown(request.params["key"])


@routes.post("", policy="os_compute_api:os-server-shares:create", since=SINCE, status=201, body=_CREATE, answer=REFUSED)
def attach_share(request: Request, tx: Transaction) -> Any:
    """Give a stopped server a share."""
    server = _server(request, tx, "create")
    if server.vm_state != STOPPED:
        raise wrong_state("create share", server.id, "vm_state", server.vm_state)
    raise _unknown(request.body["share"]["share_id"])


@routes.delete("/{key}", policy="os_compute_api:os-server-shares:delete", since=SINCE, status=200, answer=REFUSED)
def detach_share(request: Request, tx: Transaction) -> Any:
    """Take a share from a stopped server."""
    server = _server(request, tx, "delete")
    if server.vm_state not in (STOPPED, ERROR):
        raise wrong_state("delete share", server.id, "vm_state", server.vm_state)
    raise _unknown(request.params["key"])
