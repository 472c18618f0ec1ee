"""How workflows end for a server: well, or with a fault its owner can read."""

from collections.abc import Sequence
from typing import Any

from monostack.core import clock
from monostack.db import Transaction
from monostack.events import record
from monostack.operations import Run
from monostack.services.compute.servers import history, table

MAX_MESSAGE = 255


def fault(message: str, code: int = 500, details: str | None = None) -> dict[str, Any]:
    """What GET /servers/{id} shows under `fault` of a server in ERROR."""
    created = clock.now().isoformat(timespec="seconds") + "Z"
    return {"code": code, "created": created, "message": message[:MAX_MESSAGE], "details": message if details is None else details}


def succeeded(run: Run, tx: Transaction, event: str, earlier: Sequence[str] = (), **values: Any) -> None:
    """The server is as it was asked to be. `earlier` are events that went before `event`."""
    table.update(tx, run.resource_id, task_state=None, **values)
    history.finish(tx, run, event, run.input.get("host"), earlier=earlier)
    record(tx, None, f"server.{run.workflow}.done", run.resource_id, run.project_id)


def failed(run: Run, tx: Transaction, event: str, error: dict[str, Any], **values: Any) -> None:
    """The server is not what was asked for; `values` say what it is instead."""
    table.update(tx, run.resource_id, task_state=None, **values)
    history.finish(tx, run, event, run.input.get("host"), error["message"])
    record(tx, None, f"server.{run.workflow}.failed", run.resource_id, run.project_id, {"error": error["message"]})
