"""Which hosts are alive, and what their services and hypervisors say of it."""

from collections.abc import Mapping

import sqlalchemy as sa

from monostack.db import Transaction
from monostack.services.compute.hosts.known import Host
from monostack.services.compute.hosts.table import alive, controllers, expected_back

_LIVING = sa.select(controllers.c.id, controllers.c.seen_at)


def signs_of_life(tx: Transaction) -> dict[str, str]:
    """When each living controller was last seen."""
    return {row.id: row.seen_at for row in tx.rows(_LIVING) if alive(row.seen_at)}


def is_up(host: Host, living: Mapping[str, str]) -> bool:
    """Its agent is connected to a controller that lives, and no administrator says it is down."""
    return host.controller in living and not host.forced_down


def takes_servers(host: Host, living: Mapping[str, str]) -> bool:
    """It is up, or its agent was lost just now and is expected back."""
    return is_up(host, living) or (expected_back(host.left_at) and not host.forced_down)


def host_status(host: Host | None, living: Mapping[str, str]) -> str:
    """What a server's `host_status` is: "" without a host."""
    if host is None:
        return ""
    if host.forced_down:
        return "DOWN"
    if not host.enabled:
        return "MAINTENANCE"
    return "UP" if host.controller in living else "UNKNOWN"
