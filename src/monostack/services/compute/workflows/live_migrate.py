"""A server goes on running on another host. What fails leaves it where it was."""

from typing import Any

from monostack.db import Transaction
from monostack.operations import Run, Step, Workflow
from monostack.protocol.guests import GuestRef
from monostack.services.compute.migrations import table as migrations
from monostack.services.compute.servers import table
from monostack.services.compute.workflows.commands import ask, prepared
from monostack.services.compute.workflows.outcome import failed, succeeded
from monostack.services.compute.workflows.power import TIMEOUT
from monostack.services.compute.workflows.resize_server import give_back, settle_back, settle_there
from monostack.services.placement import facade as placement

EVENT = "compute_live_migration"
EARLIER = (
    "compute_pre_live_migration", "compute_check_can_live_migrate_source", "compute_check_can_live_migrate_destination",
    "conductor_live_migrate_instance",
)  # fmt: skip


async def hand_over(run: Run) -> None:
    await ask(run, run.input["host"], "guest.hand_over", GuestRef(run.resource_id), TIMEOUT)


async def take_back(run: Run) -> None:
    await _take_over(run, run.input["host"])


async def take_over(run: Run) -> None:
    await _take_over(run, run.input["dest"])


async def hand_back(run: Run) -> None:
    await ask(run, run.input["dest"], "guest.hand_over", GuestRef(run.resource_id), TIMEOUT)


async def _take_over(run: Run, host: str) -> None:
    await ask(run, host, "guest.take_over", await prepared(run, host), TIMEOUT)


def running(run: Run, tx: Transaction) -> None:
    migrations.set_status(tx, run.input["migration"], migrations.RUNNING)


def mark_migrated(run: Run, tx: Transaction) -> None:
    if table.get(tx, run.resource_id) is None:
        return
    placement.release(tx, run.input["migration"])
    migrations.set_status(tx, run.input["migration"], migrations.COMPLETED)
    succeeded(run, tx, EVENT, EARLIER)


def not_migrated(run: Run, tx: Transaction, error: dict[str, Any]) -> None:
    row = table.get(tx, run.resource_id)
    if row is None:
        return
    give_back(tx, run.input["migration"], row)
    migrations.set_status(tx, run.input["migration"], migrations.CANCELLED if error["kind"] == "cancelled" else migrations.ERROR)
    failed(run, tx, EVENT, error)


WORKFLOW = Workflow(
    "live_migrate",
    (
        Step("hand_over", do=hand_over, undo=take_back, commit=running, timeout=TIMEOUT + 60),
        Step("settle_there", do=settle_there, undo=settle_back),
        Step("take_over", do=take_over, undo=hand_back, timeout=TIMEOUT + 60),
    ),
    done=mark_migrated,
    failed=not_migrated,
    doc="Move a running server to another host without a pause.",
)
