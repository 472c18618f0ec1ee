"""The interrupt that has the kernel of a server's guest dump itself, if it is configured so. The server's state is the guest's matter."""

from typing import Any

from monostack.db import Transaction
from monostack.operations import Run, Step, Workflow
from monostack.protocol.guests import GuestRef
from monostack.services.compute.servers import history
from monostack.services.compute.workflows.commands import ask

EVENT = "compute_trigger_crash_dump"


async def inject_nmi(run: Run) -> None:
    await ask(run, run.input["host"], "guest.inject_nmi", GuestRef(run.resource_id), 60.0)


def interrupted(run: Run, tx: Transaction) -> None:
    history.finish(tx, run, EVENT, run.input["host"])


def not_interrupted(run: Run, tx: Transaction, error: dict[str, Any]) -> None:
    history.finish(tx, run, EVENT, run.input["host"], error["message"])


WORKFLOW = Workflow(
    "trigger_crash_dump",
    (Step("inject_nmi", do=inject_nmi, timeout=90.0),),
    done=interrupted,
    failed=not_interrupted,
    unwind=False,
    doc="Send the guest of a server a non-maskable interrupt.",
)
