"""The operations table and its statements. Leases are fenced by owner and attempt."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from monostack.core import clock, ids
from monostack.db import Flag, Id, Json, Name, Timestamp, Transaction, table

if TYPE_CHECKING:
    from monostack.http.request import Request
    from monostack.operations.engine import Engine

ACTIVE = ("running", "undoing")

operations = table(
    "operations",
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),  # order of arrival
    sa.Column("id", Id(), nullable=False, unique=True),
    sa.Column("workflow", Name(), nullable=False),
    sa.Column("resource_id", Id(), nullable=False),
    sa.Column("project_id", Id()),
    sa.Column("user_id", Id()),
    sa.Column("request_id", Id()),
    sa.Column("input", Json, nullable=False),
    sa.Column("data", Json, nullable=False),
    sa.Column("state", Name(16), nullable=False),  # running, undoing, done, failed
    sa.Column("step", sa.Integer, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("owner", Id()),
    sa.Column("lease_until", sa.Float),  # seconds since the epoch, on the database's clock
    sa.Column("cancelled", Flag, nullable=False, default=False),
    sa.Column("error", Json),
    sa.Column("created_at", Timestamp, nullable=False),
    sa.Column("ended_at", Timestamp),
    sa.Index("ix_operations_active", "state", "lease_until"),
    sa.Index("ix_operations_resource", "resource_id", "state"),
)

_o = operations.c
_earlier = operations.alias("earlier")
INSERT = sa.insert(operations)
UNFINISHED_BEFORE = (
    sa.select(sa.literal(1))
    .where(_earlier.c.resource_id == _o.resource_id, _earlier.c.number < _o.number, _earlier.c.state.in_(ACTIVE))
    .exists()
    .correlate(operations)
)
UNFINISHED_OF_RESOURCE = sa.select(_o.number).where(_o.resource_id == sa.bindparam("resource"), _o.state.in_(ACTIVE)).limit(1)
CLAIMABLE = (
    sa.select(_o.id)
    .where(
        _o.state.in_(ACTIVE),
        sa.or_(_o.owner.is_(None), _o.lease_until < sa.bindparam("now")),
        ~UNFINISHED_BEFORE,
    )
    .order_by(_o.number)
    .limit(sa.bindparam("many"))
)
CLAIM: Any = (
    sa.update(operations)
    .where(
        _o.id == sa.bindparam("the_id"),
        _o.state.in_(ACTIVE),
        sa.or_(_o.owner.is_(None), _o.lease_until < sa.bindparam("now")),
        ~UNFINISHED_BEFORE,
    )
    .values(owner=sa.bindparam("me"), attempt=_o.attempt + 1, lease_until=sa.bindparam("until"))
    .returning(operations)
)
_HELD = (_o.id == sa.bindparam("the_id"), _o.owner == sa.bindparam("me"), _o.attempt == sa.bindparam("the_attempt"), _o.state.in_(ACTIVE))
ADVANCE = (
    sa.update(operations)
    .where(*_HELD)
    .values(step=sa.bindparam("the_step"), data=sa.bindparam("the_data", type_=Json), state=sa.bindparam("the_state"))
)
UNWIND = (
    sa.update(operations).where(*_HELD).values(step=sa.bindparam("the_step"), state="undoing", error=sa.bindparam("the_error", type_=Json))
)
END = (
    sa.update(operations)
    .where(*_HELD)
    .values(
        step=sa.bindparam("the_step"),
        data=sa.bindparam("the_data", type_=Json),
        state=sa.bindparam("the_state"),
        error=sa.bindparam("the_error", type_=Json),
        ended_at=sa.bindparam("the_end"),
        owner=None,
        lease_until=None,
    )
)
RENEW = sa.update(operations).where(_o.owner == sa.bindparam("me"), _o.state.in_(ACTIVE)).values(lease_until=sa.bindparam("until"))
RELEASE_ALL = sa.update(operations).where(_o.state.in_(ACTIVE)).values(owner=None, lease_until=None)
RELEASE_MINE = sa.update(operations).where(_o.owner == sa.bindparam("me"), _o.state.in_(ACTIVE)).values(owner=None, lease_until=None)
RELEASE = sa.update(operations).where(*_HELD).values(owner=None, lease_until=None)
CANCEL = (
    sa.update(operations).where(_o.resource_id == sa.bindparam("resource"), _o.state == "running").values(cancelled=True).returning(_o.id)
)
IS_CANCELLED = sa.select(_o.cancelled).where(_o.id == sa.bindparam("the_id"))
_PG_NOW = sa.select(sa.func.extract("epoch", sa.func.clock_timestamp()))


def now(tx: Transaction) -> float:
    """Seconds since the epoch on the clock that leases are kept by: the database's, where controllers on several machines share one."""
    return float(tx.scalar(_PG_NOW)) if tx.connection.dialect.name == "postgresql" else clock.timestamp()


def start(
    tx: Transaction,
    engine: "Engine",
    workflow: str,
    resource_id: str,
    input: Mapping[str, Any],
    request: "Request | None" = None,
    project_id: str | None = None,
) -> str:
    """Write an operation; it starts when this transaction is durable, after the earlier operations on the same resource. Returns its id."""
    engine.workflow(workflow)  # an unknown name is refused here, not in the background
    operation_id = ids.new_uuid()
    free = tx.row(UNFINISHED_OF_RESOURCE, {"resource": resource_id}) is None
    row = {
        "id": operation_id,
        "workflow": workflow,
        "resource_id": resource_id,
        "project_id": project_id or (request.caller.project_id if request else None),
        "user_id": request.caller.user_id if request else None,
        "request_id": request.request_id if request else None,
        "input": dict(input),
        "data": {},
        "state": "running",
        "step": 0,
        "attempt": 1 if free else 0,
        "owner": engine.name if free else None,
        "lease_until": now(tx) + engine.lease if free else None,
        "cancelled": False,
        "created_at": clock.now(),
    }
    tx.execute(INSERT, row)
    if free:
        tx.after_commit(lambda: engine.launch(row))
    return operation_id


def cancel(tx: Transaction, engine: "Engine", resource_id: str) -> None:
    """Ask the resource's running operations to stop at once and unwind (a delete overtakes a boot)."""
    cancelled = [row[0] for row in tx.rows(CANCEL, {"resource": resource_id})]
    if cancelled:
        tx.after_commit(lambda: engine.interrupt(cancelled))
