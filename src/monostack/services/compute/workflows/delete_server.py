"""A server goes: its guest first, then with one commit all that it held."""

from typing import Any

from monostack.core import clock
from monostack.db import Transaction
from monostack.operations import Run, Step, StepError, Workflow
from monostack.protocol.guests import GuestRef
from monostack.services.compute import server_groups
from monostack.services.compute.migrations import table as migrations
from monostack.services.compute.servers import history, table
from monostack.services.compute.servers.states import ERROR, NOSTATE
from monostack.services.compute.workflows.commands import ask
from monostack.services.compute.workflows.outcome import failed, fault
from monostack.services.compute.workflows.release import release_everything
from monostack.services.image import facade as image

EVENT = "compute_terminate_instance"


async def destroy_guest(run: Run) -> None:
    """Where the host is not there the server goes all the same; its guest is destroyed when the host comes back."""
    for host in await run.cloud.db.read(lambda tx: _hosts(tx, run)):
        try:
            await ask(run, host, "guest.destroy", GuestRef(run.resource_id), 120.0, patience=1.0)
        except StepError as error:
            if error.kind != "unreachable" or run.cloud.hosts.is_connected(host):
                raise


def _hosts(tx: Transaction, run: Run) -> list[str]:
    """Where the server has a guest: at its host, and while it is resized at its former one."""
    hosts = {run.input["host"]}
    for migration in migrations.open_of(tx, run.resource_id):
        hosts |= {migration.source, migration.dest}
    return sorted(host for host in hosts if host is not None)


def mark_deleted(run: Run, tx: Transaction) -> None:
    row = table.get(tx, run.resource_id)
    if row is None:
        return
    release_everything(tx, run.cloud, row.id, deleted=True)
    server_groups.leave(tx, row.id)
    if row.shelved_image_id is not None:
        image.drop(tx, run.cloud, row.shelved_image_id)
    now = clock.now()
    history.finish(tx, run, EVENT, run.input["host"])
    table.update(
        tx, row.id, task_state=None, power_state=NOSTATE, host=None, terminated_at=now, deleted_at=now, admin_pass=None, locked_by=None,
        tpm_key=None,
    )  # fmt: skip


def mark_error(run: Run, tx: Transaction, error: dict[str, Any]) -> None:
    failed(run, tx, EVENT, error, vm_state=ERROR, fault=fault(f"Failed to terminate instance: {error['message']}"))


WORKFLOW = Workflow(
    "delete_server",
    (Step("destroy_guest", do=destroy_guest, timeout=150.0),),
    done=mark_deleted,
    failed=mark_error,
    unwind=False,
    doc="Destroy the guest of a server and give back all it held.",
)
