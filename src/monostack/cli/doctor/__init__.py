"""monostack doctor: every prerequisite tried out, with the cause and the remedy of what is missing.

The exit status is 1 if the cloud cannot run.
"""

import argparse
import asyncio
from collections.abc import Iterator

from monostack.cli.doctor import cloud, machine, network
from monostack.cli.doctor.finding import Finding, Level
from monostack.cli.settings import add_flags, config_of
from monostack.core.config import Config

WIDTH = 22  # of a subject


def arguments(parser: argparse.ArgumentParser) -> None:
    add_flags(parser)


def run(args: argparse.Namespace) -> int:
    config = config_of(args)
    worst = Level.OK
    for finding in examine(config):
        print(f"{finding.level.name.lower():5} {finding.subject:{WIDTH}} {finding.found}", flush=True)
        if finding.remedy:
            print(f"{'':5} {'':{WIDTH}} -> {finding.remedy}", flush=True)
        worst = max(worst, finding.level)
    verdict = {
        Level.OK: "Everything is there.",
        Level.WARN: "The cloud can run; the warnings say what would be better.",
        Level.FAIL: "The cloud cannot run until what failed is put right.",
    }
    print(f"\n{verdict[worst]}")
    return 1 if worst is Level.FAIL else 0


def examine(config: Config) -> Iterator[Finding]:
    """All checks, the quick ones first."""
    yield machine.system()
    yield from machine.programs()
    yield from machine.libraries()
    yield machine.memory()
    yield machine.disk(config)
    yield from network.features()
    yield from cloud.ports(config)
    yield from cloud.external_networks(config)
    yield cloud.database(config)
    yield from asyncio.run(machine.acceleration())
