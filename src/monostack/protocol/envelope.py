"""Envelopes of the agent channel: who says what to whom."""

from typing import Any

import msgspec

VERSION = 1
MAX_MESSAGE = 32 * 1024 * 1024  # bytes; the whole network state of a large host fits


class Nic(msgspec.Struct):
    """A network device of a host whose bandwidth is given away by guarantees."""

    name: str  # unique on the host
    physical_network: str | None = None  # None: what carries the tunnels of tenants' networks
    egress_kbps: int = 0  # in each direction as guests see it; 0: none is given away
    ingress_kbps: int = 0


class NetworkCapacity(msgspec.Struct):
    """What guarantees of bandwidth and packet rates a host can give."""

    nics: list[Nic] = []
    kpps: dict[str, int] = {}  # thousands of packets a second by direction: "any", or "egress" and "ingress"


class NumaCell(msgspec.Struct):
    """One NUMA node of a host."""

    id: int
    cpus: str  # "0-7,16-23"
    memory_mib: int


class Inventory(msgspec.Struct):
    """What a host can give, as placement counts it."""

    vcpus: int
    memory_mib: int
    disk_gib: int
    hypervisor_type: str  # "QEMU", as Nova names it
    hypervisor_version: int  # 7002000 for 7.2.0
    cpu_info: dict[str, Any]
    traits: list[str] = []
    accelerator: str = "tcg"  # "kvm", "tcg" or "simulated"
    volume_backend: str = "file"  # as volume types ask for it with `volume_backend_name`
    volume_pools: list[str] = []  # where it keeps volumes beside the pool `file`, each a back end, `host@name`, of its own
    storage: str = ""  # what keeps its volumes; hosts with the same one reach the same volumes. "": files that only this host has
    network: NetworkCapacity | None = None
    numa_cells: list[NumaCell] = []  # of a host that gives its guests NUMA nodes


class Hello(msgspec.Struct, tag="hello"):
    """First message of an agent on each connection."""

    protocol: int
    host: str
    boot_id: str  # changes when the machine reboots
    instance: str  # changes when the agent process restarts
    inventory: Inventory


class Command(msgspec.Struct, tag="command"):
    """One idempotent request to an agent. `id` is the same when the controller asks for the same thing again."""

    id: str
    name: str
    args: dict[str, Any]
    timeout: float  # seconds after which nobody waits for the result any more


class Failure(msgspec.Struct):
    """Why a command did not succeed. `code` is stable and dotted, `message` names cause and next action."""

    code: str
    message: str
    retry: bool = False  # True: the same command may succeed later without anybody changing anything


class Result(msgspec.Struct, tag="result"):
    """The answer to the command with the same id: data, or an error."""

    id: str
    data: dict[str, Any] | None = None
    error: Failure | None = None


class Report(msgspec.Struct, tag="report"):
    """What an agent observed by itself, e.g. `guest.lifecycle`. Checked against what the host owns."""

    kind: str
    data: dict[str, Any]


Message = Hello | Command | Result | Report

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Message)


def encode(message: Message) -> bytes:
    return _encoder.encode(message)


def decode(data: bytes | str) -> Message:
    """Raises msgspec.DecodeError or msgspec.ValidationError for anything that is not a message."""
    return _decoder.decode(data)
