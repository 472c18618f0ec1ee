"""What was done to a server: an action for each request, with the events of its workflow. Source: os-instance-actions."""

import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from monostack.core import clock, ids
from monostack.db import Id, Json, Name, Row, Timestamp, Transaction, table

if TYPE_CHECKING:
    from monostack.http import Request
    from monostack.operations import Run

server_actions = table(
    "server_actions",
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("server_id", Id(36), nullable=False),
    sa.Column("request_id", Id(), nullable=False),
    sa.Column("action", Name(64), nullable=False),
    sa.Column("user_id", Id()),
    sa.Column("project_id", Id()),
    sa.Column("message", Name()),
    sa.Column("start_time", Timestamp, nullable=False),
    sa.Column("updated_at", Timestamp, nullable=False),
    sa.Column("events", Json, nullable=False),  # [{"event", "start_time", "finish_time", "result", "host", "details"}]
    sa.Index("ix_server_actions_server", "server_id", "request_id"),
)

_a = server_actions.c
_INSERT = sa.insert(server_actions)
_FINISH = (
    sa.update(server_actions)
    .where(_a.server_id == sa.bindparam("the_server"), _a.request_id == sa.bindparam("the_request"))
    .values(
        message=sa.bindparam("the_message"),
        updated_at=sa.bindparam("the_time"),
        events=sa.bindparam("the_events", type_=Json),
    )
)
_OF_REQUEST = sa.select(server_actions).where(_a.server_id == sa.bindparam("the_server"), _a.request_id == sa.bindparam("the_request"))


def start(
    tx: Transaction,
    request: "Request | Run | None",
    server_id: str,
    action: str,
    events: list[dict[str, Any]] | None = None,
    message: str | None = None,
) -> None:
    """Somebody asked for `action`, in a request or by an operation of another service; without either, the cloud itself.

    `events` are those that are over already.
    """
    now = clock.now()
    who: Any = getattr(request, "caller", request)
    tx.execute(
        _INSERT,
        {
            "server_id": server_id,
            "request_id": (request.request_id if request else None) or ids.new_request_id(),
            "action": action,
            "user_id": who.user_id if who else None,
            "project_id": who.project_id if who else None,
            "message": message,
            "start_time": now,
            "updated_at": now,
            "events": events or [],
        },
    )


def input_of(server: Row, **more: Any) -> dict[str, Any]:
    """What every workflow of a server is given: where it is, and when it was asked for."""
    return {"host": server.host, "started": clock.now().isoformat(timespec="microseconds")} | more


def event(name: str, started: str, host: str | None, error: str | None = None) -> dict[str, Any]:
    """One event of an action that is over. What was decided here, and on no host, is told of the controller's own."""
    return {
        "event": name, "start_time": started, "finish_time": clock.now().isoformat(timespec="microseconds"),
        "result": "Error" if error else "Success", "host": host or socket.gethostname(), "details": error,
    }  # fmt: skip


def finish(
    tx: Transaction, run: "Run", name: str, host: str | None, error: str | None = None, earlier: Sequence[str] = ()
) -> None:
    """The workflow that a request started is over; `error` says why it failed. `earlier` are events of it that went well before.

    One statement: a workflow's events are all that an action has.
    """
    if run.request_id is None:
        return
    tx.execute(
        _FINISH,
        {
            "the_server": run.resource_id,
            "the_request": run.request_id,
            "the_message": "Error" if error else None,
            "the_time": clock.now(),
            "the_events": [event(name, run.input["started"], host, error), *(event(e, run.input["started"], host) for e in earlier)],
        },
    )


def find(tx: Transaction, server_id: str, request_id: str) -> Row | None:
    return tx.row(_OF_REQUEST, {"the_server": server_id, "the_request": request_id})
