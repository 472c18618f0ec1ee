"""monostack dev: the emulator. The whole API on simulated hosts, in the foreground, needing neither root nor a hypervisor."""

import argparse
import asyncio
import os
import shutil
import signal
import tempfile
from pathlib import Path

from monostack.cli.settings import add_flags, admin_password, config_of
from monostack.core import clock
from monostack.core.config import FILE_VARIABLE, Config
from monostack.core.memory import give_back_freed_memory, keep_what_is_loaded, search_garbage_rarely

DEFAULTS = {
    "state_dir": "~/.local/share/monostack-dev",
    "agent.port": 0,  # several side by side, with no host of their own too
    "emulator.hosts": 100,
    "emulator.nic_kbps": 10_000_000,
    "emulator.snapshot_seconds": 0.5,
    "agent.capacity.packet_rate_kpps": 10_000,
    "identity.v2_api": True,
    "image.require_format_match": False,
}


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--hosts", type=int, default=None, metavar="N", help="simulated hosts (default: 100)")
    parser.add_argument("--ephemeral", action="store_true", help="forget everything at the end")
    parser.add_argument("--port", type=int, default=None, metavar="PORT", help="port of the API; 0 takes a free one (default: 8780)")
    add_flags(parser)


def _make_way_out(config: Config, url: str) -> None:
    """A new emulator has the external network and the pool of addresses of every starter cloud; the rest is its users'."""
    from monostack.cli.demo.client import Client
    from monostack.cli.demo.progress import Progress
    from monostack.cli.demo.starter import external_network, way_out

    with Client(Progress(), verify=False) as client:  # itself
        client.log_in(url, "admin", admin_password(config), "admin")
        way_out(client, external_network(config))


def run(args: argparse.Namespace) -> int:
    give_back_freed_memory()
    search_garbage_rarely()
    started = clock.monotonic()
    import uvloop

    from monostack.app import App
    from monostack.core.logs import configure

    args.config = args.config or os.environ.get(FILE_VARIABLE) or os.devnull  # never that of this machine's real cloud
    directory = tempfile.mkdtemp(prefix="monostack-dev-") if args.ephemeral else None
    given = {"state_dir": directory, "emulator.hosts": args.hosts, "api.port": args.port}
    config = config_of(args, DEFAULTS, **{name: value for name, value in given.items() if value is not None})
    configure(config.log.format, "warning" if config.log.level == "info" else config.log.level)

    is_new = not (Path(config.state_dir) / "admin-password").exists()

    async def serve() -> None:
        # What an emulator forgets in a power cut is no loss, and it is several times as quick.
        app = App(config, durable=False)
        await app.open()
        if is_new:
            await asyncio.to_thread(_make_way_out, config, app.url)
        keep_what_is_loaded()
        ended = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, ended.set)
        print(f"ready after {clock.monotonic() - started:.1f} s: {config.emulator.hosts} simulated hosts at {app.url}", flush=True)
        print(f'log in: eval "$(monostack openrc --state-dir {config.state_dir})"', flush=True)
        await ended.wait()
        await app.close()

    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve())
    finally:
        if directory:
            shutil.rmtree(directory, ignore_errors=True)
    return 0
