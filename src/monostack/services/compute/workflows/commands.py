"""What a server's host must have before a command about its guest."""

from typing import TYPE_CHECKING

from monostack.agentlink import CommandFailed, CommandTimeout, HostUnreachable
from monostack.hostcommands import ask, connected
from monostack.operations import Run, StepError
from monostack.protocol.guests import GuestSpec
from monostack.services.compute.guests.spec import spec_of
from monostack.services.network import facade as network

__all__ = ["ask", "prepared", "wired"]

if TYPE_CHECKING:
    from monostack.cloud import Cloud


async def wired(cloud: "Cloud", host: str, port_ids: list[str]) -> None:
    """Wait until the host has the network of these ports. One that is not connected is waited for as by `ask`. Raises StepError."""
    if not port_ids:
        return
    await connected(cloud, host)
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
