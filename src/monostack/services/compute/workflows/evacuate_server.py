"""A server is made again on another host. Its guest at the old one is destroyed when that host comes back: no server wants it then."""

from typing import Any

from monostack.db import Transaction
from monostack.operations import Run, Step, Workflow
from monostack.services.compute.migrations import table as migrations
from monostack.services.compute.servers import table
from monostack.services.compute.servers.states import ACTIVE, RUNNING, SHUTDOWN, STOPPED
from monostack.services.compute.workflows.boot_server import BOOT_TIMEOUT, create_guest, destroy_guest
from monostack.services.compute.workflows.outcome import failed, succeeded
from monostack.services.compute.workflows.power import TIMEOUT
from monostack.services.compute.workflows.resize_server import give_back, settle_back, settle_there, stop_guest
from monostack.services.placement import facade as placement

EVENT, EARLIER = "compute_rebuild_instance", ("rebuild_server",)


def mark_evacuated(run: Run, tx: Transaction) -> None:
    if table.get(tx, run.resource_id) is None:
        return
    placement.release(tx, run.input["migration"])
    migrations.set_status(tx, run.input["migration"], migrations.DONE)
    running = run.input["running"]
    state, power = (ACTIVE, RUNNING) if running else (STOPPED, SHUTDOWN)
    succeeded(run, tx, EVENT, EARLIER, vm_state=state, power_state=power, wanted_power=running, admin_pass=None, fault=None)


def not_evacuated(run: Run, tx: Transaction, error: dict[str, Any]) -> None:
    row = table.get(tx, run.resource_id)
    if row is None:
        return
    give_back(tx, run.input["migration"], row)
    migrations.set_status(tx, run.input["migration"], migrations.ERROR)
    failed(run, tx, EVENT, error, admin_pass=None)


WORKFLOW = Workflow(
    "evacuate_server",
    (
        Step("settle_there", do=settle_there, undo=settle_back),
        Step("create_guest", do=create_guest, undo=destroy_guest, timeout=BOOT_TIMEOUT + 60),
        Step("stop_guest", do=stop_guest, timeout=TIMEOUT + 60, when=lambda given: not given["running"]),
    ),
    done=mark_evacuated,
    failed=not_evacuated,
    doc="Make a server again on another host, since its own is down.",
)
