"""What the configured cloud needs of this machine: its ports, its external networks' addresses, its database."""

import socket
from collections.abc import Iterator
from ipaddress import ip_interface, ip_network
from pathlib import Path

import sqlalchemy as sa
from pyroute2 import IPRoute
from sqlalchemy.exc import SQLAlchemyError

from monostack.cli.doctor.finding import Finding, fail, ok, warn
from monostack.cli.processes import NAMES, process
from monostack.core.config import Config


def ports(config: Config) -> Iterator[Finding]:
    """Free, or held by the cloud itself."""
    runs = process(config, NAMES[0]).pid() is not None
    for what, address, port in (("API port", config.api.bind, config.api.port), ("agent port", config.agent.listen, config.agent.port)):
        option = "api.port" if what == "API port" else "agent.port"
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trial.bind((address, port))
            except OSError as error:
                if runs:
                    yield ok(what, f"{address}:{port} is the running cloud's")
                else:
                    yield fail(what, f"{address}:{port}: {error.strerror}", f"end what holds it (`ss -ltnp`), or set {option}")
            else:
                yield ok(what, f"{address}:{port} is free")


def external_networks(config: Config) -> Iterator[Finding]:
    """Their addresses are this host's to give: nothing else may be there."""
    with IPRoute() as netlink:
        names = {link["index"]: link.get_attr("IFLA_IFNAME") for link in netlink.link("dump")}
        routes = [
            (ip_network(f"{route.get_attr('RTA_DST')}/{route['dst_len']}"), names.get(route.get_attr("RTA_OIF"), ""))
            for route in netlink.route("dump", family=socket.AF_INET, table=254)
            if route.get_attr("RTA_DST")
        ]
    for name, network in config.agent.external_networks.items():
        if network.address is None:
            yield ok(f"network {name}", f"on bridge {network.bridge}")
            continue
        wanted = ip_interface(network.address).network
        others = [f"{route} on {device}" for route, device in routes if device != network.bridge and route.overlaps(wanted)]
        if others:
            remedy = "set agent.external_networks to a range that is unused here"
            yield warn(f"network {name}", f"{wanted} overlaps {', '.join(others)}", remedy)
        else:
            yield ok(f"network {name}", f"{wanted} on bridge {network.bridge} is free")


def database(config: Config) -> Finding:
    """Reachable, and not of a newer version than this program."""
    import monostack.app  # noqa: F401 - declares every table
    from monostack.db import migrate

    url = sa.make_url(config.database.url)
    shown = url.render_as_string(hide_password=True)
    if url.get_backend_name() == "sqlite" and url.database and not Path(url.database).exists():
        return ok("database", f"{shown} will be made")
    try:
        at = migrate.current(config.database.url)
    except SQLAlchemyError as error:
        cause = str(getattr(error, "orig", None) or error).splitlines()[0]
        return fail("database", f"{shown}: {cause}", "check database.url, and that the database answers")
    if at not in (None, migrate.HEAD):
        found = f"{shown} is at version {at}, this program at {migrate.HEAD}"
        return warn("database", found, "`monostack up` migrates it, or says why it cannot")
    return ok("database", shown)
