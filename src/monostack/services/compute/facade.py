"""What other services may call of the compute service."""

from collections.abc import Collection
from dataclasses import dataclass

import sqlalchemy as sa

from monostack.db import Transaction
from monostack.operations import Run
from monostack.protocol.guests import InstanceMetadata
from monostack.services.compute.guests.metadata import documents
from monostack.services.compute.hosts.known import known_hosts
from monostack.services.compute.hosts.life import is_up, signs_of_life
from monostack.services.compute.hosts.table import alive
from monostack.services.compute.hosts.table import controllers as _controllers
from monostack.services.compute.servers import history, volumes
from monostack.services.compute.servers.states import RUNNING
from monostack.services.compute.servers.table import servers

__all__ = [
    "ControllerInfo", "HostInfo", "ServerInfo", "controllers", "holds", "hosts", "instance_metadata", "server_info", "volume_extended",
]  # fmt: skip
_CONTROLLERS = sa.select(_controllers.c.name, _controllers.c.seen_at).order_by(_controllers.c.name, _controllers.c.seen_at)


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """What other services may know of a server. `host` is None while it has none; states are Nova's vm_state and task_state."""

    id: str
    name: str
    hostname: str
    project_id: str
    user_id: str
    host: str | None
    availability_zone: str | None
    vm_state: str
    task_state: str | None
    power_on: bool  # the guest runs, as far as was last seen


@dataclass(frozen=True, slots=True)
class HostInfo:
    """A compute host. `up`: its agent was heard of within the last minute; `enabled`: it takes new servers."""

    name: str
    up: bool
    enabled: bool
    availability_zone: str


_INFO = sa.select(
    servers.c.id, servers.c.name, servers.c.hostname, servers.c.project_id, servers.c.user_id, servers.c.host, servers.c.availability_zone,
    servers.c.vm_state, servers.c.task_state, servers.c.power_state,
).where(servers.c.id.in_(sa.bindparam("the_ids", expanding=True)), servers.c.deleted_at.is_(None))  # fmt: skip


def server_info(tx: Transaction, server_ids: Collection[str]) -> dict[str, ServerInfo]:
    """The servers with these ids that exist (deleted ones do not), by id. One statement."""
    rows = tx.rows(_INFO, {"the_ids": list(server_ids)})
    return {row.id: ServerInfo(*row[:9], power_on=row.power_state == RUNNING) for row in rows}


@dataclass(frozen=True, slots=True)
class ControllerInfo:
    """A controller. `up`: it gave a sign of life lately, the last one at `seen_at`."""

    name: str
    up: bool
    seen_at: str


def controllers(tx: Transaction) -> list[ControllerInfo]:
    """The controllers of the cloud, by name. One that started anew has another row: the latest of a name is it."""
    found = {row.name: ControllerInfo(row.name, alive(row.seen_at), row.seen_at) for row in tx.rows(_CONTROLLERS)}
    return list(found.values())


def hosts(tx: Transaction) -> list[HostInfo]:
    """Every compute host that ever enrolled, by name."""
    living = signs_of_life(tx)
    known = known_hosts(tx).by_name
    return [HostInfo(name, is_up(host, living), host.enabled, host.zone) for name, host in sorted(known.items())]


def instance_metadata(tx: Transaction, server_id: str) -> InstanceMetadata | None:
    """What the server may read of itself at 169.254.169.254; None for one that does not exist."""
    return documents(tx, [server_id]).get(server_id)


def holds(tx: Transaction, server_id: str, volume_id: str, attachment_id: str) -> bool:
    """Does a server's guest have the volume by this very attachment? False for what only says so in the volume service."""
    held = volumes.find(tx, server_id, volume_id)
    return held is not None and held.attached and held.attachment_id == attachment_id


def volume_extended(tx: Transaction, run: Run, server_id: str, started: str, error: str | None = None) -> None:
    """The operation made a volume grow, or did not, under a server's feet: an action of the server. `started` as in the database."""
    server = server_info(tx, [server_id]).get(server_id)
    if server is not None:
        over = history.event("compute_extend_volume", started, server.host, error)
        history.start(tx, run, server_id, "extend_volume", [over], "Error" if error else None)
