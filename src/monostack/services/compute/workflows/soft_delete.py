"""Keeping a deleted server for a while: its guest is off; restoring starts it again."""

from collections.abc import Callable
from dataclasses import replace

from monostack.core import clock
from monostack.db import Transaction
from monostack.operations import Run, Step, Workflow
from monostack.protocol.guests import StopGuest
from monostack.services.compute.servers import table
from monostack.services.compute.servers.states import ACTIVE, RUNNING, SHUTDOWN, SOFT_DELETED
from monostack.services.compute.workflows.commands import ask
from monostack.services.compute.workflows.power import TIMEOUT, start_guest, workflow


def _with(made: Workflow, since: Callable[[], object]) -> Workflow:
    """The workflow, which also writes since when the server is kept."""
    ends = made.done
    assert ends is not None, "a workflow of power writes the state it ends with"

    def done(run: Run, tx: Transaction) -> None:
        ends(run, tx)
        table.update(tx, run.resource_id, soft_deleted_at=since())

    return replace(made, done=done)


async def turn_off(run: Run) -> None:
    """At once: nobody waits for a guest that is deleted."""
    await ask(run, run.input["host"], "guest.stop", StopGuest(run.resource_id, 0.0), TIMEOUT)


SOFT_DELETE = _with(
    workflow(
        "soft_delete_server", Step("turn_off", do=turn_off, timeout=TIMEOUT + 60), "compute_soft_delete_instance", SOFT_DELETED, SHUTDOWN,
        "Turn off the guest of a server that is deleted, and keep it to be restored.",
    ),
    clock.now,
)  # fmt: skip
RESTORE = _with(
    workflow(
        "restore_server", Step("start_guest", do=start_guest, timeout=TIMEOUT + 60), "compute_restore_instance", ACTIVE, RUNNING,
        "Start the guest of a server whose deletion is taken back.",
    ),
    lambda: None,
)  # fmt: skip
