"""monostack server: the controller in the foreground."""

import argparse
import asyncio

from monostack.cli.settings import add_flags, config_of


def arguments(parser: argparse.ArgumentParser) -> None:
    add_flags(parser)


def run(args: argparse.Namespace) -> int:
    import uvloop

    from monostack.app import serve
    from monostack.core.logs import configure

    config = config_of(args)
    configure(config.log.format, config.log.level)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(config))
    return 0
