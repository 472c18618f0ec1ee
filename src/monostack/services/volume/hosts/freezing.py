"""Freezing back ends, and letting replicas take over: the first is kept to, of the second there are none."""


from monostack.core import clock
from monostack.core.errors import BadRequest
from monostack.db import Row, Transaction
from monostack.events import record
from monostack.http import Request, Response, Routes
from monostack.http.answers import NOTHING, REFUSED
from monostack.services.volume.dialect import accepted
from monostack.services.volume.hosts.table import find, set_backend
from monostack.services.volume.parameters import HOST, TEXT_OR_NULL, fields
from monostack.services.volume.volumes.table import service_name
from monostack.services.volume.words import invalid_input

FREEZE = fields(cluster=TEXT_OR_NULL, host=HOST)
FAIL_OVER = fields(cluster=TEXT_OR_NULL, host=HOST, backend_id=TEXT_OR_NULL)
UPDATE = "volume_extension:services:update"
routes = Routes("/v3/os-services")


def _named(request: Request, tx: Transaction) -> Row:
    """The back end a body names. There are no clusters. Raises BadRequest."""
    host, cluster = request.body.get("host"), request.body.get("cluster") if request.at_least(3, 26) else None
    if bool(host) == bool(cluster):
        raise invalid_input("One and only one of cluster and host must be set.")
    row = find(tx, host) if host else None
    if row is None:
        raise BadRequest(f"No service found with {'host' if host else 'cluster'}={host or cluster}")
    return row


def _unchanged(row: Row, what: str) -> BadRequest:
    return invalid_input(f"No service could be changed: {what.format([service_name(row)])} to failover.")


def _set(request: Request, tx: Transaction, frozen: bool) -> Response:
    row = _named(request, tx)
    if row.frozen is frozen:
        raise _unchanged(row, f"frozen in {{}} must be {not frozen}")
    set_backend(tx, row.host, row.pool, frozen=frozen, updated_at=clock.now())
    record(tx, request, "volume_service.freeze" if frozen else "volume_service.thaw", row.uuid, None, {"host": service_name(row)})
    return accepted(200)


@routes.put("/freeze", policy=UPDATE, body=FREEZE, enforce=True, answer=NOTHING)
def freeze(request: Request, tx: Transaction) -> Response:
    """Let nothing be made, snapshotted or deleted on a back end."""
    request.authorize("volume:freeze_host")
    return _set(request, tx, True)


@routes.put("/thaw", policy=UPDATE, body=FREEZE, enforce=True, answer=NOTHING)
def thaw(request: Request, tx: Transaction) -> Response:
    """Take a back end's freezing back."""
    request.authorize("volume:thaw_host")
    return _set(request, tx, False)


@routes.put("/failover_host", policy=UPDATE, body=FAIL_OVER, enforce=True, answer=REFUSED)
def failover_host(request: Request, tx: Transaction) -> Response:
    """Let a back end's replica take over. None has one."""
    request.authorize("volume:failover_host")
    raise _unchanged(_named(request, tx), "replication_status in {} must be ['enabled', 'failed-over'] and must be up")
