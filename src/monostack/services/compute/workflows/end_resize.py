"""A resize ends: confirmed, its former disks go; reverted, the server has them back. Both go on until they are done.

A step that fails for good leaves the server waiting: the same end may be asked for again, and no other one.
"""

from typing import Any

from monostack.core import clock
from monostack.db import Transaction
from monostack.operations import Run, Step, Workflow
from monostack.protocol.guests import GuestRef
from monostack.services.compute import tpm
from monostack.services.compute.migrations import table as migrations
from monostack.services.compute.servers import table
from monostack.services.compute.servers.states import ACTIVE, RUNNING, SHUTDOWN, STOPPED
from monostack.services.compute.workflows.commands import ask
from monostack.services.compute.workflows.outcome import failed, fault, succeeded
from monostack.services.compute.workflows.power import TIMEOUT
from monostack.services.compute.workflows.resize_server import (
    COPY_TIMEOUT,
    destroy_there,
    give_back,
    restore_disks,
    settle_back,
    start_again,
)
from monostack.services.placement import facade as placement

CONFIRM_EVENT = "compute_confirm_resize"
REVERT_EVENT, REVERT_EARLIER = "compute_finish_revert_resize", ("compute_revert_resize",)


async def forget_source(run: Run) -> None:
    """What is left at the host the server came from: kept disks, and its guest if the server is elsewhere now."""
    source = run.input["source"]
    name = "guest.forget_kept" if source == run.input["host"] else "guest.destroy"
    await ask(run, source, name, GuestRef(run.resource_id), TIMEOUT)


def mark_confirmed(run: Run, tx: Transaction) -> None:
    row = table.get(tx, run.resource_id)
    if row is None:
        return
    placement.release(tx, run.input["migration"])
    migrations.set_status(tx, run.input["migration"], migrations.CONFIRMED)
    # What its guest did meanwhile is what the server is.
    state = STOPPED if row.power_state == SHUTDOWN else ACTIVE
    succeeded(run, tx, CONFIRM_EVENT, vm_state=state, fault=None, tpm_key=tpm.kept_key(row, row.flavor))


def not_confirmed(run: Run, tx: Transaction, error: dict[str, Any]) -> None:
    failed(run, tx, CONFIRM_EVENT, error, fault=fault(error["message"]))


def mark_reverted(run: Run, tx: Transaction) -> None:
    row = table.get(tx, run.resource_id)
    if row is None:
        return
    give_back(tx, run.input["migration"], row)
    migrations.set_status(tx, run.input["migration"], migrations.REVERTED)
    running = run.input["running"]
    succeeded(
        run, tx, REVERT_EVENT, REVERT_EARLIER, vm_state=ACTIVE if running else STOPPED, power_state=RUNNING if running else SHUTDOWN,
        launched_at=clock.now(), vcpus=row.flavor["vcpus"], memory_mb=row.flavor["ram"], fault=None,
        tpm_key=tpm.kept_key(row, row.flavor),
    )  # fmt: skip


def not_reverted(run: Run, tx: Transaction, error: dict[str, Any]) -> None:
    failed(run, tx, REVERT_EVENT, error, fault=fault(error["message"]))


CONFIRM = Workflow(
    "confirm_resize",
    (Step("forget_source", do=forget_source, timeout=TIMEOUT + 60),),
    done=mark_confirmed,
    failed=not_confirmed,
    unwind=False,
    doc="Let go of what a server was before its resize.",
)
# Its input names the host to go back to as `host`, as that of the resize did.
REVERT = Workflow(
    "revert_resize",
    (
        Step("destroy_there", do=destroy_there, timeout=TIMEOUT + 60),
        Step("settle_back", do=settle_back),
        Step("restore_disks", do=restore_disks, timeout=COPY_TIMEOUT + 60),
        Step("start_again", do=start_again, timeout=TIMEOUT + 60),
    ),
    done=mark_reverted,
    failed=not_reverted,
    unwind=False,
    doc="Give a server back what it was before its resize.",
)
