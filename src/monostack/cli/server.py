"""monostack server: the controller in the foreground."""

import argparse
import asyncio

from monostack.cli.settings import add_flags, config_of
from monostack.core.memory import give_back_freed_memory, search_garbage_rarely


def arguments(parser: argparse.ArgumentParser) -> None:
    add_flags(parser)


def run(args: argparse.Namespace) -> int:
    import uvloop

    from monostack.app import serve
    from monostack.core.logs import configure

    give_back_freed_memory()
    search_garbage_rarely()
    config = config_of(args)
    configure(config.log.format, config.log.level)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(config))
    return 0
