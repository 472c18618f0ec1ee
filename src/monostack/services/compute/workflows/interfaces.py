"""Giving a port to the guest of a server, and taking it away. The port is made, or adopted, with the request."""

from typing import Any

from monostack.db import Transaction
from monostack.operations import Run, Step, StepError, Workflow
from monostack.protocol.guests import AttachNic, DetachNic
from monostack.services.compute.guests.spec import nic
from monostack.services.compute.servers import history, table
from monostack.services.compute.workflows.commands import ask, wired
from monostack.services.network import facade as network

ATTACH_EVENT, DETACH_EVENT = "compute_attach_interface", "compute_detach_interface"
TIMEOUT = 120.0


async def plug(run: Run) -> None:
    def arguments(tx: Transaction) -> AttachNic:
        server = table.get(tx, run.resource_id)
        port = network.ports(tx, [run.input["port_id"]]).get(run.input["port_id"])
        if server is None or port is None:
            raise StepError(f"Port {run.input['port_id']} is not to be attached any more.", kind="cancelled")
        return AttachNic(run.resource_id, nic(port, server.image))

    wanted = await run.cloud.db.read(arguments)
    await wired(run.cloud, run.input["host"], [run.input["port_id"]])
    await ask(run, run.input["host"], "guest.attach_nic", wanted, TIMEOUT)


async def unplug(run: Run) -> None:
    await ask(run, run.input["host"], "guest.detach_nic", DetachNic(run.resource_id, run.input["port_id"]), TIMEOUT)


def attached(run: Run, tx: Transaction) -> None:
    table.update(tx, run.resource_id)
    network.items_changed(tx, run.cloud, "metadata", [run.resource_id])
    history.finish(tx, run, ATTACH_EVENT, run.input["host"])


def not_attached(run: Run, tx: Transaction, error: dict[str, Any]) -> None:
    network.release_ports(tx, run.cloud, run.resource_id, [run.input["port_id"]])
    history.finish(tx, run, ATTACH_EVENT, run.input["host"], error["message"])


def detached(run: Run, tx: Transaction) -> None:
    network.release_ports(tx, run.cloud, run.resource_id, [run.input["port_id"]])
    table.update(tx, run.resource_id)
    network.items_changed(tx, run.cloud, "metadata", [run.resource_id])
    history.finish(tx, run, DETACH_EVENT, run.input["host"])


def not_detached(run: Run, tx: Transaction, error: dict[str, Any]) -> None:
    history.finish(tx, run, DETACH_EVENT, run.input["host"], error["message"])


ATTACH = Workflow(
    "attach_interface",
    (Step("plug", do=plug, undo=unplug, timeout=TIMEOUT + 90),),
    done=attached,
    failed=not_attached,
    doc="Give a port to the guest of a server.",
)
DETACH = Workflow(
    "detach_interface",
    (Step("unplug", do=unplug, timeout=TIMEOUT + 60),),
    done=detached,
    failed=not_detached,
    unwind=False,
    doc="Take a port from the guest of a server.",
)
