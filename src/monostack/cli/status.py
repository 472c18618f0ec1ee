"""monostack status: what runs, where it answers, what it is busy with."""

import argparse

from monostack.cli.processes import NAMES, process
from monostack.cli.settings import add_flags, cloud_url, config_of
from monostack.cli.up import health


def arguments(parser: argparse.ArgumentParser) -> None:
    add_flags(parser)


def run(args: argparse.Namespace) -> int:
    config = config_of(args)
    for name in NAMES:
        pid = process(config, name).pid()
        print(f"{name:8} {'runs, pid ' + str(pid) if pid else 'does not run'}")
    state = health(config)
    if state is None:
        print(f"{'api':8} does not answer at {cloud_url(config)}")
        return 1
    print(f"{'api':8} answers at {cloud_url(config)}: {state['hosts']} hosts connected, {state['operations']} operations under way")
    return 0
