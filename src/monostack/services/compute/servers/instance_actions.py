"""/servers/{id}/os-instance-actions: what was done to a server. From 2.21 on also of deleted servers."""

from typing import Any

import sqlalchemy as sa

from monostack.core.errors import BadRequest, NotFound
from monostack.db import Row, Transaction
from monostack.http import Request, Routes
from monostack.http.answers import Record, envelope, many
from monostack.services.compute.dialect import server_not_found
from monostack.services.compute.links import MAX_LIMIT, next_page
from monostack.services.compute.paging import limit_and_marker
from monostack.services.compute.parameters import PAGE, Json, end_of_second, parse_time, query
from monostack.services.compute.servers import answers, history
from monostack.services.compute.servers.history import server_actions
from monostack.services.compute.servers.lookup import visible
from monostack.services.compute.servers.table import servers
from monostack.services.compute.servers.view import host_id

_a = server_actions.c
_PAGE = (
    sa.select(server_actions)
    .where(
        _a.server_id == sa.bindparam("the_server"),
        _a.number < sa.bindparam("before_number"),
        _a.updated_at >= sa.bindparam("since"),
        _a.updated_at <= sa.bindparam("before"),
    )
    .order_by(_a.number.desc())
    .limit(sa.bindparam("many"))
)
_EVEN_DELETED = sa.select(servers).where(servers.c.id == sa.bindparam("the_id"))
_KEYS = ("action", "request_id", "user_id", "project_id", "start_time", "message")
_TIME: Json = {"type": "string", "format": "date-time"}
_SINCE: Json = {**PAGE, "changes-since": _TIME}
_BETWEEN: Json = {**_SINCE, "changes-before": _TIME}
_LIST = [((0, 0), query({})), ((2, 58), query(_SINCE, strict=True, once=_SINCE)), ((2, 66), query(_BETWEEN, strict=True, once=_BETWEEN))]

routes = Routes("/v2.1/servers/{id}/os-instance-actions")


def _server(request: Request, tx: Transaction, action: str) -> Row:
    if request.at_least(2, 21):
        server = tx.row(_EVEN_DELETED, {"the_id": request.params["id"]})
        if server is None or not (request.caller.is_admin or server.project_id == request.caller.project_id):
            raise server_not_found(request.params["id"])
    else:
        server = visible(request, tx)
    request.authorize(f"os_compute_api:os-instance-actions:{action}", {"project_id": server.project_id})
    return server


def _view(request: Request, row: Row) -> dict[str, Any]:
    shown = {name: row._mapping[name] for name in _KEYS}
    shown["instance_uuid"] = row.server_id
    if request.at_least(2, 58):
        shown["updated_at"] = row.updated_at
    return shown


def _moment(request: Request, name: str, default: str) -> str:
    text = request.query_map.get(name)
    return default if text is None else parse_time(text).isoformat(timespec="microseconds")


@routes.get(
    "",
    policy="os_compute_api:os-instance-actions:list",
    query=_LIST,
    answer=Record("", {"instanceActions": many(answers.ACTION_SUMMARY), "links": answers.optional(answers.LINKS)}),
)
def list_actions(request: Request, tx: Transaction) -> Any:
    """List what was done to a server, the latest first."""
    server = _server(request, tx, "list")
    paged = request.at_least(2, 58)
    limit, marker = limit_and_marker(request) if paged else (MAX_LIMIT, None)
    since, before = _moment(request, "changes-since", ""), _moment(request, "changes-before", "~")
    if before < since:
        raise BadRequest("The value of changes-since must be less than or equal to changes-before.")
    number = 2**31 - 1
    if marker is not None:
        start = history.find(tx, server.id, marker)
        if start is None:
            raise BadRequest(f"Marker {marker} could not be found.")
        number = start.number
    params = {"the_server": server.id, "before_number": number, "since": since, "before": end_of_second(before), "many": limit}
    rows = tx.rows(_PAGE, params)
    answer: dict[str, Any] = {"instanceActions": [_view(request, row) for row in rows]}
    more = next_page(request, f"servers/{server.id}/os-instance-actions", rows, limit, rows[-1].request_id if rows else None)
    if paged and more:
        answer["links"] = more
    return answer


@routes.get("/{key}", policy="os_compute_api:os-instance-actions:show", answer=envelope("instanceAction", answers.ACTION))
def show_action(request: Request, tx: Transaction) -> Any:
    """Show one thing that was done to a server, with its events."""
    server = _server(request, tx, "show")
    row = history.find(tx, server.id, request.params["key"])
    if row is None:
        raise NotFound(f"Action {request.params['key']} not found")
    shown = _view(request, row)
    target = {"project_id": server.project_id}
    everything = request.allows("os_compute_api:os-instance-actions:events", target)
    if everything or request.at_least(2, 51):
        details = request.at_least(2, 84) and request.allows("os_compute_api:os-instance-actions:events:details", target)
        shown["events"] = [_event(request, event, server.project_id, everything, details) for event in row.events]
    return {"instanceAction": shown}


def _event(request: Request, event: dict[str, Any], project_id: str, everything: bool, details: bool) -> dict[str, Any]:
    shown = {name: event[name] for name in ("event", "start_time", "finish_time", "result")}
    if everything:
        shown["traceback"] = None  # none is kept: the log has it, under the request's id
    if request.at_least(2, 62):
        if everything:
            shown["host"] = event["host"]
        shown["hostId"] = host_id(event["host"], project_id)
    if details:
        shown["details"] = event["details"]
    return shown
