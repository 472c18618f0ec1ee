"""Giving a volume to the guest of a server, and taking it away. The volume is reserved with the request."""

from typing import Any

from monostack.db import Transaction
from monostack.operations import Run, Step, StepError, Workflow
from monostack.protocol.guests import AttachVolume, DetachVolume
from monostack.services.compute.guests.spec import guest_volume
from monostack.services.compute.servers import history
from monostack.services.compute.servers import volumes as server_volumes
from monostack.services.compute.workflows.commands import ask
from monostack.services.compute.workflows.release import let_go, mark_attached
from monostack.services.network import facade as network
from monostack.services.volume import facade as volume

ATTACH_EVENT, DETACH_EVENT = "compute_attach_volume", "compute_detach_volume"
TIMEOUT = 120.0


async def plug(run: Run) -> None:
    def arguments(tx: Transaction) -> AttachVolume:
        held = server_volumes.find(tx, run.resource_id, run.input["volume_id"])
        if held is None:
            raise StepError(f"Volume {run.input['volume_id']} is not to be attached any more.", kind="cancelled")
        return AttachVolume(run.resource_id, guest_volume(tx, run.cloud, held))

    await ask(run, run.input["host"], "guest.attach_volume", await run.cloud.db.read(arguments), TIMEOUT)


async def unplug(run: Run) -> None:
    await ask(run, run.input["host"], "guest.detach_volume", DetachVolume(run.resource_id, run.input["volume_id"]), TIMEOUT)


def attached(run: Run, tx: Transaction) -> None:
    mark_attached(tx, run.resource_id, run.input["volume_id"], run.input["host"])
    network.items_changed(tx, run.cloud, "metadata", [run.resource_id])
    history.finish(tx, run, ATTACH_EVENT, run.input["host"])


def not_attached(run: Run, tx: Transaction, error: dict[str, Any]) -> None:
    let_go(tx, run.resource_id, run.input["volume_id"])
    history.finish(tx, run, ATTACH_EVENT, run.input["host"], error["message"])


def detached(run: Run, tx: Transaction) -> None:
    let_go(tx, run.resource_id, run.input["volume_id"])
    network.items_changed(tx, run.cloud, "metadata", [run.resource_id])
    history.finish(tx, run, DETACH_EVENT, run.input["host"])


def not_detached(run: Run, tx: Transaction, error: dict[str, Any]) -> None:
    held = server_volumes.find(tx, run.resource_id, run.input["volume_id"])
    if held is not None:
        volume.roll_back_detach(tx, held.attachment_id)
    history.finish(tx, run, DETACH_EVENT, run.input["host"], error["message"])


ATTACH = Workflow(
    "attach_volume",
    (Step("plug", do=plug, undo=unplug, timeout=TIMEOUT + 60),),
    done=attached,
    failed=not_attached,
    doc="Give a volume to the guest of a server.",
)
DETACH = Workflow(
    "detach_volume",
    (Step("unplug", do=unplug, timeout=TIMEOUT + 60),),
    done=detached,
    failed=not_detached,
    unwind=False,
    doc="Take a volume from the guest of a server.",
)
