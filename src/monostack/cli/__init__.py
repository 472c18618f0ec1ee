"""The `monostack` command: one file a subcommand, loaded only when it is the one that runs."""

import argparse
import importlib
import sys
from collections.abc import Sequence

from monostack import __version__

COMMANDS = {
    "up": "start the cloud of this machine in the background",
    "down": "stop it; with --purge also remove everything it made",
    "status": "say what runs",
    "doctor": "check every prerequisite and explain what is missing",
    "demo": "make a cloud with a first server and log in to it",
    "openrc": "print what clients need to log in",
    "dev": "run the emulator: the whole API on simulated hosts",
    "server": "run the controller in the foreground",
    "agent": "run this host's agent in the foreground, or enrol it",
    "db": "look at the database and migrate it",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run a subcommand; its exit status."""
    parser = argparse.ArgumentParser(prog="monostack", description="An OpenStack cloud in one program.")
    parser.add_argument("--version", action="version", version=f"monostack {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    wanted = next((word for word in (sys.argv[1:] if argv is None else argv) if not word.startswith("-")), None)
    for name, text in COMMANDS.items():
        one = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        if name == wanted:
            module = importlib.import_module(f"monostack.cli.{name}")
            module.arguments(one)
            one.set_defaults(run=module.run)
    args = parser.parse_args(argv)
    from monostack.core.config import ConfigError

    try:
        return args.run(args)
    except ConfigError as error:
        print(f"monostack: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"monostack {args.command}: {error.strerror or error}{f': {error.filename}' if error.filename else ''}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
