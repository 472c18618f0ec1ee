"""What flavors and hints may ask of a host by name, and the small language they ask in. Names are those of Nova's HostState."""

import operator
from collections.abc import Callable, Mapping
from typing import Any

from monostack.services.compute.hosts.known import Host
from monostack.services.compute.scheduler.landscape import Landscape

_NUMERIC: dict[str, Callable[[float, float], bool]] = {
    "=": operator.ge, "==": operator.eq, "!=": operator.ne, ">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt,
}  # fmt: skip
_TEXTUAL: dict[str, Callable[[str, str], bool]] = {
    "s==": operator.eq, "s!=": operator.ne, "s<": operator.lt, "s<=": operator.le, "s>": operator.gt, "s>=": operator.ge,
}  # fmt: skip


def _mebibytes(gibibytes: int | None) -> int | None:
    return None if gibibytes is None else gibibytes * 1024


_OTHERS: Mapping[str, Callable[[Host, Landscape], Any]] = {
    "host": lambda host, land: host.name,
    "nodename": lambda host, land: host.name,
    "hypervisor_hostname": lambda host, land: host.name,
    "vcpus_total": lambda host, land: host.vcpus,
    "total_usable_ram_mb": lambda host, land: host.memory_mb,
    "total_usable_disk_gb": lambda host, land: host.local_gb,
    "free_ram_mb": lambda host, land: land.free(host, "MEMORY_MB"),
    "free_disk_mb": lambda host, land: _mebibytes(land.free(host, "DISK_GB")),
    "num_instances": lambda host, land: land.servers_on(host),
    "num_io_ops": lambda host, land: land.io_ops_on(host),
}


def attribute(host: Host, path: list[str], land: Landscape) -> Any:
    """An attribute of a host, or what is inside of it: ["cpu_info", "arch"]. None if there is none."""
    name, *inside = path
    value: Any = _OTHERS[name](host, land) if name in _OTHERS else getattr(host, name, None) if name in Host.__slots__ else None
    for key in inside:
        value = value.get(key) if isinstance(value, Mapping) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    return value


def matches(value: str, requirement: str) -> bool:
    """A value against a requirement: a plain text, or an operator and its operands."""
    words = requirement.split()
    if not words:
        return False
    first, rest = words[0], words[1:]
    if first == "<or>":
        return value in [word for word in rest if word != "<or>"]
    if first in ("<in>", "<all-in>"):
        return all(word in value for word in rest if not word.startswith("<"))
    if first in _TEXTUAL:
        return _TEXTUAL[first](value, " ".join(rest))
    if first in _NUMERIC:
        try:
            return _NUMERIC[first](float(value), float(" ".join(rest)))
        except ValueError:
            return False
    return value == requirement
