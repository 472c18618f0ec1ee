"""Programs that an agent runs."""

import asyncio
import subprocess
import sys
import time
from pathlib import Path

import pytest

from monostack.agent import programs
from monostack.agent.errors import CommandError

RUNS_ONE = """
import asyncio
from monostack.agent import programs
asyncio.run(programs.run("sh", "-c", 'echo $$ > "$0.new" && mv "$0.new" "$0" && exec sleep 600', {path!r}, within=600))
"""


def test_what_it_says_and_how_it_fails() -> None:
    assert asyncio.run(programs.run("echo", "said", within=10)) == b"said\n"
    with pytest.raises(programs.ProgramError) as failed:
        asyncio.run(programs.run("sh", "-c", "echo cause >&2; exit 3", within=10))
    assert (failed.value.status, str(failed.value)) == (3, "sh: cause")
    with pytest.raises(CommandError, match="not installed"):
        asyncio.run(programs.run("no-such-program", within=10))
    with pytest.raises(CommandError, match="did not end within"):
        asyncio.run(programs.run("sleep", "600", within=0.1))


def test_a_program_ends_with_a_killed_agent(tmp_path: Path) -> None:
    """Else it makes files which nobody removes, once the next agent has swept up."""
    told = tmp_path / "pid"
    agent = subprocess.Popen([sys.executable, "-c", RUNS_ONE.format(path=str(told))])
    try:
        _wait(told.exists)
        program = Path("/proc") / told.read_text().strip()
        assert program.exists()
    finally:
        agent.kill()
        agent.wait()
    _wait(lambda: not program.exists() or (program / "stat").read_text().split(") ")[1].startswith("Z"))


def _wait(condition) -> None:
    until = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)
