"""Deleting servers: at once, or, where the configuration keeps deleted servers for a while, so that they can be restored."""

from typing import Any

from monostack.core.errors import Conflict
from monostack.db import Row, Transaction
from monostack.events import record
from monostack.http import Request, Routes
from monostack.services.compute import quotas
from monostack.services.compute.parameters import ANYTHING, one
from monostack.services.compute.scheduler import resources_for
from monostack.services.compute.servers import history, table
from monostack.services.compute.servers import volumes as server_volumes
from monostack.services.compute.servers.actions import ACTIONS
from monostack.services.compute.servers.lookup import authorize, check_state, for_action, visible
from monostack.services.compute.servers.power import begin
from monostack.services.compute.servers.states import DELETING, RESTORING, SOFT_DELETED, SOFT_DELETING

routes = Routes("/v2.1/servers")


def start_deletion(tx: Transaction, cloud: Any, server: Row, request: Request | None) -> None:
    """Begin to delete a server for good; it overtakes whatever is being done to it. Without a request: the cloud itself."""
    if server.task_state == DELETING:
        return  # it is going already
    table.update(tx, server.id, task_state=DELETING, progress=0)
    history.start(tx, request, server.id, "delete")
    record(tx, request, "server.delete", server.id, server.project_id)
    cloud.cancel(tx, server.id)
    cloud.start(tx, "delete_server", server.id, history.input_of(server), request, server.project_id)


@routes.delete("/{id}", policy="os_compute_api:servers:delete")
def delete_server(request: Request, tx: Transaction) -> None:
    """Delete a server. It overtakes whatever is being done to the server."""
    server = for_action(request, tx, "os_compute_api:servers:delete", "delete")
    if _can_wait(request, server):
        if server.vm_state == SOFT_DELETED or server.task_state in (SOFT_DELETING, DELETING):
            return  # it waits already
        request.cloud.cancel(tx, server.id)
        begin(request, tx, server, "delete", "soft_delete_server", SOFT_DELETING)
    else:
        start_deletion(tx, request.cloud, server, request)


def _can_wait(request: Request, server: Row) -> bool:
    """Whether the server is to be kept for a while: only one that has run, and is on a host, has something to keep."""
    return request.cloud.config.compute.reclaim_instance_interval > 0 and server.launched_at is not None and server.host is not None


@ACTIONS.action("forceDelete", body=one("forceDelete", ANYTHING), policy="os_compute_api:os-deferred-delete:force")
def force_delete_server(request: Request, tx: Transaction) -> None:
    """Delete a server for good, also one that waits to be."""
    start_deletion(tx, request.cloud, for_action(request, tx, "os_compute_api:os-deferred-delete:force", "delete"), request)


@ACTIONS.action("restore", body=one("restore", ANYTHING), policy="os_compute_api:os-deferred-delete:restore")
def restore_server(request: Request, tx: Transaction) -> None:
    """Bring a deleted server back. It counts as the project's again."""
    server = visible(request, tx)
    authorize(request, "os_compute_api:os-deferred-delete:restore", server)
    check_state(request, server, "restore")
    if server.host is None:
        raise Conflict(f"Instance {server.id} is not ready")
    claimed = resources_for(server.flavor, local_root=not server_volumes.is_volume_backed(tx, server))
    quotas.Budget(tx, request.cloud, server.project_id).affordable(server.vcpus, server.memory_mb, claimed, 1, 1)
    begin(request, tx, server, "restore", "restore_server", RESTORING)
