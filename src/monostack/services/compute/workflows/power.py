"""Starting, stopping and restarting the guest of a server.

Starts, stops and reboots are never undone: a step that fails leaves the server in ERROR.
"""

from collections.abc import Callable
from typing import Any

from monostack.db import Transaction
from monostack.operations import Run, Step, StepError, Workflow
from monostack.protocol.guests import RebootGuest, StopGuest
from monostack.services.compute.servers import table
from monostack.services.compute.servers.states import ACTIVE, ERROR, RUNNING, SHUTDOWN, STOPPED
from monostack.services.compute.workflows.commands import ask, prepared
from monostack.services.compute.workflows.outcome import failed, fault, succeeded

GRACE = 60.0  # seconds a guest has to shut down by itself
TIMEOUT = 300.0

Commit = Callable[[Run, Transaction], None]


async def start_guest(run: Run) -> None:
    """A host that lost the guest altogether makes it again."""
    host = run.input["host"]
    spec = await prepared(run, host)
    try:
        await ask(run, host, "guest.start", spec, TIMEOUT)
    except StepError as error:
        if error.kind != "guest.not_found":
            raise
        await ask(run, host, "guest.create", spec, TIMEOUT)


async def stop_guest(run: Run) -> None:
    await ask(run, run.input["host"], "guest.stop", StopGuest(run.resource_id, GRACE), TIMEOUT)


async def reboot_guest(run: Run) -> None:
    host, hard = run.input["host"], run.input["hard"]
    await ask(run, host, "guest.reboot", RebootGuest(await prepared(run, host), hard, GRACE), TIMEOUT)


def _ends(event: str, vm_state: str, power_state: int) -> Commit:
    def done(run: Run, tx: Transaction) -> None:
        if table.get(tx, run.resource_id) is not None:
            wanted = power_state == RUNNING
            succeeded(run, tx, event, vm_state=vm_state, power_state=power_state, wanted_power=wanted, fault=None)

    return done


def _fails(event: str, *, undone: bool) -> Callable[[Run, Transaction, dict[str, Any]], None]:
    def not_done(run: Run, tx: Transaction, error: dict[str, Any]) -> None:
        row = table.get(tx, run.resource_id)
        if row is None:
            return
        if undone or error["kind"] == "cancelled":
            failed(run, tx, event, error)
        else:
            failed(run, tx, event, error, vm_state=ERROR, fault=fault(error["message"]))

    return not_done


def workflow(name: str, step: Step, event: str, vm_state: str, power_state: int, doc: str) -> Workflow:
    """One step that brings a server into a state. When it fails, and cannot be undone, the server is in ERROR."""
    undone = step.undo is not None
    ends, fails = _ends(event, vm_state, power_state), _fails(event, undone=undone)
    return Workflow(name, (step,), done=ends, failed=fails, unwind=undone, doc=doc)


START = workflow(
    "start_server", Step("start_guest", do=start_guest, timeout=TIMEOUT + 60), "compute_start_instance", ACTIVE, RUNNING,
    "Start the guest of a stopped server.",
)  # fmt: skip
STOP = workflow(
    "stop_server", Step("stop_guest", do=stop_guest, timeout=TIMEOUT + 60), "compute_stop_instance", STOPPED, SHUTDOWN,
    "Shut down the guest of a server.",
)  # fmt: skip
REBOOT = workflow(
    "reboot_server", Step("reboot_guest", do=reboot_guest, timeout=TIMEOUT + 60), "compute_reboot_instance", ACTIVE, RUNNING,
    "Restart the guest of a server.",
)  # fmt: skip
