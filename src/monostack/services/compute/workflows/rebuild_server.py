"""A server gets a new root disk: its guest goes with its own disks, and is made anew on the same host with the same ports and volumes.

What was on the old disk is gone with the first step, so nothing is undone: a rebuild that fails leaves the server in ERROR, to be rebuilt.
"""

from typing import Any

from monostack.core import clock
from monostack.db import Transaction
from monostack.operations import Run, Step, StepError, Workflow
from monostack.protocol.guests import GuestRef
from monostack.services.compute.servers import table
from monostack.services.compute.servers.states import (
    ACTIVE,
    ERROR,
    POWERING_OFF,
    REBUILD_BLOCK_DEVICE_MAPPING,
    REBUILD_SPAWNING,
    RUNNING,
    SHUTDOWN,
    STOPPED,
)
from monostack.services.compute.workflows.boot_server import BOOT_TIMEOUT, VOLUME_WAIT, create_guest
from monostack.services.compute.workflows.commands import ask
from monostack.services.compute.workflows.outcome import failed, fault, succeeded
from monostack.services.compute.workflows.power import TIMEOUT, stop_guest
from monostack.services.volume import facade as volume

EVENT = "compute_rebuild_instance"


async def shut_down(run: Run) -> None:
    """The guest may end its work in peace, as when it is stopped; there may be none."""
    if run.input["preserve_ephemeral"]:
        raise StepError("The current driver does not support preserving ephemeral partitions.", kind="unsupported")
    try:
        await stop_guest(run)
    except StepError as error:
        if error.kind != "guest.not_found":
            raise


async def destroy_guest(run: Run) -> None:
    await ask(run, run.input["host"], "guest.destroy", GuestRef(run.resource_id), TIMEOUT)


def begin_reimage(run: Run, tx: Transaction) -> None:
    """No guest has the root volume open any more: it gets the image, if it shall."""
    wanted = run.input.get("reimage")
    if wanted is None:
        table.update(tx, run.resource_id, task_state=REBUILD_SPAWNING)
        return
    table.update(tx, run.resource_id, task_state=REBUILD_BLOCK_DEVICE_MAPPING)
    volume.reimage(tx, run.cloud, wanted["volume_id"], wanted["image_id"], wanted["image_meta"])


async def volume_filled(run: Run) -> None:
    volume_id = run.input["reimage"]["volume_id"]
    found = await run.cloud.db.read(lambda tx: volume.state(tx, volume_id))
    if found is None or found.status == "error":
        cause = found.fault if found is not None and found.fault else "it is gone"
        raise StepError(f"Volume {volume_id} could not be reimaged: {cause}", kind="volume")
    if found.status == "downloading":
        raise StepError(f"Volume {volume_id} is not reimaged yet.", kind="volume", retry=True)


def spawning(run: Run, tx: Transaction) -> None:
    table.update(tx, run.resource_id, task_state=REBUILD_SPAWNING)


def rebuilt(run: Run, tx: Transaction) -> None:
    """A server that was stopped is stopped again."""
    if run.input["stop"]:
        table.update(tx, run.resource_id, vm_state=ACTIVE, power_state=RUNNING, task_state=POWERING_OFF, progress=0)


def done(run: Run, tx: Transaction) -> None:
    if table.get(tx, run.resource_id) is None:
        return
    stopped = run.input["stop"]
    state = {"vm_state": STOPPED, "power_state": SHUTDOWN} if stopped else {"vm_state": ACTIVE, "power_state": RUNNING}
    succeeded(run, tx, EVENT, **state, wanted_power=not stopped, fault=None, admin_pass=None, launched_at=clock.now())


def not_done(run: Run, tx: Transaction, error: dict[str, Any]) -> None:
    if table.get(tx, run.resource_id) is None:
        return
    values: dict[str, Any] = {} if error["kind"] == "cancelled" else {"vm_state": ERROR, "fault": fault(error["message"])}
    failed(run, tx, EVENT, error, **values)


WORKFLOW = Workflow(
    "rebuild_server",
    (
        Step("shut_down", do=shut_down, timeout=TIMEOUT + 60),
        Step("destroy_guest", do=destroy_guest, commit=begin_reimage, timeout=TIMEOUT + 60),
        Step(
            "volume_filled", do=volume_filled, commit=spawning, timeout=30.0, tries=int(VOLUME_WAIT / 10),
            when=lambda given: given.get("reimage") is not None,
        ),
        Step("create_guest", do=create_guest, commit=rebuilt, timeout=BOOT_TIMEOUT + 60),
        Step("stop_guest", do=stop_guest, timeout=TIMEOUT + 60, when=lambda given: given["stop"]),
    ),
    done=done,
    failed=not_done,
    unwind=False,
    doc="Give a server a new root disk.",
)  # fmt: skip
