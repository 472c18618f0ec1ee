"""Which hosts a server may run on. A filter gives the reason against a host, or None."""

import operator
from collections.abc import Callable, Mapping
from typing import Any

from monostack.services.compute.hosts.known import Host
from monostack.services.compute.hosts.life import takes_servers
from monostack.services.compute.scheduler.wish import Wish

Living = Mapping[str, str]
Filter = Callable[[Host, Wish, Living], str | None]

_NUMERIC: dict[str, Callable[[float, float], bool]] = {
    "=": operator.ge, "==": operator.eq, "!=": operator.ne, ">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt,
}  # fmt: skip
_TEXTUAL: dict[str, Callable[[str, str], bool]] = {
    "s==": operator.eq, "s!=": operator.ne, "s<": operator.lt, "s<=": operator.le, "s>": operator.gt, "s>=": operator.ge,
}  # fmt: skip
_SCOPE = "capabilities:"
_AGGREGATE = "aggregate_instance_extra_specs:"


def alive(host: Host, wish: Wish, living: Living) -> str | None:
    if not host.enabled:
        return f"it is disabled ({host.disabled_reason})" if host.disabled_reason else "it is disabled"
    return None if takes_servers(host, living) else "it is down"


def wanted(host: Host, wish: Wish, living: Living) -> str | None:
    if wish.hosts is not None and host.name not in wish.hosts:
        return wish.hosts_because
    return "a server to keep away from is on it" if host.name in wish.avoid else None


def zone(host: Host, wish: Wish, living: Living) -> str | None:
    if wish.zone is not None and host.zone != wish.zone:
        return f"it is in the availability zone {host.zone}, not {wish.zone}"
    return None


def group(host: Host, wish: Wish, living: Living) -> str | None:
    return wish.group.objection(host.name) if wish.group is not None else None


def image_properties(host: Host, wish: Wish, living: Living) -> str | None:
    architecture = wish.image.get("hw_architecture") or wish.image.get("architecture")
    if architecture and host.arch and architecture != host.arch:
        return f"it is {host.arch}, the image is for {architecture}"
    kind = wish.image.get("img_hv_type") or wish.image.get("hypervisor_type")
    if kind and kind.lower() != host.hypervisor_type.lower():
        return f"its hypervisor is {host.hypervisor_type}, the image is for {kind}"
    return None


def capabilities(host: Host, wish: Wish, living: Living) -> str | None:
    """`capabilities:hypervisor_type = QEMU`, `capabilities:cpu_info:arch = x86_64`, with the operators Nova knows."""
    for name, requirement in wish.extra_specs.items():
        if name.startswith(_SCOPE):
            value = _capability(host, name.removeprefix(_SCOPE).split(":"))
            if value is None or not matches(str(value), requirement):
                return f"its {name.removeprefix(_SCOPE)} is {value}, wanted is {requirement}"
    return None


def aggregate_extra_specs(host: Host, wish: Wish, living: Living) -> str | None:
    for name, requirement in wish.extra_specs.items():
        if name.startswith(_AGGREGATE):
            key = name.removeprefix(_AGGREGATE)
            values = [value for metadata in host.aggregates for value in metadata.get(key, "").split(",") if key in metadata]
            if not any(matches(value.strip(), requirement) for value in values):
                return f"no aggregate of it has {key} = {requirement}"
    return None


def _capability(host: Host, path: list[str]) -> Any:
    value: Any = getattr(host, path[0], None) if path[0] in Host.__slots__ else None
    for name in path[1:]:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def matches(value: str, requirement: str) -> bool:
    """A value against a requirement in Nova's small language: a plain text, or an operator and its operands."""
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


FILTERS: tuple[Filter, ...] = (alive, wanted, zone, group, image_properties, capabilities, aggregate_extra_specs)


def objection(host: Host, wish: Wish, living: Living) -> str | None:
    """The first reason against the host."""
    for filter in FILTERS:
        reason = filter(host, wish, living)
        if reason is not None:
            return reason
    return None
