"""/os-simple-tenant-usage: what the servers of projects took in a period, in hours."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from monostack.core import clock
from monostack.core.errors import BadRequest
from monostack.db import Row, Transaction
from monostack.http import Request, Routes
from monostack.services.compute import answers
from monostack.services.compute.links import MAX_LIMIT, next_page
from monostack.services.compute.paging import limit_and_marker
from monostack.services.compute.parameters import PAGE, TEXT, Json, parse_time, query
from monostack.services.compute.servers.table import servers

_s = servers.c
_ORDER = (_s.project_id, _s.id)
_RUNNING = (
    sa.select(
        _s.id, _s.name, _s.project_id, _s.vm_state, _s.flavor, _s.vcpus, _s.memory_mb, _s.launched_at, _s.terminated_at,
    )
    .where(
        sa.or_(_s.terminated_at.is_(None), _s.terminated_at > sa.bindparam("start")),
        _s.launched_at < sa.bindparam("stop"),
        sa.tuple_(*_ORDER) > sa.tuple_(sa.bindparam("after_project", type_=sa.String), sa.bindparam("after_id", type_=sa.String)),
    )
    .order_by(*_ORDER)
    .limit(sa.bindparam("many"))
)  # fmt: skip
_OF_PROJECT = _RUNNING.where(_s.project_id == sa.bindparam("the_project"))
_MARKER = sa.select(_s.project_id).where(_s.id == sa.bindparam("the_id"))
_FORMATS = ("%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S.%f", "%Y-%m-%d %H:%M:%S.%f")
_TOTALS = ("total_local_gb_usage", "total_vcpus_usage", "total_memory_mb_usage", "total_hours")
_PERIOD: Json = {"start": TEXT, "end": TEXT}


def _queries(properties: Json) -> list[tuple[tuple[int, int], Json]]:
    paged = {**properties, **PAGE}
    return [((0, 0), query(properties)), ((2, 40), query(paged)), ((2, 75), query(paged, strict=True))]


routes = Routes("/v2.1/os-simple-tenant-usage")


def _moment(request: Request, name: str, default: datetime) -> datetime:
    text = request.query_map.get(name)
    if not text:
        return default
    for form in _FORMATS:
        with suppress(ValueError):
            return datetime.strptime(text, form)
    raise BadRequest("Invalid datetime string: Datetime is in invalid format")


def _period(request: Request, now: datetime) -> tuple[datetime, datetime]:
    """The period asked for; it ends now at the latest. Raises BadRequest."""
    start, stop = _moment(request, "start", now), _moment(request, "end", now + timedelta(microseconds=1))
    if start >= stop:
        raise BadRequest("Invalid start time. The start time cannot occur after the end time.")
    return start, min(stop, now)


def _usage(row: Row, start: datetime, stop: datetime, now: datetime) -> dict[str, Any]:
    launched, ended = parse_time(row.launched_at), parse_time(row.terminated_at) if row.terminated_at else None
    counted = min(stop, ended or stop) - max(start, launched)
    return {
        "hours": counted.total_seconds() / 3600, "flavor": row.flavor["original_name"], "instance_id": row.id, "name": row.name,
        "tenant_id": row.project_id, "memory_mb": row.memory_mb, "local_gb": row.flavor["disk"] + row.flavor["ephemeral"],
        "vcpus": row.vcpus, "started_at": row.launched_at, "ended_at": row.terminated_at,
        "state": "terminated" if row.terminated_at else row.vm_state,
        "uptime": int(((ended or now) - launched).total_seconds()),
    }  # fmt: skip


def _summary(usages: Sequence[dict[str, Any]], start: datetime, stop: datetime, detailed: bool) -> list[dict[str, Any]]:
    """The usages of each project, summed."""
    projects: dict[str, dict[str, Any]] = {}
    for usage in usages:
        one = projects.get(usage["tenant_id"])
        if one is None:
            one = {"tenant_id": usage["tenant_id"], "start": start, "stop": stop, **dict.fromkeys(_TOTALS, 0)}
            projects[usage["tenant_id"]] = one
        one["total_hours"] += usage["hours"]
        for name in ("local_gb", "vcpus", "memory_mb"):
            one[f"total_{name}_usage"] += usage[name] * usage["hours"]
        if detailed:
            one.setdefault("server_usages", []).append(usage)
    return list(projects.values())


def _answer(request: Request, tx: Transaction, key: str, project_id: str | None, detailed: bool) -> dict[str, Any]:
    now = clock.now()
    start, stop = _period(request, now)
    limit, marker = limit_and_marker(request) if request.at_least(2, 40) else (MAX_LIMIT, None)
    params: dict[str, Any] = {"start": start, "stop": stop, "many": limit, "after_project": "", "after_id": ""}
    if marker is not None:
        after = tx.row(_MARKER, {"the_id": marker})
        if after is None:
            raise BadRequest(f"Marker {marker} could not be found.")
        params |= {"after_project": after.project_id, "after_id": marker}
    rows = tx.rows(_RUNNING, params) if project_id is None else tx.rows(_OF_PROJECT, params | {"the_project": project_id})
    summed = _summary([_usage(row, start, stop, now) for row in rows], start, stop, detailed)
    answer: dict[str, Any] = {f"{key}s": summed} if project_id is None else {key: summed[0] if summed else {}}
    if request.at_least(2, 40):
        collection = "os-simple-tenant-usage" + (f"/{project_id}" if project_id is not None else "")
        if links := next_page(request, collection, rows, limit, rows[-1].id if rows else None):
            answer[f"{key}s_links" if project_id is None else f"{key}_links"] = links
    return answer


@routes.get(
    "",
    policy="os_compute_api:os-simple-tenant-usage:list",
    query=_queries({**_PERIOD, "detailed": TEXT}),
    answer=answers.page("tenant_usages", answers.USAGE),
)
def list_usage(request: Request, tx: Transaction) -> Any:
    """List what every project's servers took."""
    request.authorize("os_compute_api:os-simple-tenant-usage:list", {})
    return _answer(request, tx, "tenant_usage", None, request.query_map.get("detailed") == "1")


@routes.get("/{id}", policy="os_compute_api:os-simple-tenant-usage:show", query=_queries(_PERIOD), answer=answers.ONE_USAGE)
def show_usage(request: Request, tx: Transaction) -> Any:
    """Show what one project's servers took."""
    project_id = request.params["id"]
    request.authorize("os_compute_api:os-simple-tenant-usage:show", {"project_id": project_id})
    return _answer(request, tx, "tenant_usage", project_id, True)
