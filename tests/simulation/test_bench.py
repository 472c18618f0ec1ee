"""make bench measures what it says it measures: a small run, of which no time is judged."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
LINES = (
    "log in with a password", "validate a token", "GET /image/v2/images", "GET /network/v2.0/networks", "POST /servers until ACTIVE",
    "boots at concurrency 16", "GET /servers/detail, 100", "GET /servers/detail, 110", "resident memory of the controller",
)  # fmt: skip


def test_the_benchmark_runs() -> None:
    command = [sys.executable, str(ROOT / "tests/bench"), "api", "--servers", "110", "--boots", "4", "--hosts", "2"]
    settings = {name: value for name, value in os.environ.items() if not name.startswith("MONOSTACK_")}
    done = subprocess.run(command, env=settings, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    for line in LINES:
        figures = [said for said in done.stdout.splitlines() if said.startswith(line)]
        assert figures and all("floor" in figure for figure in figures), f"no {line} in:\n{done.stdout}"
