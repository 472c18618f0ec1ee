"""Booting a server from a rescue image, and from its own disks again. A rescue that fails leaves the server as it was."""

from typing import Any

from monostack.core import clock
from monostack.db import Transaction
from monostack.operations import Run, Step, Workflow
from monostack.protocol.guests import RescueGuest, UnrescueGuest
from monostack.services.compute.guests.spec import image_source
from monostack.services.compute.servers import table
from monostack.services.compute.servers.states import ACTIVE, RESCUED, RUNNING
from monostack.services.compute.workflows.commands import ask, prepared
from monostack.services.compute.workflows.outcome import failed, succeeded
from monostack.services.compute.workflows.power import GRACE, TIMEOUT, workflow

EVENT = "compute_rescue_instance"
RESCUE_TIMEOUT = 600.0  # seconds; the image may have to be fetched first


async def rescue_guest(run: Run) -> None:
    given = run.input
    spec = await prepared(run, given["host"])
    source = await run.cloud.db.read(lambda tx: image_source(tx, run.cloud, given["image_id"]))
    wanted = RescueGuest(spec, source, given["stable"], given["device"], given["bus"], GRACE)
    await ask(run, given["host"], "guest.rescue", wanted, RESCUE_TIMEOUT)


async def back_to_own_disks(run: Run) -> None:
    host = run.input["host"]
    start = run.input.get("vm_state", ACTIVE) == ACTIVE
    await ask(run, host, "guest.unrescue", UnrescueGuest(await prepared(run, host), start), TIMEOUT)


def mark_rescued(run: Run, tx: Transaction) -> None:
    if table.get(tx, run.resource_id) is not None:
        succeeded(run, tx, EVENT, vm_state=RESCUED, power_state=RUNNING, launched_at=clock.now(), admin_pass=None, fault=None)


def not_rescued(run: Run, tx: Transaction, error: dict[str, Any]) -> None:
    if table.get(tx, run.resource_id) is not None:
        failed(run, tx, EVENT, error, admin_pass=None)


RESCUE = Workflow(
    "rescue_server",
    (Step("rescue_guest", do=rescue_guest, undo=back_to_own_disks, timeout=RESCUE_TIMEOUT + 60),),
    done=mark_rescued,
    failed=not_rescued,
    doc="Boot the guest of a server from a rescue image.",
)
UNRESCUE = workflow(
    "unrescue_server", Step("back_to_own_disks", do=back_to_own_disks, timeout=TIMEOUT + 60),
    "compute_unrescue_instance", ACTIVE, RUNNING, "Boot the guest of a rescued server from its own disks.",
)  # fmt: skip
