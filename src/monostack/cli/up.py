"""monostack up: controller and agent in the background, and wait until they work together."""

import argparse
import sys
import time
from typing import Any

import httpx

from monostack.cli.processes import Process, Unit, process
from monostack.cli.settings import add_flags, cloud_url, config_of, passed_on

PATIENCE = {"server": 60.0, "agent": 120.0}  # seconds; the agent may have to start libvirtd


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--no-agent", action="store_true", help="only the controller: hosts are elsewhere")
    add_flags(parser)


def run(args: argparse.Namespace) -> int:
    config = config_of(args)
    parts: list[tuple[str, Any]] = [("server", lambda health: health is not None)]
    if not args.no_agent:
        parts.append(("agent", lambda health: health is not None and health["hosts"] > 0))
    for name, ready in parts:
        if not _bring_up(config, process(config, name), passed_on(args), ready):
            return 1
    print(f'The cloud answers at {cloud_url(config)}. Log in: eval "$(monostack openrc)"')
    return 0


def health(config: Any) -> dict[str, Any] | None:
    """What /healthz says; None while nobody answers."""
    try:
        answer = httpx.get(f"{cloud_url(config)}/healthz", timeout=5, verify=False, trust_env=False)
    except httpx.HTTPError:
        return None
    return answer.json() if answer.status_code == 200 else None


def _bring_up(config: Any, one: Process | Unit, words: list[str], ready: Any) -> bool:
    started = time.monotonic()
    if one.pid() is None:
        one.start(words)
    elif ready(health(config)):
        print(f"{one.name} runs already")
        return True
    print(f"{one.name} is starting ", end="", flush=True)
    while not ready(health(config)):
        if one.pid() is None:
            return _explain(one, "ended")
        if time.monotonic() - started > PATIENCE[one.name]:
            return _explain(one, f"is not ready after {PATIENCE[one.name]:g} seconds")
        print(".", end="", flush=True)
        time.sleep(0.25)
    print(f" ready after {time.monotonic() - started:.1f} s")
    return True


def _explain(one: Process | Unit, what: str) -> bool:
    print(f"\nmonostack up: {one.name} {what}. The end of its log:\n{one.last_words()}", file=sys.stderr)
    print("`monostack doctor` checks what it needs.", file=sys.stderr)
    return False
