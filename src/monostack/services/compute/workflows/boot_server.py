"""A new server: volumes made and at hand, ports wired, guest running.

Its host, its share of the host, its ports and its hold on volumes were written with the request. When a step fails all of them are given
back, and the server stays, in ERROR, with the cause.
"""

from typing import Any

from monostack.core import clock
from monostack.core.errors import Fault
from monostack.db import Transaction
from monostack.operations import Run, Step, StepError, Workflow
from monostack.protocol.guests import GuestRef
from monostack.services.compute.servers import table
from monostack.services.compute.servers import volumes as server_volumes
from monostack.services.compute.servers.states import ACTIVE, ERROR, NOSTATE, RUNNING
from monostack.services.compute.workflows.commands import ask, prepared
from monostack.services.compute.workflows.outcome import failed, fault, succeeded
from monostack.services.compute.workflows.release import release_everything
from monostack.services.volume import facade as volume

EVENT = "compute__do_build_and_run_instance"
BOOT_TIMEOUT = 600.0  # seconds; the image may have to be fetched first
VOLUME_WAIT = 600.0


async def volumes_ready(run: Run) -> None:
    """The volumes this server's request made are there."""
    ids: list[str] = run.input["new_volumes"]
    found = await run.cloud.db.read(lambda tx: [volume.state(tx, volume_id) for volume_id in ids])
    for volume_id, each in zip(ids, found, strict=True):
        if each is None or each.status.startswith("error"):
            cause = each.fault if each is not None and each.fault else "it could not be made"
            raise StepError(f"Volume {volume_id} did not become available: {cause}", kind="volume")
        if each.status in ("creating", "downloading"):
            raise StepError(f"Volume {volume_id} is not there yet.", kind="volume", retry=True)
    await run.cloud.db.write(lambda tx: _hold(tx, run.resource_id))


def _hold(tx: Transaction, server_id: str) -> None:
    """Reserve what is not reserved yet. Raises StepError when somebody else was quicker."""
    for held in server_volumes.attached_to(tx, [server_id]).get(server_id, ()):
        if held.attachment_id:
            continue
        try:
            server_volumes.set_attachment(tx, held.id, volume.reserve(tx, None, held.volume_id, server_id, held.device))
        except Fault as fault:
            raise StepError(fault.message, kind="volume") from None


async def create_guest(run: Run) -> None:
    host = run.input["host"]
    await ask(run, host, "guest.create", await prepared(run, host), BOOT_TIMEOUT)


async def destroy_guest(run: Run) -> None:
    """A host that is not there is no hindrance: when it comes back, a guest that no server wants is destroyed."""
    try:
        await ask(run, run.input["host"], "guest.destroy", GuestRef(run.resource_id), 60.0, patience=1.0)
    except StepError as error:
        if error.kind != "unreachable":
            raise


def mark_active(run: Run, tx: Transaction) -> None:
    row = table.get(tx, run.resource_id)
    if row is None:
        return
    if run.input["volumes"]:
        for held in server_volumes.attached_to(tx, [row.id]).get(row.id, ()):
            volume.complete_attach(tx, held.attachment_id, row.host, held.device)
        server_volumes.mark_attached(tx, row.id)
    now = clock.now()
    succeeded(run, tx, EVENT, vm_state=ACTIVE, power_state=RUNNING, launched_at=now, admin_pass=None)


def mark_error(run: Run, tx: Transaction, error: dict[str, Any]) -> None:
    row = table.get(tx, run.resource_id)
    if row is None:
        return
    release_everything(tx, run.cloud, row.id, new_volumes=run.input["new_volumes"])
    message = f"Build of instance {row.id} aborted: {error['message']}"
    values = {"fault": fault(message, details=f"{error.get('step')}: {error['message']}"), "vm_state": ERROR}
    failed(run, tx, EVENT, error, power_state=NOSTATE, host=None, admin_pass=None, **values)


WORKFLOW = Workflow(
    "boot_server",
    (
        Step("volumes_ready", do=volumes_ready, timeout=30.0, tries=int(VOLUME_WAIT / 10), when=lambda given: bool(given["new_volumes"])),
        Step("create_guest", do=create_guest, undo=destroy_guest, timeout=BOOT_TIMEOUT + 60),
    ),
    done=mark_active,
    failed=mark_error,
    doc="Make the guest of a new server and start it.",
)
