"""/os-services: what runs where, under Nova's names: nova-compute on each host, nova-scheduler and nova-conductor on each controller."""

from typing import Any

import sqlalchemy as sa

from monostack.core import clock
from monostack.core.errors import BadRequest, Conflict, NotFound
from monostack.db import Row, Transaction
from monostack.events import record
from monostack.http import Request, Routes
from monostack.http.answers import envelope, many
from monostack.services.compute.hosts import answers, controllers
from monostack.services.compute.hosts.controllers import ControllerService
from monostack.services.compute.hosts.known import known_hosts
from monostack.services.compute.hosts.table import ALL, INTERNAL_ZONE, aggregate_hosts, alive, changed, compute_hosts
from monostack.services.compute.parameters import BOOLEAN, FQDN, TEXT, Json, fields, is_true, is_uuid, queries
from monostack.services.compute.servers.table import servers
from monostack.services.placement import facade as placement

BINARY = "nova-compute"

_h = compute_hosts.c
_BY_HOST = ALL.where(_h.host == sa.bindparam("the_host"))
_BY_ID = ALL.where(_h.service_id == sa.bindparam("the_id"))
_BY_NUMBER = ALL.where(_h.number == sa.bindparam("the_number"))
_SET = (
    sa.update(compute_hosts)
    .where(_h.id == sa.bindparam("the_id"))
    .values(
        disabled=sa.bindparam("v_disabled"),
        disabled_reason=sa.bindparam("v_reason"),
        forced_down=sa.bindparam("v_down"),
        updated_at=sa.bindparam("v_time"),
    )
)
_DELETE = sa.delete(compute_hosts).where(_h.id == sa.bindparam("the_id"))
_LEAVE = sa.delete(aggregate_hosts).where(aggregate_hosts.c.host == sa.bindparam("the_host"))
_SERVERS = sa.select(servers.c.id).where(servers.c.host == sa.bindparam("the_host"), servers.c.deleted_at.is_(None)).limit(1)

_REASON: Json = {"type": "string", "minLength": 1, "maxLength": 255}
_OLD: Json = {"host": FQDN, "binary": {"type": "string", "minLength": 1, "maxLength": 255}, "disabled_reason": _REASON}
_UPDATE = [
    ((0, 0), fields(_OLD, ("host", "binary"))),
    ((2, 11), fields({**_OLD, "forced_down": BOOLEAN}, ("host", "binary"))),
    (
        (2, 53),
        fields({"status": {"type": "string", "enum": ["enabled", "disabled"]}, "disabled_reason": _REASON, "forced_down": BOOLEAN}),
    ),
]

routes = Routes("/v2.1/os-services")


def _view(request: Request, row: Row | ControllerService, zone: str | None, binary: str = BINARY) -> dict[str, Any]:
    up = alive(row.seen_at) and not row.forced_down
    shown = {
        "binary": binary, "host": row.host, "id": row.service_id if request.at_least(2, 53) else row.number, "zone": zone,
        "status": "disabled" if row.disabled else "enabled", "state": "up" if up else "down", "updated_at": row.seen_at or row.updated_at,
        "disabled_reason": row.disabled_reason,
    }  # fmt: skip
    if request.at_least(2, 11):
        shown["forced_down"] = row.forced_down
    return shown


@routes.get(
    "",
    policy="os_compute_api:os-services:list",
    query=queries({"host": TEXT, "binary": TEXT}),
    answer=envelope("services", many(answers.SERVICE)),
)
def list_services(request: Request, tx: Transaction) -> Any:
    """List compute services."""
    request.authorize("os_compute_api:os-services:list", {})
    host, binary = request.query_map.get("host"), request.query_map.get("binary")
    of_controllers = [one for one in controllers.controller_services(tx) if not host or one.host == host]
    of_hosts = tx.rows(_BY_HOST, {"the_host": host}) if host else tx.rows(ALL)
    known = known_hosts(tx)
    shown = [_view(request, one, INTERNAL_ZONE, one.binary) for one in of_controllers]
    shown += [_view(request, row, known.zone_of(row.host)) for row in of_hosts]
    return {"services": [one for one in shown if not binary or one["binary"] == binary]}


def change_service(request: Request, tx: Transaction, row: Row, **values: Any) -> Row:
    """Write `disabled`, its `reason` and forced `down` of a host's service, as far as given. Returns the row as it is now."""
    now = {"disabled": row.disabled, "reason": row.disabled_reason, "down": row.forced_down, **values}
    tx.execute(_SET, {"the_id": row.id, "v_time": clock.now(), **{f"v_{name}": value for name, value in now.items()}})
    changed(tx)
    record(tx, request, "service.update", row.service_id, None, values)
    found = tx.row(_BY_HOST, {"the_host": row.host})
    assert found is not None, "it was there a moment ago"
    return found


