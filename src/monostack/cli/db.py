"""monostack db: which version the database is at, and bringing it to this one."""

import argparse

from monostack.cli.settings import add_flags, config_of


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=("current", "upgrade", "check"), help="check: exit 1 unless the database is at this version")
    add_flags(parser)


def run(args: argparse.Namespace) -> int:
    import monostack.app  # noqa: F401 - declares every table
    from monostack.db import migrate

    config = config_of(args)
    if args.action == "upgrade":
        migrate.upgrade(config.database.url)
    at = migrate.current(config.database.url)
    print(f"database: {at or 'empty'}, this version: {migrate.HEAD}")
    return 0 if args.action != "check" or at == migrate.HEAD else 1
