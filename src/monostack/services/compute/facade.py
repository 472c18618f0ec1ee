"""What other services may call of the compute service."""

from collections.abc import Collection
from dataclasses import dataclass

from monostack.db import Transaction
from monostack.protocol.guests import InstanceMetadata

__all__ = ["HostInfo", "ServerInfo", "hosts", "instance_metadata", "server_info"]


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


def server_info(tx: Transaction, server_ids: Collection[str]) -> dict[str, ServerInfo]:
    """The servers with these ids that exist (deleted ones do not), by id. One statement."""
    raise NotImplementedError


def hosts(tx: Transaction) -> list[HostInfo]:
    """Every compute host that ever enrolled, by name."""
    raise NotImplementedError


def instance_metadata(tx: Transaction, server_id: str) -> InstanceMetadata | None:
    """What the server may read of itself at 169.254.169.254; None for one that does not exist."""
    raise NotImplementedError
