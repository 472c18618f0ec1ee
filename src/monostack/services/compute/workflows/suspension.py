"""Pausing and suspending the guest of a server, and letting it go on."""

from monostack.operations import Run, Step
from monostack.protocol.guests import GuestRef
from monostack.services.compute.servers.states import ACTIVE, PAUSED, POWER_PAUSED, RUNNING, SHUTDOWN, SUSPENDED
from monostack.services.compute.workflows.commands import ask, prepared
from monostack.services.compute.workflows.power import TIMEOUT, workflow

SAVE_TIMEOUT = 1800.0  # seconds; the guest's whole memory goes to the disk


async def pause_guest(run: Run) -> None:
    await ask(run, run.input["host"], "guest.pause", GuestRef(run.resource_id), TIMEOUT)


async def unpause_guest(run: Run) -> None:
    await ask(run, run.input["host"], "guest.unpause", GuestRef(run.resource_id), TIMEOUT)


async def suspend_guest(run: Run) -> None:
    await ask(run, run.input["host"], "guest.suspend", GuestRef(run.resource_id), SAVE_TIMEOUT)


async def resume_guest(run: Run) -> None:
    host = run.input["host"]
    await ask(run, host, "guest.resume", await prepared(run, host), SAVE_TIMEOUT)


PAUSE = workflow(
    "pause_server", Step("pause_guest", do=pause_guest, undo=unpause_guest, timeout=TIMEOUT + 60),
    "compute_pause_instance", PAUSED, POWER_PAUSED, "Have the guest of a server stand still.",
)  # fmt: skip
UNPAUSE = workflow(
    "unpause_server", Step("unpause_guest", do=unpause_guest, undo=pause_guest, timeout=TIMEOUT + 60),
    "compute_unpause_instance", ACTIVE, RUNNING, "Let a paused guest go on.",
)  # fmt: skip
SUSPEND = workflow(
    "suspend_server", Step("suspend_guest", do=suspend_guest, undo=resume_guest, timeout=SAVE_TIMEOUT + 60),
    "compute_suspend_instance", SUSPENDED, SHUTDOWN, "Keep the memory of a server's guest on the disk of its host, and turn it off.",
)  # fmt: skip
RESUME = workflow(
    "resume_server", Step("resume_guest", do=resume_guest, undo=suspend_guest, timeout=SAVE_TIMEOUT + 60),
    "compute_resume_instance", ACTIVE, RUNNING, "Let a suspended guest go on where it stood.",
)  # fmt: skip
