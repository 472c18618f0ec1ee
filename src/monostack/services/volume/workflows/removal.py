"""Removing a file from a host that may be away for good."""

import msgspec

from monostack.hostcommands import ask
from monostack.operations import Run, StepError


async def remove(run: Run, command: str, args: msgspec.Struct) -> None:
    """Have the host remove a file. Of a host that stays away, the file is removed when it is back: no row has it then. Raises StepError."""
    try:
        await ask(run, run.input["host"], command, args)
    except StepError as error:
        if error.kind != "unreachable":
            raise
