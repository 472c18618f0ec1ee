"""What a command's handler is made of."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from monostack.agent.block import BlockStorage
from monostack.agent.block.outgoing import Outgoing
from monostack.agent.consoles import Consoles
from monostack.agent.hypervisor import Hypervisor
from monostack.agent.network import Network


@dataclass(slots=True)
class Drivers:
    """What the commands of one host act on."""

    hypervisor: Hypervisor
    block: BlockStorage
    network: Network
    outgoing: Outgoing
    consoles: Consoles = field(init=False)

    def __post_init__(self) -> None:
        self.consoles = Consoles(self.hypervisor)


@dataclass(frozen=True, slots=True)
class Handler:
    """How one command is carried out: the type of its arguments, what it must have to itself, and the work.

    The first of `locks` is what the command is about. `gives_way` names the commands about the same that break this one off instead of
    waiting for it: it is of no use any more then.
    """

    args: type[msgspec.Struct]
    run: Callable[[Drivers, Any], Awaitable[dict[str, Any]]]
    locks: Callable[[Any], tuple[str, ...]] = lambda args: ()
    gives_way: tuple[str, ...] = ()


class NoArguments(msgspec.Struct, forbid_unknown_fields=True):
    """The arguments of a command that has none."""


def server(server_id: str) -> str:
    """Name of the lock on a server."""
    return "server/" + server_id


def volume(volume_id: str) -> str:
    """Name of the lock on a volume."""
    return "volume/" + volume_id
