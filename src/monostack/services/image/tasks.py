"""Tasks: the record clients read of what was imported. They are kept for two days after they ended."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import sqlalchemy as sa

from monostack.core import clock, ids
from monostack.core.errors import BadRequest, MethodNotAllowed, NotFound
from monostack.db import Id, Json, Name, Row, Timestamp, Transaction, table
from monostack.http import Request, Routes
from monostack.http.answers import FLAG, ID, NULL, OBJECT, REFUSED, TEXT, Record, envelope, many, maybe, optional
from monostack.http.schema import CHECKS
from monostack.resources import query as list_queries
from monostack.resources.query import ListQuery
from monostack.resources.style import seconds_z
from monostack.services.image.images.filters import DEFAULT_LIMIT, MAX_LIMIT
from monostack.services.image.images.image import get as get_image

KEPT = timedelta(hours=48)
tasks = table(
    "image_tasks",
    sa.Column("id", Id(36), primary_key=True),
    sa.Column("type", Name(30), nullable=False),
    sa.Column("status", Name(30), nullable=False),
    sa.Column("owner", Name()),
    sa.Column("image_id", Id(36), index=True),
    sa.Column("request_id", Name()),
    sa.Column("user_id", Name()),
    sa.Column("input", Json),
    sa.Column("result", Json),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("expires_at", Timestamp, index=True),
    sa.Column("created_at", Timestamp, nullable=False, index=True),
    sa.Column("updated_at", Timestamp, nullable=False),
)
_t = tasks.c
_INSERT = sa.insert(tasks)
_BEGIN = (
    sa.update(tasks)
    .where(_t.id == sa.bindparam("the_id"), _t.status == "pending")
    .values(status="processing", updated_at=sa.bindparam("the_time"))
)
_END = (
    sa.update(tasks)
    .where(_t.id == sa.bindparam("the_id"))
    .values(
        status=sa.bindparam("the_status"),
        result=sa.bindparam("the_result", type_=Json),
        message=sa.bindparam("the_message"),
        expires_at=sa.bindparam("the_expiry"),
        updated_at=sa.bindparam("the_time"),
    )
)
_ONE = sa.select(tasks).where(_t.id == sa.bindparam("the_id"))
_OF_IMAGE = sa.select(tasks).where(_t.image_id == sa.bindparam("the_image")).order_by(_t.created_at, _t.id)
_EXPIRED = sa.delete(tasks).where(_t.expires_at < sa.bindparam("the_time"))
STATUSES = ("pending", "processing", "success", "failure")
routes = Routes("/v2")


def _now() -> datetime:
    return clock.now().replace(microsecond=0)


def add(tx: Transaction, request: Request, image_id: str | None, given: Mapping[str, Any], kind: str = "api_image_import") -> str:
    """Record the start of an import. Returns the task's id."""
    row = {
        "id": ids.new_uuid(), "type": kind, "status": "processing" if image_id else "pending", "owner": request.caller.project_id,
        "image_id": image_id, "request_id": request.request_id, "user_id": request.caller.user_id, "input": dict(given),
        "message": "", "created_at": _now(), "updated_at": _now(),
    }  # fmt: skip
    tx.execute(_INSERT, row)
    return row["id"]


def begin(tx: Transaction, task_id: str) -> None:
    """Record that work on it has begun."""
    tx.execute(_BEGIN, {"the_id": task_id, "the_time": _now()})


def end(tx: Transaction, task_id: str, status: str, result: Mapping[str, Any] | None, message: str) -> None:
    """Record how it ended: success or failure."""
    params = {"the_id": task_id, "the_status": status, "the_message": message, "the_time": _now(), "the_expiry": _now() + KEPT}
    tx.execute(_END, {**params, "the_result": dict(result) if result is not None else None})


def remove_expired(tx: Transaction, now: datetime) -> None:
    tx.execute(_EXPIRED, {"the_time": now})


def _stub(row: Row) -> dict[str, Any]:
    shown = {name: row._mapping[name] for name in ("id", "type", "status", "owner")}
    shown.update(created_at=seconds_z(row.created_at), updated_at=seconds_z(row.updated_at))
    shown.update(self=f"/v2/tasks/{row.id}", schema="/v2/schemas/task")
    if row.expires_at is not None:
        shown["expires_at"] = seconds_z(row.expires_at)
    return shown


