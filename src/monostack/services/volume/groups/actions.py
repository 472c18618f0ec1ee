"""POST /groups/{id}/action, and POST /groups/action: groups deleted, mended, made from others."""

from typing import Any

from monostack.core.errors import BadRequest
from monostack.db import Row, Transaction
from monostack.http import Request, Response, Routes
from monostack.http.actions import Actions
from monostack.http.answers import REFUSED, envelope
from monostack.http.schema import add_format
from monostack.services.volume.dialect import accepted
from monostack.services.volume.groups.api import SINCE, summary
from monostack.services.volume.groups.copying import create_from_source
from monostack.services.volume.groups.table import (
    GROUPS,
    REMOVE_GROUP,
    SUMMARY,
    find_group,
    has_snapshots,
    invalid_group,
    is_copied,
    set_group,
    volumes_of,
)
from monostack.services.volume.groups.types import require_generic
from monostack.services.volume.hosts.table import require_not_frozen
from monostack.services.volume.parameters import DESCRIPTION, FLAG, TEXT_OR_NULL, UUID, Refusal, as_flag, enveloped, fields, trimmed
from monostack.services.volume.snapshots.table import of_volume as snapshots_of
from monostack.services.volume.volumes.table import set_volume
from monostack.services.volume.words import NO_SUCH_ACTION

STATUSES = ("error", "available", "creating", "deleting", "deleted", "updating", "in-use", "error_deleting")
RESETTABLE = tuple(status for status in STATUSES if status != "in-use")
routes = Routes("/v3/groups")
actions, without_group = Actions(unknown=NO_SUCH_ACTION), Actions(unknown=NO_SUCH_ACTION)
without_group.mount(routes, "/action", since=SINCE)
actions.mount(routes, "/{id}/action", since=SINCE)


def named(tx: Transaction, request: Request) -> Row:
    """The group in the path."""
    return find_group(tx, request, request.params["id"])


def _status(value: Any) -> bool:
    if isinstance(value, str) and not value.strip():
        raise Refusal("Invalid Group Status: The 'status' can not be empty.")
    if isinstance(value, str) and value.lower() not in RESETTABLE:
        raise Refusal(f"Invalid Group Status: Group status: {value} is invalid, valid status are: {STATUSES}.")
    return True


add_format("volume-group-status", _status, Refusal)
_RESET = fields(("status",), status={"type": "string", "format": "volume-group-status"})


@actions.action("reset_status", since=(3, 20), body=enveloped("reset_status", _RESET), policy="group:reset_status")
def reset_status(request: Request, tx: Transaction) -> Response:
    """Overwrite a group's status."""
    row = named(tx, request)
    request.authorize("group:reset_status", GROUPS.target(row))
    GROUPS.change(tx, request, row, {"status": request.body["reset_status"]["status"].lower()})
    return accepted()


_VOLUMES_TOO: dict[str, Any] = {"delete-volumes": FLAG}
_DELETE = fields(**_VOLUMES_TOO)


@actions.action("delete", since=SINCE, body=enveloped("delete", _DELETE), policy="group:delete")
def delete_group(request: Request, tx: Transaction) -> Response:
    """Delete a group without snapshots; with `delete-volumes` also its volumes, which must not be attached nor have snapshots."""
    row, whole = named(tx, request), as_flag(request.body["delete"].get("delete-volumes", False))
    require_generic(tx, row.group_type_id)
    delete(request, tx, row, whole)
    return accepted()


def delete(request: Request, tx: Transaction, row: Row, whole: bool) -> None:
    """Begin to delete a group, if it is `whole` with its volumes. Raises BadRequest."""
    request.authorize("group:delete", GROUPS.target(row))
    volumes = volumes_of(tx, row.id)
    if row.host is None and not volumes:
        tx.execute(REMOVE_GROUP, {"the_id": row.id})
        return
    require_not_frozen(tx, row.host, row.pool)
    _check_deletable(tx, row, volumes, whole)
    for volume in volumes:
        request.cloud.cancel(tx, volume.id)
        set_volume(tx, volume.id, status="deleting", previous_status=volume.status)
    set_group(tx, row.id, status="deleting")
    gone = [[volume.id, volume.host] for volume in volumes]
    request.cloud.start(tx, "delete_group", row.id, {"volumes": gone}, request, row.project_id)


def _check_deletable(tx: Transaction, row: Row, volumes: Any, whole: bool) -> None:
    if not whole and row.status not in ("available", "error"):
        raise invalid_group(f"Group status must be available or error, but current status is: {row.status}")
    if has_snapshots(tx, row.id):
        raise invalid_group("Group has existing snapshots.")
    if volumes and not whole:
        raise invalid_group(f"Group {row.id} still contains volumes. The delete-volumes flag is required to delete it.")
    for volume in volumes:
        if volume.attach_status == "attached":
            raise invalid_group(f"Volume in group {row.id} is attached. Need to detach first.")
        if snapshots_of(tx, volume.id):
            raise invalid_group("Volume in group still has dependent snapshots.")
    if is_copied(tx, row.id):
        reason = "Group status must be available or error and must not have dependent group snapshots"
        if not whole:
            reason = "Group must not have attached volumes, volumes with snapshots, or dependent group snapshots"
        raise invalid_group(
            f"Cannot delete group {row.id}. {reason}, and it cannot be the source for an ongoing group or group snapshot creation."
        )


_SOURCE: dict[str, Any] = {
    **fields(description=DESCRIPTION, name=TEXT_OR_NULL, source_group_id=UUID, group_snapshot_id=UUID),
    "oneOf": [{"required": ["group_snapshot_id"]}, {"required": ["source_group_id"]}],
}


@without_group.action(
    "create-from-src", since=(3, 14), body=enveloped("create-from-src", _SOURCE), policy="group:create", answer=envelope("group", SUMMARY)
)
def create_from(request: Request, tx: Transaction) -> dict[str, Any]:
    """Make a group with copies of the volumes of another one, or of a group snapshot."""
    return {"group": summary(create_from_source(request, tx, trimmed(request.body["create-from-src"]), generic=True))}


def _not_replicated(row: Row) -> BadRequest:
    reason = f"Group {row.id} is not a replication group type."
    return BadRequest(f"Invalid group type: {reason}", kind="InvalidGroupType", detail=reason)


def _replication(verb: str, body: dict[str, Any], doc: str) -> None:
    """No back end replicates, so no group does: all that can be said of it is that."""
    rule = f"group:{verb}"

    def act(request: Request, tx: Transaction) -> None:
        row = named(tx, request)
        request.authorize(rule, GROUPS.target(row))
        raise _not_replicated(row)

    act.__doc__ = doc
    actions.add(verb, act, since=(3, 38), body=enveloped(verb, body), policy=rule, answer=REFUSED)


_replication("enable_replication", {"type": "object"}, "Begin to replicate a group.")
_replication("disable_replication", {"type": "object"}, "Stop replicating a group.")
_FAILOVER = fields(allow_attached_volume=FLAG, secondary_backend_id=TEXT_OR_NULL)
_replication("failover_replication", _FAILOVER, "Let a group's replicas take over.")
_replication("list_replication_targets", {"type": "object"}, "List where a group could be replicated to.")
