"""GET /os-migrations: the migrations of all servers, or those of some."""

from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa

from monostack.core.errors import BadRequest
from monostack.db import Row, Transaction
from monostack.http import Request, Routes
from monostack.services.compute import answers
from monostack.services.compute.flavors import numbers
from monostack.services.compute.links import MAX_LIMIT, linker, next_page
from monostack.services.compute.migrations.table import LIVE, LIVE_UNDER_WAY, migrations
from monostack.services.compute.paging import limit_and_marker
from monostack.services.compute.parameters import PAGE, TEXT, Json, end_of_second, parse_time, query

_m = migrations.c
_TIME: Json = {"type": "string", "format": "date-time"}
_FILTERS: Json = dict.fromkeys(("hidden", "host", "instance_uuid", "source_compute", "status", "migration_type"), TEXT)
_PAGED: Json = {**PAGE, "changes-since": _TIME}
_UNTIL: Json = {**_PAGED, "changes-before": _TIME}
_OWNERS: Json = {**_UNTIL, "user_id": TEXT, "project_id": TEXT}
_LIST = [
    ((0, 0), query(_FILTERS)),
    ((2, 59), query({**_FILTERS, **_PAGED}, strict=True, once=_PAGED)),
    ((2, 66), query({**_FILTERS, **_UNTIL}, strict=True, once=_UNTIL)),
    ((2, 80), query({**_FILTERS, **_OWNERS}, strict=True, once=_OWNERS)),
]
_CLAUSES: dict[str, Callable[[str], Any]] = {
    "host": lambda value: sa.or_(_m.source == value, _m.dest == value),
    "instance_uuid": lambda value: _m.server_id == value,
    "source_compute": lambda value: _m.source == value,
    "status": lambda value: _m.status == value,
    "migration_type": lambda value: _m.kind == value,
    "user_id": lambda value: _m.user_id == value,
    "project_id": lambda value: _m.project_id == value,
    "changes-since": lambda value: _m.updated_at >= _moment(value),
    "changes-before": lambda value: _m.updated_at <= end_of_second(_moment(value)),
}
_SINCE = {"changes-since": (2, 59), "changes-before": (2, 66), "user_id": (2, 80), "project_id": (2, 80)}
_ALL = sa.select(migrations).order_by(_m.id)
_NEWEST = sa.select(migrations).order_by(_m.created_at.desc(), _m.id.desc()).limit(sa.bindparam("many"))
_MARKER = sa.select(_m.created_at, _m.id).where(_m.uuid == sa.bindparam("the_uuid"))

routes = Routes("/v2.1/os-migrations")


def _moment(text: str) -> str:
    return parse_time(text).isoformat(timespec="microseconds")


@routes.get("", policy="os_compute_api:os-migrations:index", query=_LIST, answer=answers.page("migrations", answers.MIGRATION))
def list_migrations(request: Request, tx: Transaction) -> Any:
    """List migrations; from 2.59 on the latest first and a page at a time."""
    asked = request.query_map
    request.authorize("os_compute_api:os-migrations:index")
    if asked.get("project_id") is None or asked["project_id"] != request.caller.project_id:
        request.authorize("os_compute_api:os-migrations:index:all_projects")
    paged = request.at_least(2, 59)
    limit, marker = limit_and_marker(request) if paged else (MAX_LIMIT, None)
    statement = _NEWEST if paged else _ALL
    for clause in _where(request):
        statement = statement.where(clause)
    if marker is not None:
        statement = statement.where(_after(tx, marker))
    rows = tx.rows(statement, {"many": limit} if paged else {})
    hosts = request.allows("os_compute_api:os-migrations:index:host")
    flavors = numbers.of(tx, (flavor["id"] for row in rows for flavor in (row.old_flavor, row.new_flavor)))
    answer: dict[str, Any] = {"migrations": [_view(request, row, flavors, hosts=hosts) for row in rows]}
    more = next_page(request, "os-migrations", rows, limit, rows[-1].uuid if rows else None)
    if paged and more:
        answer["migrations_links"] = more
    return answer


def _where(request: Request) -> list[Any]:
    """The clauses of what the caller filters by. Raises BadRequest."""
    asked = {name: value for name, value in request.query_map.items() if name in _CLAUSES and request.at_least(*_SINCE.get(name, (2, 0)))}
    since, before = asked.get("changes-since"), asked.get("changes-before")
    if since and before and _moment(before) < _moment(since):
        raise BadRequest("The value of changes-since must be less than or equal to changes-before.")
    return [_CLAUSES[name](value) for name, value in asked.items()]


def _after(tx: Transaction, marker: str) -> Any:
    row = tx.row(_MARKER, {"the_uuid": marker})
    if row is None:
        raise BadRequest(f"Marker {marker} could not be found.")
    return sa.or_(_m.created_at < row.created_at, sa.and_(_m.created_at == row.created_at, _m.id < row.id))


def _view(request: Request, row: Row, flavors: Mapping[str, int], *, hosts: bool) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "id": row.id, "instance_uuid": row.server_id, "status": row.status, "created_at": row.created_at, "updated_at": row.updated_at,
        "old_instance_type_id": flavors[row.old_flavor["id"]], "new_instance_type_id": flavors[row.new_flavor["id"]],
        **places(row, hosts=hosts),
    }  # fmt: skip
    if request.at_least(2, 23):
        shown["migration_type"] = row.kind
        if row.kind == LIVE and row.status in LIVE_UNDER_WAY:
            shown["links"] = linker(request).both(f"servers/{row.server_id}/migrations", str(row.id))
    if request.at_least(2, 59):
        shown["uuid"] = row.uuid
    if request.at_least(2, 80):
        shown.update(user_id=row.user_id, project_id=row.project_id)
    return shown


def places(row: Row, *, hosts: bool) -> dict[str, Any]:
    """Where a migration comes from and goes to, for those who may know."""
    if not hosts:
        return dict.fromkeys(("dest_compute", "dest_host", "dest_node", "source_compute", "source_node"))
    return {
        "dest_compute": row.dest, "dest_host": row.dest_address, "dest_node": row.dest, "source_compute": row.source,
        "source_node": row.source,
    }  # fmt: skip
