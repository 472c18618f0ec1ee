"""Deleting servers. Nothing is kept for a while to be restored: a deleted server is gone."""

from monostack.db import Transaction
from monostack.events import record
from monostack.http import Request, Routes
from monostack.services.compute.parameters import ANYTHING, one
from monostack.services.compute.servers import history, table
from monostack.services.compute.servers.actions import ACTIONS
from monostack.services.compute.servers.lookup import for_action
from monostack.services.compute.servers.states import DELETING

routes = Routes("/v2.1/servers")


def _delete(request: Request, tx: Transaction, rule: str) -> None:
    server = for_action(request, tx, rule, "delete")
    if server.task_state == DELETING:
        return  # it is going already
    table.update(tx, server.id, task_state=DELETING, progress=0)
    history.start(tx, request, server.id, "delete")
    record(tx, request, "server.delete", server.id, server.project_id)
    request.cloud.cancel(tx, server.id)
    request.cloud.start(tx, "delete_server", server.id, history.input_of(server), request, server.project_id)


@routes.delete("/{id}", policy="os_compute_api:servers:delete")
def delete_server(request: Request, tx: Transaction) -> None:
    """Delete a server. It overtakes whatever is being done to the server."""
    _delete(request, tx, "os_compute_api:servers:delete")


@ACTIONS.action("forceDelete", body=one("forceDelete", ANYTHING), policy="os_compute_api:os-deferred-delete:force")
def force_delete_server(request: Request, tx: Transaction) -> None:
    """Delete a server, as the plain deletion does."""
    _delete(request, tx, "os_compute_api:os-deferred-delete:force")


@ACTIONS.action("restore", body=one("restore", ANYTHING), policy="os_compute_api:os-deferred-delete:restore")
def restore_server(request: Request, tx: Transaction) -> None:
    """Bring a deleted server back. None is ever in the state that would allow it."""
    for_action(request, tx, "os_compute_api:os-deferred-delete:restore", "restore")
