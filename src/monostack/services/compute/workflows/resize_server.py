"""A server gets another size, on its host or another one. Its former disks are kept until its owner confirms or reverts.

Its new share of a host was claimed with the request; the migration's uuid holds the old one. What fails puts everything back.
"""

from typing import Any

from monostack.core import clock
from monostack.db import Transaction
from monostack.operations import Run, Step, StepError, Workflow
from monostack.protocol.guests import GuestRef, StopGuest
from monostack.services.compute import tpm
from monostack.services.compute.migrations import table as migrations
from monostack.services.compute.servers import table
from monostack.services.compute.servers.states import RESIZE_FINISH, RESIZE_MIGRATED, RESIZE_MIGRATING, RESIZED, RUNNING, SHUTDOWN
from monostack.services.compute.workflows.commands import ask, prepared
from monostack.services.compute.workflows.outcome import failed, succeeded
from monostack.services.compute.workflows.power import GRACE, TIMEOUT
from monostack.services.compute.workflows.settling import settle
from monostack.services.placement import facade as placement

# What went before, the latest first, as Nova's services tell of it.
EVENT, EARLIER = "compute_finish_resize", ("compute_resize_instance", "compute_prep_resize", "cold_migrate", "conductor_migrate_server")
COPY_TIMEOUT = 3600.0  # seconds; the guest's disks are copied


async def check_sizes(run: Run) -> None:
    if run.input["shrinks"]:
        raise StepError("Unable to resize disk down.", kind="resize")


def begin_migrating(run: Run, tx: Transaction) -> None:
    table.update(tx, run.resource_id, task_state=RESIZE_MIGRATING)
    migrations.set_status(tx, run.input["migration"], migrations.MIGRATING)


async def stop_guest(run: Run) -> None:
    await ask(run, run.input["host"], "guest.stop", StopGuest(run.resource_id, GRACE), TIMEOUT)


async def start_again(run: Run) -> None:
    if run.input["running"]:
        await _start(run, run.input["host"])


async def keep_disks(run: Run) -> None:
    await ask(run, run.input["host"], "guest.keep", GuestRef(run.resource_id), COPY_TIMEOUT)


async def restore_disks(run: Run) -> None:
    host = run.input["host"]
    await ask(run, host, "guest.restore", await prepared(run, host), COPY_TIMEOUT)


def migrated(run: Run, tx: Transaction) -> None:
    table.update(tx, run.resource_id, task_state=RESIZE_MIGRATED)


async def settle_there(run: Run) -> None:
    """From here on the server is of the new size, on its new host."""

    def move(tx: Transaction) -> None:
        migration = migrations.get(tx, run.input["migration"])
        settle(tx, run.cloud, run.resource_id, migration.dest, migration.new_flavor, run.resource_id)

    await run.cloud.db.write(move)


async def settle_back(run: Run) -> None:
    def move(tx: Transaction) -> None:
        migration = migrations.get(tx, run.input["migration"])
        settle(tx, run.cloud, run.resource_id, migration.source, migration.old_flavor, migration.uuid)

    await run.cloud.db.write(move)


async def resize_guest(run: Run) -> None:
    dest = run.input["dest"]
    await ask(run, dest, "guest.resize", await prepared(run, dest), COPY_TIMEOUT)


async def destroy_there(run: Run) -> None:
    if run.input["dest"] != run.input["host"]:
        await ask(run, run.input["dest"], "guest.destroy", GuestRef(run.resource_id), TIMEOUT)


def finishing(run: Run, tx: Transaction) -> None:
    table.update(tx, run.resource_id, task_state=RESIZE_FINISH)


async def start_there(run: Run) -> None:
    if run.input["running"]:
        await _start(run, run.input["dest"])


async def _start(run: Run, host: str) -> None:
    await ask(run, host, "guest.start", await prepared(run, host), TIMEOUT)


def mark_resized(run: Run, tx: Transaction) -> None:
    row = table.get(tx, run.resource_id)
    if row is None:
        return
    migrations.set_status(tx, run.input["migration"], migrations.FINISHED)
    flavor = row.flavor
    succeeded(
        run, tx, EVENT, EARLIER, vm_state=RESIZED, power_state=RUNNING if run.input["running"] else SHUTDOWN, launched_at=clock.now(),
        vcpus=flavor["vcpus"], memory_mb=flavor["ram"],
    )  # fmt: skip


def not_resized(run: Run, tx: Transaction, error: dict[str, Any]) -> None:
    """The server is what it was, on its host, with its share of it."""
    row = table.get(tx, run.resource_id)
    if row is None:
        return
    uuid = run.input["migration"]
    give_back(tx, uuid, row)
    migrations.set_status(tx, uuid, migrations.ERROR)
    flavor = migrations.get(tx, uuid).old_flavor
    failed(run, tx, "compute_resize_instance", error, vcpus=flavor["vcpus"], memory_mb=flavor["ram"], tpm_key=tpm.kept_key(row, flavor))


def give_back(tx: Transaction, migration_uuid: str, server: Any) -> None:
    """The server holds again what its migration held for it. May be repeated."""
    held = placement.allocations_of(tx, [migration_uuid]).get(migration_uuid)
    if held:
        placement.release(tx, server.id)
        placement.release(tx, migration_uuid)
        placement.claim(tx, server.id, held, server.project_id, server.user_id)


WORKFLOW = Workflow(
    "resize_server",
    (
        Step("check_sizes", do=check_sizes, commit=begin_migrating),
        Step("stop_guest", do=stop_guest, undo=start_again, timeout=TIMEOUT + 60),
        Step("keep_disks", do=keep_disks, undo=restore_disks, commit=migrated, timeout=COPY_TIMEOUT + 60),
        Step("settle_there", do=settle_there, undo=settle_back),
        Step("resize_guest", do=resize_guest, undo=destroy_there, commit=finishing, timeout=COPY_TIMEOUT + 60),
        Step("start_there", do=start_there, undo=destroy_there, timeout=TIMEOUT + 60),
    ),
    done=mark_resized,
    failed=not_resized,
    doc="Give a server another size, on its host or another one, and keep its former disks.",
)
