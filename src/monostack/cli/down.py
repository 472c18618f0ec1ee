"""monostack down: guests off, agent and controller stopped; with --purge everything Monostack made on this machine removed."""

import argparse
import asyncio
import shutil
import sys
from pathlib import Path

from monostack.cli.processes import UNITS, Unit, process
from monostack.cli.settings import add_flags, agent_config, config_of


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--purge", action="store_true", help="also remove servers, volumes, networks, images, the database and all keys")
    parser.add_argument("--keep-guests", action="store_true", help="let guests run on while nobody manages them")
    add_flags(parser)


def run(args: argparse.Namespace) -> int:
    from monostack.agent.errors import CommandError
    from monostack.agent.offline import power_off, purge

    config = config_of(args)
    for name in ("agent", "server"):
        one = process(config, name)
        print(f"{name} stopped" if one.stop() else f"{name} was not running")
        if args.purge and isinstance(one, Unit):
            (UNITS / one.unit).unlink(missing_ok=True)
    settings = agent_config(config)
    try:
        if args.purge:
            problems = asyncio.run(purge(settings))
            for problem in problems:
                print(f"not removed: {problem}", file=sys.stderr)
            if problems:
                return 1
            shutil.rmtree(Path(config.state_dir), ignore_errors=True)
            print(f"{config.state_dir} and everything else of the cloud is gone")
        elif not args.keep_guests:
            stopped = asyncio.run(power_off(settings))
            if stopped:
                print(f"{len(stopped)} guests shut down; `monostack up` starts them again")
    except CommandError as error:
        print(f"monostack down: {error}", file=sys.stderr)
        return 1
    return 0
