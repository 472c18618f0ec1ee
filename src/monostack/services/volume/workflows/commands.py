"""Asking the host that keeps a volume: failures of the agent channel become failures of a step, with their cause."""

from typing import Any

import msgspec

from monostack.agentlink import CommandFailed, CommandTimeout, HostUnreachable
from monostack.operations import Run, StepError


async def ask(run: Run, command: str, args: msgspec.Struct, *, timeout: float = 300) -> dict[str, Any]:  # noqa: ASYNC109
    """Have the run's host carry out a command. Raises StepError."""
    host = run.input["host"]
    try:
        return await run.cloud.hosts.call(host, command, args, id=run.command_id(command), timeout=timeout)
    except CommandFailed as error:
        raise StepError(error.message, kind=error.code, retry=error.retry) from None
    except (HostUnreachable, CommandTimeout) as error:
        raise StepError(f"Host {host} did not answer: {error}.", kind="host.unreachable", retry=True) from None
