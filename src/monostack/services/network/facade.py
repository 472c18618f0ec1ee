"""What other services may ask of the network service. Functions of a transaction, unless they say otherwise.

A server's ports: `networks_for_boot` checks what the caller asked for, `allocate_port` makes a port and `adopt_port` takes an existing
one, both in the transaction that makes the server; `bind` names the host; `wire` waits until that host has what the ports need, before
the guest starts; `unbind` and `release_ports` take it back. All of them may be repeated.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from monostack.db import Transaction
from monostack.services.network.agents.providers import provide
from monostack.services.network.changes import changed
from monostack.services.network.desired.sync import Provider, providers
from monostack.services.network.servers import proxied
from monostack.services.network.servers.addresses import addresses_of_servers
from monostack.services.network.servers.boot import find_security_groups, networks_for_boot
from monostack.services.network.servers.groups import change_security_groups
from monostack.services.network.servers.info import FixedAddress, PortInfo, RequestedNic
from monostack.services.network.servers.ports import RESERVED, adopt_port, allocate_port, bind, release_ports, unbind
from monostack.services.network.servers.read import (
    asked_by_ports,
    asked_by_server,
    ports,
    ports_of,
    security_group_names,
    server_of_address,
)

__all__ = [
    "RESERVED", "FixedAddress", "PortInfo", "Provider", "RequestedNic", "addresses_of_servers", "adopt_port", "allocate_port",
    "asked_by_ports", "asked_by_server", "bind",
    "change_security_groups", "find_security_groups", "items_changed", "networks_for_boot", "ports",
    "ports_of", "provide", "proxied", "register_items", "release_ports", "security_group_names", "server_of_address", "unbind", "wire",
]  # fmt: skip


async def wire(cloud: Any, host: str, port_ids: Sequence[str]) -> None:
    """Return once `host` has applied all that these ports need, and the host with their networks' DHCP knows them.

    Raises HostUnreachable, and CommandFailed with the cause when something these ports need could not be made. It waits as long as the host
    takes; who calls bounds it.
    """
    await cloud.network.wire(host, port_ids)


def register_items(kind: str, provider: Provider) -> None:
    """Supply items beside the network's own: ids to items (a msgspec Struct each), several ids a statement; None or absent: no such item.

    `metadata/<server id>` goes to the hosts that serve the metadata of the server's networks.
    """
    providers[kind] = provider


def items_changed(tx: Transaction, cloud: Any, kind: str, ids: Iterable[str]) -> None:
    """What the provider of `kind` says of these ids has changed: send it again after this transaction."""
    changed(tx, cloud, kind, ids)
