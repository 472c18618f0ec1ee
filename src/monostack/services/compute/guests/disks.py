"""The disks of a server that are its host's: the copy of its image it boots from, ephemeral disks, swap.

Without a block device mapping that says otherwise, ephemeral disk and swap are those of the flavor. They are named behind the root disk
and before volumes, in this order.
"""

from dataclasses import dataclass

from monostack.db import Row
from monostack.services.compute.servers.volumes import device_name

SWAP = "swap"


@dataclass(frozen=True, slots=True)
class LocalDisk:
    """An ephemeral disk (size in GiB) or the swap disk (`guest_format` "swap", size in MiB)."""

    size: int
    guest_format: str | None
    device: str  # /dev/vdb


def local_disks(server: Row) -> list[LocalDisk]:
    """The ephemeral disks and the swap disk of a server, in order."""
    sizes = server.local_disks
    if sizes is None:
        flavor = server.flavor
        sizes = [(flavor["ephemeral"], None)] * bool(flavor["ephemeral"]) + [(flavor[SWAP], SWAP)] * bool(flavor[SWAP])
    return [LocalDisk(size, kind, device_name(number)) for number, (size, kind) in enumerate(sizes, 1)]
