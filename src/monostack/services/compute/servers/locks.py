"""Locking a server against everybody but administrators, and what else administrators do to servers."""

from monostack.core.errors import Conflict, Gone
from monostack.db import Transaction
from monostack.events import record
from monostack.http import Request
from monostack.http.answers import REFUSED
from monostack.services.compute.parameters import ANYTHING, fields, one
from monostack.services.compute.servers import history, table
from monostack.services.compute.servers.actions import ACTIONS
from monostack.services.compute.servers.lookup import authorize, check_state, visible
from monostack.services.compute.servers.states import ACTIVE, ERROR
from monostack.services.network import facade as network

_REASON = {"locked_reason": {"type": "string", "minLength": 1, "maxLength": 255}}
_LOCK = [((0, 0), one("lock", ANYTHING)), ((2, 73), one("lock", {**fields(_REASON), "type": ["object", "null"]}))]


@ACTIONS.action("lock", body=_LOCK, policy="os_compute_api:os-lock-server:lock")
def lock_server(request: Request, tx: Transaction) -> None:
    """Lock a server."""
    server = visible(request, tx)
    authorize(request, "os_compute_api:os-lock-server:lock", server)
    history.start(tx, request, server.id, "lock")
    own = server.project_id == request.caller.project_id
    if server.locked_by is not None and own:
        return
    reason = (request.body["lock"] or {}).get("locked_reason") if request.at_least(2, 73) else None
    table.update(tx, server.id, locked_by="owner" if own else "admin", locked_reason=reason)
    record(tx, request, "server.lock", server.id, server.project_id)


@ACTIONS.action("unlock", body=one("unlock", ANYTHING), policy="os_compute_api:os-lock-server:unlock")
def unlock_server(request: Request, tx: Transaction) -> None:
    """Unlock a server."""
    server = visible(request, tx)
    authorize(request, "os_compute_api:os-lock-server:unlock", server)
    own = server.project_id == request.caller.project_id
    if server.locked_by is not None and server.locked_by != ("owner" if own else "admin"):
        authorize(request, "os_compute_api:os-lock-server:unlock:unlock_override", server)
    history.start(tx, request, server.id, "unlock")
    table.update(tx, server.id, locked_by=None, locked_reason=None)
    record(tx, request, "server.unlock", server.id, server.project_id)


_RESET = one("os-resetState", fields({"state": {"type": "string", "enum": ["active", "error"]}}, ("state",)))


@ACTIONS.action("os-resetState", body=_RESET, policy="os_compute_api:os-admin-actions:reset_state")
def reset_state(request: Request, tx: Transaction) -> None:
    """Set a server's state by hand."""
    server = visible(request, tx)
    authorize(request, "os_compute_api:os-admin-actions:reset_state", server)
    wanted = {"active": ACTIVE, "error": ERROR}[request.body["os-resetState"]["state"]]
    if wanted == ACTIVE and server.host is None:
        raise Conflict(f"Instance {server.id} is not ready")
    history.start(tx, request, server.id, "resetState")
    table.update(tx, server.id, vm_state=wanted, task_state=None)
    record(tx, request, "server.reset_state", server.id, server.project_id, {"state": wanted})


_INJECT = one("injectNetworkInfo", ANYTHING)


@ACTIONS.action("injectNetworkInfo", body=_INJECT, policy="os_compute_api:os-admin-actions:inject_network_info")
def inject_network_info(request: Request, tx: Transaction) -> None:
    """Give the server's host its network data anew, for the guest to read."""
    server = visible(request, tx)
    authorize(request, "os_compute_api:os-admin-actions:inject_network_info", server)
    check_state(request, server, "inject_network_info")
    network.items_changed(tx, request.cloud, "metadata", [server.id])
    record(tx, request, "server.inject_network_info", server.id, server.project_id)


async def reset_network(request: Request) -> None:
    """Only a hypervisor that Nova has given up could do it."""
    raise Gone("This resource is no longer available. No forwarding address is given.")


ACTIONS.add("resetNetwork", reset_network, mode="async", answer=REFUSED)
