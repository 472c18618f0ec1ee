"""Running a program and reading its answer, without waiting on the event loop."""

import asyncio
import logging
import shlex
import shutil
from collections.abc import Sequence

from monostack.agent.errors import CommandError

log = logging.getLogger(__name__)

# An agent that is killed takes its programs along: they would write on after the next one has swept up.
DIES_WITH_US = ("setpriv", "--pdeathsig", "KILL", "--")
MAX_OUTPUT = 4 * 1024 * 1024  # bytes


class ProgramError(CommandError):
    """A program ended with an error; `stderr` is what it said."""

    def __init__(self, argv: Sequence[str], status: int, stderr: str) -> None:
        said = stderr.strip().splitlines()[-1] if stderr.strip() else f"ended with status {status}"
        super().__init__("host.program_failed", f"{argv[0]}: {said}")
        self.status = status
        self.stderr = stderr


async def run(*argv: str, within: float, inherits: Sequence[int] = ()) -> bytes:
    """What the program wrote to its standard output. It is killed after `within` seconds; `inherits` are files it gets open.

    Raises ProgramError, and CommandError when it is missing, does not end or says too much.
    """
    if shutil.which(argv[0]) is None:
        raise CommandError("host.program_missing", f"the program {argv[0]} is not installed on this host")
    process = await asyncio.create_subprocess_exec(
        *DIES_WITH_US,
        *argv,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        pass_fds=inherits,
    )
    try:
        async with asyncio.timeout(within):
            stdout, stderr = await process.communicate()
    except TimeoutError:
        raise CommandError("host.program_timeout", f"{argv[0]} did not end within {within:g} seconds", retry=True) from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if len(stdout) > MAX_OUTPUT:
        raise CommandError("host.program_failed", f"{argv[0]} wrote {len(stdout)} bytes")
    if process.returncode:
        log.info("%s: status %s: %s", shlex.join(argv), process.returncode, stderr.decode(errors="replace").strip())
        raise ProgramError(argv, process.returncode, stderr.decode(errors="replace"))
    return stdout
