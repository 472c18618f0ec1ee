"""monostack agent: this host's agent in the foreground; `enrol` gets a remote host its certificate, `token` makes the token for it."""

import argparse
import asyncio
import sys
from pathlib import Path

from monostack.cli.settings import add_flags, agent_config, config_of
from monostack.core.memory import give_back_freed_memory


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", nargs="?", choices=("run", "token", "enrol"), default="run")
    parser.add_argument("--name", help="token: the host it is for")
    parser.add_argument("--token", help="enrol: the token the controller's operator made")
    add_flags(parser)


def run(args: argparse.Namespace) -> int:
    give_back_freed_memory()
    from monostack.core.logs import configure

    config = config_of(args)
    configure(config.log.format, config.log.level)
    if args.action == "token":
        return asyncio.run(_token(config, args.name))
    if args.action == "enrol":
        return asyncio.run(_enrol(config, args.token))
    from monostack.agent.errors import CommandError
    from monostack.agent.main import run as run_agent

    try:
        asyncio.run(run_agent(agent_config(config)))
    except CommandError as error:
        print(f"monostack agent: {error}", file=sys.stderr)
        return 1
    return 0


async def _token(config, name: str | None) -> int:
    from monostack.agentlink.admission import Admission
    from monostack.agentlink.authority import Authority
    from monostack.db import Database

    if not name:
        print("monostack agent token: --name HOST says which host the token is for", file=sys.stderr)
        return 2
    db = Database(config.database.url)
    try:
        print(await Admission(db).new_token(Authority.open(Path(config.state_dir) / "ca"), name))
    finally:
        await db.close()
    return 0


async def _enrol(config, token: str | None) -> int:
    from monostack.agent.identity import EnrolmentError, enrol

    if not token:
        print("monostack agent enrol: --token TOKEN is needed; make one on the controller with `monostack agent token`", file=sys.stderr)
        return 2
    settings = agent_config(config)
    try:
        host = await enrol(settings.controller_url, token, Path(settings.tls_dir))
    except (EnrolmentError, OSError) as error:
        print(f"monostack agent enrol: {error}", file=sys.stderr)
        return 1
    print(f"This host is enrolled as {host}. Start it with `monostack agent`.")
    return 0
