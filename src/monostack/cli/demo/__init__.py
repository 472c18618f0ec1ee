"""monostack demo: from an empty cloud to an SSH session in a first server, over the public API alone.

Each stage first looks whether what it makes is there, so a second run takes seconds and changes nothing.
"""

import argparse
import ssl
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from monostack.cli.demo import first_server, starter
from monostack.cli.demo.client import ApiError, Client, Failure
from monostack.cli.demo.progress import Progress
from monostack.cli.settings import add_flags, admin_password, cloud_url, config_of
from monostack.core.config import Config

DOCTOR = "run `monostack doctor`: it checks what the cloud needs and explains what is missing"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--image", required=True, metavar="FILE", help="the test guest image (qcow2); `make guest-image` builds it")
    add_flags(parser)


def run(args: argparse.Namespace) -> int:
    # Old clients, which tutorials often show, log in by the v2.0 API; test suites upload made-up bytes under the name of any format.
    for option, value in (("identity.v2_api", "true"), ("image.require_format_match", "false")):
        setattr(args, f"option:{option}", getattr(args, f"option:{option}", None) or value)
    config = config_of(args)
    began = time.monotonic()
    progress = Progress()
    certificate = config.api.tls_certificate
    with Client(progress, ssl.create_default_context(cafile=certificate) if certificate else True) as client:
        stages = [
            ("start the cloud", lambda: _start(args, config)),
            ("log in", lambda: _log_in(client, config)),
            *resources(client, config, Path(args.image)),
            ("log in to the server", lambda: first_server.log_in(client, _key(config))),
        ]
        for number, (title, work) in enumerate(stages, 1):
            progress.begin(f"[{number}/{len(stages)}] {title}")
            try:
                progress.end(work())
            except (Failure, httpx.HTTPError, OSError) as error:
                return _failed(progress, title, error)
    print(f"\n{client.known['said']}\n\n{progress.table()}")
    print(f"  altogether {time.monotonic() - began:.1f} s\n\n{_next_steps(config, client.known['address'])}")
    return 0


def resources(client: Client, config: Config, image: Path) -> list[tuple[str, Callable[[], str]]]:
    """What the demo makes, in order. Each piece finds or makes its part and says which it did."""
    external = starter.external_network(config)
    return [
        ("flavors", lambda: starter.flavors(client)),
        ("image", lambda: starter.image(client, image)),
        ("networks", lambda: starter.networks(client, external)),
        ("router", lambda: starter.router(client)),
        ("keypair", lambda: starter.keypair(client, _key(config))),
        ("security group", lambda: starter.security_group(client)),
        ("server", lambda: first_server.server(client)),
        ("volume", lambda: first_server.volume(client)),
        ("floating IP", lambda: first_server.floating_ip(client)),
    ]


def _key(config: Config) -> Path:
    return Path(config.state_dir) / "demo" / "id_ed25519"


def _start(args: argparse.Namespace, config: Config) -> str:
    from monostack.cli import up

    args.no_agent = False
    state = up.health(config)
    if state is not None and state["hosts"] > 0:
        return f"it runs already, at {cloud_url(config)}"
    print()
    if up.run(args) != 0:
        raise Failure("the cloud did not start; its own words are above", DOCTOR)
    return f"it answers at {cloud_url(config)}"


def _log_in(client: Client, config: Config) -> str:
    try:
        client.log_in(cloud_url(config), "admin", admin_password(config), "admin")
    except ApiError as error:
        if error.status != 401:
            raise
        raise Failure("the password of admin was changed", f"write the new one into {config.state_dir}/admin-password") from error
    return f"as admin, {len(client.catalog)} services in the catalog"


def _failed(progress: Progress, title: str, error: Exception) -> int:
    progress.stop()
    print(f"\nmonostack demo: the stage `{title}` failed: {error or type(error).__name__}", file=sys.stderr)
    print(f"What to do: {getattr(error, 'remedy', '') or DOCTOR}.", file=sys.stderr)
    print("Then run the demo again: it goes on where it stopped.", file=sys.stderr)
    return 1


def _next_steps(config: Config, address: str) -> str:
    return f"""Point any OpenStack client at it:
  eval "$({sys.argv[0]} openrc)"       # admin, in this shell
  openstack server list                # pip install python-openstackclient

Log in to the server again:
  ssh -i {_key(config)} {first_server.USER}@{address}

Stop the cloud with `monostack down`, start it again with `monostack up`; `monostack down --purge` removes every trace."""
