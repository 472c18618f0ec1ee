"""Asking a host for something in a step of a workflow, and what it means when that fails."""

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec

from monostack.agentlink import CommandFailed, CommandTimeout, HostUnreachable
from monostack.core import clock
from monostack.operations import Run, StepError

if TYPE_CHECKING:
    from monostack.cloud import Cloud

PATIENCE = 20.0  # seconds for which a host may be away, as while its agent restarts
ASK_AGAIN = 60.0  # seconds without an answer after which the same command is sent again: the host joins it to what it does already


async def ask(
    run: Run,
    host: str,
    name: str,
    args: msgspec.Struct | None,
    timeout: float = 300.0,  # noqa: ASYNC109 - the host's
    patience: float = PATIENCE,
    part: str = "",
) -> dict[str, Any]:
    """One command. What may go right the next time is tried again; what the host says it cannot do ends the step.

    A host that is not connected is waited for, up to `patience` seconds, also when it is lost meanwhile: its agent probably starts again.
    Raises StepError, with kind "unreachable" when it stays away.
    `part` tells several commands of one name apart that a step sends.
    """
    until = clock.monotonic() + timeout
    try:
        while True:
            await connected(run.cloud, host, patience)
            try:
                async with asyncio.timeout(ASK_AGAIN):
                    left = max(until - clock.monotonic(), 1.0)
                    return await run.cloud.hosts.call(host, name, args, id=run.command_id(name + part), timeout=left)
            except TimeoutError:
                continue
            except HostUnreachable as lost:
                if not lost.sent or clock.monotonic() >= until:
                    raise
    except CommandFailed as error:
        raise StepError(error.message, kind=error.code, retry=error.retry) from None
    except (CommandTimeout, HostUnreachable) as error:
        raise StepError(str(error), kind="unreachable", retry=True) from None


async def connected(cloud: "Cloud", host: str, patience: float = PATIENCE) -> None:
    """Wait until a host is connected, or for `patience` seconds."""
    until = clock.monotonic() + patience
    while not cloud.hosts.is_connected(host) and clock.monotonic() < until:  # noqa: ASYNC110 - no event tells of one host
        await asyncio.sleep(0.1)