_TASK = {"id": ID, "type": TEXT, "status": TEXT, "owner": TEXT, "created_at": TEXT, "updated_at": TEXT, "expires_at": maybe(TEXT)}
_WORK = {"image_id": ID, "request_id": TEXT, "user_id": TEXT, "input": OBJECT, "result": maybe(OBJECT), "message": TEXT}
_OF_AN_IMAGE = Record("TaskOfImage", {**_TASK, **_WORK, "deleted": FLAG, "deleted_at": NULL})
_STUB = Record("Task", {**_TASK, "expires_at": optional(TEXT), "self": TEXT, "schema": TEXT})
DETAILS = _STUB.with_keys("TaskDetails", {**_WORK, **{name: optional(TEXT) for name in ("image_id", "request_id", "user_id")}})
_LIST = Record("", {"tasks": many(_STUB), "first": TEXT, "schema": TEXT, "next": optional(TEXT)})


@routes.get("/images/{image_id}/tasks", policy="get_image", answer=envelope("tasks", many(_OF_AN_IMAGE)))
def list_image_tasks(request: Request, tx: Transaction) -> dict[str, Any]:
    """List the tasks of an image."""
    try:
        get_image(tx, request, request.params["image_id"])
    except NotFound:
        raise NotFound() from None
    rows = tx.rows(_OF_IMAGE, {"the_image": request.params["image_id"]})
    return {"tasks": [{**row._mapping, "deleted": False, "deleted_at": None} for row in rows]}


def _query(request: Request) -> ListQuery:
    given = request.query_map
    direction = given.get("sort_dir", "desc")
    if direction not in ("asc", "desc"):
        raise BadRequest(f"Invalid sort direction: {direction}")
    filters = {name: value for name, value in given.items() if name in ("id", "type", "status", "owner", "image_id", "user_id")}
    if filters.get("status") and filters["status"] not in STATUSES:
        raise BadRequest(f"Invalid status value: {filters['status']}")
    if filters.get("type") and filters["type"] != "import":
        raise BadRequest(f"Invalid type value: {filters['type']}")
    marker = given.get("marker")
    if marker and not CHECKS["uuid"](marker):
        raise BadRequest("Invalid marker format")
    try:
        limit = int(given.get("limit", DEFAULT_LIMIT))
    except ValueError:
        raise BadRequest("limit param must be an integer") from None
    if limit < 0:
        raise BadRequest("limit param must be positive")
    key = given.get("sort_key", "created_at")
    if key not in tasks.c or key in ("input", "result"):
        raise BadRequest("Sort key supplied was not valid.")
    sorts = dict.fromkeys((key, "created_at", "id"), direction)
    return ListQuery({(n, "eq"): v for n, v in filters.items()}, list(sorts.items()), min(limit, MAX_LIMIT), marker)


@routes.get("/tasks", policy="tasks_api_access", enforce=True, answer=_LIST)
def list_tasks(request: Request, tx: Transaction) -> dict[str, Any]:
    """List tasks."""
    query = _query(request)
    params: dict[str, Any] = {"limit": query.limit, **{f"f{i}": value for i, value in enumerate(query.filters.values())}}
    if query.marker:
        at = tx.row(list_queries.marker_statement(tasks, None, "id", tuple(query.sorts)), {"marker": query.marker})
        if at is None:
            raise BadRequest(f"Task with the given id {query.marker} was not found")
        params.update(at._mapping)
    rows = tx.rows(list_queries.statement(tasks, None, query.shape()), params)
    given = {name: value for name, value in request.query if name != "marker"}
    answer: dict[str, Any] = {"tasks": [_stub(row) for row in rows], "first": "/v2/tasks", "schema": "/v2/schemas/tasks"}
    if given:
        answer["first"] += f"?{urlencode(given)}"
    if rows and len(rows) == query.limit:
        answer["next"] = f"/v2/tasks?{urlencode({**given, 'marker': rows[-1].id})}"
    return answer


def details(tx: Transaction, task_id: str) -> dict[str, Any]:
    """A task as clients see it. Raises NotFound."""
    row = tx.row(_ONE, {"the_id": task_id})
    if row is None:
        raise NotFound(f"Could not find task {task_id}")
    shown = {**_stub(row), "input": row.input, "result": row.result, "message": row.message}
    shown.update({name: row._mapping[name] for name in ("image_id", "request_id", "user_id") if row._mapping[name]})
    return shown


@routes.get("/tasks/{task_id}", policy="tasks_api_access", enforce=True, answer=DETAILS)
def show_task(request: Request, tx: Transaction) -> dict[str, Any]:
    """Show a task."""
    return details(tx, request.params["task_id"])


@routes.delete("/tasks/{task_id}", policy="tasks_api_access", enforce=True, answer=REFUSED)
def delete_task(request: Request, tx: Transaction) -> None:
    """Tasks are not deleted by hand."""
    raise MethodNotAllowed(
        "This operation is currently not permitted on Glance Tasks. They are auto deleted after reaching the time based on their "
        "expires_at property.",
        headers={"allow": "GET"},
    )
