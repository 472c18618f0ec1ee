"""A server is shelved, leaves its host, and comes back. Its disk lives on as an image meanwhile; its volumes stay reserved for it."""

from typing import TYPE_CHECKING, Any

from monostack.core import clock
from monostack.db import Row, Transaction
from monostack.operations import Run, Step, Workflow
from monostack.protocol.guests import GuestRef
from monostack.services.compute.servers import history, table
from monostack.services.compute.servers import volumes as server_volumes
from monostack.services.compute.servers.states import (
    ACTIVE,
    ERROR,
    RUNNING,
    SHELVED,
    SHELVED_OFFLOADED,
    SHELVING_OFFLOADING,
    SHELVING_PENDING_UPLOAD,
    SHELVING_UPLOADING,
    SHUTDOWN,
)
from monostack.services.compute.workflows.boot_server import BOOT_TIMEOUT, create_guest, destroy_guest
from monostack.services.compute.workflows.commands import ask
from monostack.services.compute.workflows.outcome import failed, fault, succeeded
from monostack.services.compute.workflows.power import TIMEOUT, start_guest
from monostack.services.compute.workflows.resize_server import start_again, stop_guest
from monostack.services.compute.workflows.snapshot_server import LONG, UPLOAD, copy_disk, forget_copy
from monostack.services.image import facade as image
from monostack.services.network import facade as network
from monostack.services.placement import facade as placement
from monostack.services.volume import facade as volume

if TYPE_CHECKING:
    from monostack.cloud import Cloud

SHELVE_EVENT, OFFLOAD_EVENT = "compute_shelve_instance", "compute_shelve_offload_instance"
START_EVENT, UNSHELVE_EVENT = "compute_start_instance", "compute_unshelve_instance"


def _has_image(given: dict[str, Any]) -> bool:
    return given["image_id"] is not None


def _is_offloaded(given: dict[str, Any]) -> bool:
    return given["offloaded"]


def _is_here(given: dict[str, Any]) -> bool:
    return not given["offloaded"]


# --- shelving ------------------------------------------------------------------------------------------------------------


def pending(run: Run, tx: Transaction) -> None:
    table.update(tx, run.resource_id, task_state=SHELVING_PENDING_UPLOAD)


def uploading(run: Run, tx: Transaction) -> None:
    table.update(tx, run.resource_id, task_state=SHELVING_UPLOADING)


def mark_shelved(run: Run, tx: Transaction) -> None:
    row = table.get(tx, run.resource_id)
    if row is None:
        return
    image_id = run.input["image_id"]
    succeeded(
        run, tx, SHELVE_EVENT, vm_state=SHELVED, power_state=SHUTDOWN, wanted_power=False, shelved_image_id=image_id, shelved_at=clock.now()
    )
    # What has no disk of its own on the host has no reason to stay there.
    if image_id is None or run.cloud.config.compute.shelved_offload_time == 0:
        begin_offload(tx, run.cloud, row)


def begin_offload(tx: Transaction, cloud: "Cloud", server: Row) -> None:
    """Let a shelved server leave its host, though nobody asked for it."""
    table.update(tx, server.id, task_state=SHELVING_OFFLOADING)
    cloud.start(tx, "offload_server", server.id, history.input_of(server), None, server.project_id)


def not_shelved(run: Run, tx: Transaction, error: dict[str, Any]) -> None:
    if run.input["image_id"] is not None:
        image.drop(tx, run.cloud, run.input["image_id"])
    failed(run, tx, SHELVE_EVENT, error)


# --- leaving the host ------------------------------------------------------------------------------------------------------


async def destroy_shelved(run: Run) -> None:
    await ask(run, run.input["host"], "guest.destroy", GuestRef(run.resource_id), TIMEOUT)


def mark_offloaded(run: Run, tx: Transaction) -> None:
    row = table.get(tx, run.resource_id)
    if row is not None:
        _leave_host(tx, run.cloud, row)
        succeeded(run, tx, OFFLOAD_EVENT, vm_state=SHELVED_OFFLOADED, power_state=SHUTDOWN, host=None)


def not_offloaded(run: Run, tx: Transaction, error: dict[str, Any]) -> None:
    """It stays shelved: leaving may be asked for again."""
    failed(run, tx, OFFLOAD_EVENT, error)


def _leave_host(tx: Transaction, cloud: "Cloud", row: Row) -> None:
    """Its share of the host goes, its ports are nowhere, its volumes are reserved for it."""
    placement.release(tx, row.id)
    network.unbind(tx, cloud, [port.id for port in network.ports_of(tx, [row.id]).get(row.id, ())])
    for held in server_volumes.attached_to(tx, [row.id]).get(row.id, ()):
        if held.attached:
            volume.release(tx, held.attachment_id)
            server_volumes.set_attachment(tx, held.id, volume.reserve(tx, None, held.volume_id, row.id, held.device))
    server_volumes.mark_attached(tx, row.id, attached=False)


# --- coming back -----------------------------------------------------------------------------------------------------------


def mark_unshelved(run: Run, tx: Transaction) -> None:
    row = table.get(tx, run.resource_id)
    if row is None:
        return
    offloaded = run.input["offloaded"]
    if offloaded:
        for held in server_volumes.attached_to(tx, [row.id]).get(row.id, ()):
            volume.complete_attach(tx, held.attachment_id, row.host, held.device)
        server_volumes.mark_attached(tx, row.id)
    if row.shelved_image_id is not None:
        image.drop(tx, run.cloud, row.shelved_image_id)
    succeeded(
        run, tx, UNSHELVE_EVENT if offloaded else START_EVENT, ("schedule_instances", "get_image_info") if offloaded else (),
        vm_state=ACTIVE, power_state=RUNNING, wanted_power=True, launched_at=clock.now(), shelved_image_id=None, shelved_at=None,
    )  # fmt: skip


def not_unshelved(run: Run, tx: Transaction, error: dict[str, Any]) -> None:
    row = table.get(tx, run.resource_id)
    if row is None:
        return
    if not run.input["offloaded"]:
        failed(run, tx, START_EVENT, error, vm_state=ERROR if error["kind"] == "image" else row.vm_state, fault=fault(error["message"]))
        return
    _leave_host(tx, run.cloud, row)
    failed(run, tx, UNSHELVE_EVENT, error, host=None, fault=fault(error["message"]))


SHELVE = Workflow(
    "shelve_server",
    (
        Step("stop_guest", do=stop_guest, undo=start_again, commit=pending, timeout=TIMEOUT + 60),
        Step("copy_disk", do=copy_disk, undo=forget_copy, commit=uploading, timeout=LONG + 60, when=_has_image),
        Step("upload", do=UPLOAD.do, timeout=UPLOAD.timeout, when=_has_image),
    ),
    done=mark_shelved,
    failed=not_shelved,
    doc="Turn a server off and make an image of its root disk.",
)
OFFLOAD = Workflow(
    "offload_server",
    (Step("destroy_shelved", do=destroy_shelved, timeout=TIMEOUT + 60),),
    done=mark_offloaded,
    failed=not_offloaded,
    unwind=False,
    doc="Let a shelved server leave its host.",
)
UNSHELVE = Workflow(
    "unshelve_server",
    (
        Step("start_guest", do=start_guest, undo=stop_guest, timeout=TIMEOUT + 60, when=_is_here),
        Step("create_guest", do=create_guest, undo=destroy_guest, timeout=BOOT_TIMEOUT + 60, when=_is_offloaded),
    ),
    done=mark_unshelved,
    failed=not_unshelved,
    doc="Start a shelved server, where it is or on the host that was found for it.",
)
