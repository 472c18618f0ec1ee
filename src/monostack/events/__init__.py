"""The event record: every change, who made it, to what, when, under which request. Written in the transaction that makes the change."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from monostack.core import clock
from monostack.db import Id, Json, Name, Timestamp, Transaction, table

if TYPE_CHECKING:
    from monostack.http.request import Request

events = table(
    "events",
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("at", Timestamp, nullable=False, index=True),
    sa.Column("what", Name(), nullable=False),  # "network.create"
    sa.Column("resource_id", Id(), nullable=False, index=True),
    sa.Column("project_id", Id()),  # owner of the resource
    sa.Column("user_id", Id()),  # who; NULL for what the cloud did by itself
    sa.Column("caller_project_id", Id()),
    sa.Column("request_id", Id()),
    sa.Column("details", Json),
)

_INSERT = sa.insert(events)


def record(
    tx: Transaction,
    request: "Request | None",
    what: str,
    resource_id: str,
    project_id: str | None = None,
    details: Mapping[str, Any] | None = None,
) -> None:
    """Add an event. `request` is None for changes the cloud makes by itself (workflows, reconcilers)."""
    tx.execute(
        _INSERT,
        {
            "at": clock.now(),
            "what": what,
            "resource_id": resource_id,
            "project_id": project_id,
            "user_id": request.caller.user_id if request else None,
            "caller_project_id": request.caller.project_id if request else None,
            "request_id": request.request_id if request else None,
            "details": details,
        },
    )