def _not_updated(binary: str) -> BadRequest:
    return BadRequest(f"Updating a {binary} service is not supported. Only nova-compute services can be updated.")


def _by_name(tx: Transaction, body: dict[str, Any]) -> Row:
    if body["binary"] != BINARY:
        raise _not_updated(body["binary"])
    row = tx.row(_BY_HOST, {"the_host": body["host"]})
    if row is None:
        raise NotFound(f"Host '{body['host']}' is not mapped to any cell")
    return row


def _old_update(request: Request, tx: Transaction, verb: str) -> Any:
    """enable, disable, disable-log-reason and force-down, each with the host in the body."""
    body = request.body
    if (verb == "force-down" and not request.at_least(2, 11)) or verb not in ("enable", "disable", "disable-log-reason", "force-down"):
        raise NotFound("Unknown action")
    answer = {"host": body["host"], "binary": body["binary"]}
    if verb == "force-down":
        if "forced_down" not in body:
            raise BadRequest("Missing forced_down field")
        answer["forced_down"] = is_true(body["forced_down"])
        change_service(request, tx, _by_name(tx, body), down=answer["forced_down"])
        return {"service": answer}
    reason = body.get("disabled_reason") if verb == "disable-log-reason" else None
    if verb == "disable-log-reason" and reason is None:
        raise BadRequest("Missing disabled reason field")
    change_service(request, tx, _by_name(tx, body), disabled=verb != "enable", reason=reason)
    answer["status"] = "enabled" if verb == "enable" else "disabled"
    if reason:
        answer["disabled_reason"] = reason
    return {"service": answer}


def _by_id(request: Request, tx: Transaction) -> Row | ControllerService:
    given = request.params["id"]
    if request.at_least(2, 53):
        if is_uuid(given) is None:
            raise BadRequest(f"Invalid uuid {given}")
        row = tx.row(_BY_ID, {"the_id": given}) or controllers.find(tx, given)
        if row is None:
            raise NotFound(f"Service {given} {'not' if request.method == 'DELETE' else 'could not be'} found.")
        return row
    if not given.isdigit():
        raise BadRequest("Invalid input received: id must be an integer")
    row = tx.row(_BY_NUMBER, {"the_number": int(given)}) or controllers.find_number(tx, int(given))
    if row is None:
        raise NotFound(f"Service {given} not found.")
    return row


@routes.put("/{id}", policy="os_compute_api:os-services:update", body=_UPDATE, answer=envelope("service", answers.UPDATED_SERVICE))
def update_service(request: Request, tx: Transaction) -> Any:
    """Enable, disable or force down a compute service."""
    request.authorize("os_compute_api:os-services:update", {})
    if not request.at_least(2, 53):
        return _old_update(request, tx, request.params["id"])
    row, body = _by_id(request, tx), request.body
    if isinstance(row, ControllerService):
        raise _not_updated(row.binary)
    values: dict[str, Any] = {}
    if "status" in body:
        if body["status"] == "enabled" and "disabled_reason" in body:
            raise BadRequest("Specifying 'disabled_reason' with status 'enabled' is invalid.")
        values.update(disabled=body["status"] == "disabled", reason=body.get("disabled_reason"))
    elif "disabled_reason" in body:
        raise BadRequest("No updates were requested. Fields 'status' or 'forced_down' should be specified.")
    if "forced_down" in body:
        values["down"] = is_true(body["forced_down"])
    if not values:
        raise BadRequest("No updates were requested. Fields 'status' or 'forced_down' should be specified.")
    row = change_service(request, tx, row, **values)
    return {"service": _view(request, row, known_hosts(tx).zone_of(row.host))}


@routes.delete("/{id}", policy="os_compute_api:os-services:delete")
def delete_service(request: Request, tx: Transaction) -> None:
    """Forget a host that is gone for good, in aggregates too. If its agent comes back, it enrols anew. Or the service of a controller."""
    request.authorize("os_compute_api:os-services:delete", {})
    row = _by_id(request, tx)
    if isinstance(row, ControllerService):
        controllers.delete(tx, row.service_id)
    else:
        _delete_host(tx, row)
    record(tx, request, "service.delete", row.service_id)


def _delete_host(tx: Transaction, row: Row) -> None:
    if tx.row(_SERVERS, {"the_host": row.host}) is not None:
        raise Conflict("Unable to delete compute service that is hosting instances. Migrate or delete the instances first.")
    if row.controller is not None and alive(row.seen_at):
        raise Conflict(f"Unable to delete the compute service of host {row.host} while its agent is connected. Stop the agent first.")
    placement.remove_provider(tx, row.id)
    tx.execute(_LEAVE, {"the_host": row.host})
    tx.execute(_DELETE, {"the_id": row.id})
    changed(tx)
