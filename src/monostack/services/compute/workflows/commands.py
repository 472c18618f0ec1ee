"""Asking a server's host for something, and what it means when that fails."""

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec

from monostack.agentlink import CommandFailed, CommandTimeout, HostUnreachable
from monostack.core import clock
from monostack.operations import Run, StepError
from monostack.protocol.guests import GuestSpec
from monostack.services.compute.guests.spec import spec_of
from monostack.services.network import facade as network

if TYPE_CHECKING:
    from monostack.cloud import Cloud


PATIENCE = 20.0  # seconds for which a host may be away, as while its agent restarts


async def ask(
    run: Run,
    host: str,
    name: str,
    args: msgspec.Struct,
    timeout: float,  # noqa: ASYNC109 - the host's
    patience: float = PATIENCE,
) -> dict[str, Any]:
    """One command. What may go right the next time is tried again; what the host says it cannot do ends the step.

    A host that is not connected is waited for, up to `patience` seconds. Raises StepError, with kind "unreachable" when it stays away.
    """
    try:
        await _connected(run.cloud, host, patience)
        return await run.cloud.hosts.call(host, name, args, id=run.command_id(name), timeout=timeout)
    except CommandFailed as error:
        raise StepError(error.message, kind=error.code, retry=error.retry) from None
    except (CommandTimeout, HostUnreachable) as error:
        raise StepError(str(error), kind="unreachable", retry=True) from None


async def _connected(cloud: "Cloud", host: str, patience: float) -> None:
    until = clock.monotonic() + patience
    while host not in cloud.hosts.connected() and clock.monotonic() < until:  # noqa: ASYNC110 - no event tells of one host
        await asyncio.sleep(0.1)


async def wired(cloud: "Cloud", host: str, port_ids: list[str]) -> None:
    """Wait until the host has the network of these ports. Raises StepError."""
    if not port_ids:
        return
    try:
        await network.wire(cloud, host, port_ids)
    except CommandFailed as error:
        raise StepError(error.message, kind=error.code, retry=error.retry) from None
    except (CommandTimeout, HostUnreachable) as error:
        raise StepError(str(error), kind="unreachable", retry=True) from None


async def prepared(run: Run, host: str) -> GuestSpec:
    """The guest as it shall be, with its network in place on the host. Raises StepError."""
    cloud: Cloud = run.cloud
    spec = await cloud.db.read(lambda tx: spec_of(tx, cloud, run.resource_id))
    await wired(cloud, host, [nic.port_id for nic in spec.nics])
    return spec
