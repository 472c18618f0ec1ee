"""The NUMA nodes of a guest: asked for, or needed for dedicated processors, pages of a certain size and persistent memory."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from monostack.services.compute.hardware.asked import Asked, Contradiction, Malformed, cpus_of
from monostack.services.compute.hardware.memory import encryption_of, has_small_pages, is_locked, page_size_of, persistent_memory_of
from monostack.services.compute.hardware.processors import Processors, processors_of

T = TypeVar("T")

MOST_NODES = 128  # that Nova reads CPUs and memory of


@dataclass(frozen=True, slots=True)
class Node:
    """One of the guest's nodes."""

    cpus: frozenset[int]
    memory_mib: int


@dataclass(frozen=True, slots=True)
class Topology:
    """The guest's nodes, and what of them the host has to know."""

    nodes: tuple[Node, ...]
    page_size: str | int | None
    processors: Processors
    besides: str  # what it takes besides nodes, for those who read a refusal; empty: nothing


def topology_of(asked: Asked) -> Topology | None:
    """None: the guest may be wherever there is room. Raises Contradiction in Nova's words."""
    processors = processors_of(asked)
    count, page_size, persistent = _count(asked), page_size_of(asked), persistent_memory_of(asked)
    locked = is_locked(asked)
    encryption_of(asked)
    reasons = {
        "dedicated processors": processors.pinned, f"pages of size {page_size}": not has_small_pages(page_size),
        "memory that stays in memory": locked, "persistent memory": persistent,
    }  # fmt: skip
    besides = " and ".join(name for name, wanted in reasons.items() if wanted)
    return Topology(_nodes(asked, count or 1), page_size, processors, besides) if count or page_size or besides else None


def _count(asked: Asked) -> int | None:
    by_flavor, by_image = asked.both("numa_nodes")
    if by_flavor and by_image:
        raise Contradiction("Image property 'hw_numa_nodes' is not permitted to override NUMA configuration set against the flavor")
    count = by_flavor or by_image
    if count is None:
        return None
    if not str(count).isdecimal() or int(count) < 1:
        raise Contradiction(f"The property 'numa_nodes' cannot be '{count}'. It must be a number greater than 0")
    return int(count)


def _nodes(asked: Asked, count: int) -> tuple[Node, ...]:
    cpus, memory = _numbered(asked, "numa_cpus", cpus_of), _numbered(asked, "numa_mem", _mebibytes)
    if cpus is None and memory is None:
        return _even(asked, count)
    if cpus is None or memory is None or len(cpus) != count or len(memory) != count:
        raise Contradiction("CPU and memory allocation must be provided for all NUMA nodes")
    _check_assigned(asked, cpus, memory)
    return tuple(Node(*both) for both in zip(cpus, memory, strict=True))


def _even(asked: Asked, count: int) -> tuple[Node, ...]:
    each, memory_mib = asked.vcpus // count, asked.flavor["ram"] // count
    if asked.vcpus % count or asked.flavor["ram"] % count:
        raise Contradiction(
            "Instance CPUs and/or memory cannot be evenly distributed across instance NUMA nodes. Explicit assignment of CPUs and memory "
            "to nodes is required"
        )
    return tuple(Node(frozenset(range(node * each, (node + 1) * each)), memory_mib) for node in range(count))


def _check_assigned(asked: Asked, cpus: list[frozenset[int]], memory: list[int]) -> None:
    free = set(range(asked.vcpus))
    for each in cpus:
        for cpu in sorted(each):
            if cpu >= asked.vcpus:
                raise Contradiction(f"CPU number {cpu} is larger than max {asked.vcpus - 1}")
            if cpu not in free:
                raise Contradiction(f"CPU number {cpu} is assigned to two nodes")
            free.remove(cpu)
    if free:
        raise Contradiction(f"CPU number {free} is not assigned to any node")
    if sum(memory) != asked.flavor["ram"]:
        raise Contradiction(f"{sum(memory)} MB of memory assigned, but expected {asked.flavor['ram']} MB")


def _mebibytes(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise Malformed(f"Invalid image metadata. Error: invalid literal for int() with base 10: {text!r}") from None


def _numbered(asked: Asked, key: str, read: Callable[[str], T]) -> list[T] | None:
    """What the flavor, or else the image, says of node 0, 1 and so on, up to the first it says nothing of."""
    by_flavor, by_image = _listed(asked.extra_specs, f"hw:{key}", read), _listed(asked.properties, f"hw_{key}", read)
    if by_flavor and by_image:
        raise Contradiction(f"Image property 'hw_{key}' is not permitted to override NUMA configuration set against the flavor")
    return by_flavor or by_image or None


def _listed(said: Mapping[str, Any], key: str, read: Callable[[str], T]) -> list[T]:
    found: list[T] = []
    while len(found) < MOST_NODES and (text := said.get(f"{key}.{len(found)}")) is not None:
        found.append(read(str(text)))
    return found
