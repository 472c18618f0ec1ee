"""Which hosts a server may run on. A filter gives the reason against a host, or None. Names and settings are Nova's."""

from collections.abc import Callable, Mapping, Sequence

from monostack.core.config.options import Scheduler
from monostack.services.compute.hardware import fit
from monostack.services.compute.hosts.known import Host
from monostack.services.compute.hosts.life import takes_servers
from monostack.services.compute.scheduler.attributes import attribute, matches
from monostack.services.compute.scheduler.filters_by_aggregate import (
    image_isolation,
    instance_types,
    io_ops_by_aggregate,
    multitenancy,
    servers_by_aggregate,
)
from monostack.services.compute.scheduler.filters_by_hint import apart, beside, near_address, query
from monostack.services.compute.scheduler.landscape import Landscape
from monostack.services.compute.scheduler.wish import Wish

Filter = Callable[[Host, Wish, Landscape], str | None]

_SCOPE = "capabilities:"
_AGGREGATE = "aggregate_instance_extra_specs:"
_CPU_ARCHITECTURES = {"amd64": "x86_64", "x64": "x86_64", "i386": "i686", "arm64": "aarch64"}
_HYPERVISORS = {"kvm": "qemu"}  # libvirt hosts are QEMU hosts, whichever runs the processors


def alive(host: Host, wish: Wish, land: Landscape) -> str | None:
    if not host.enabled:
        return f"it is disabled ({host.disabled_reason})" if host.disabled_reason else "it is disabled"
    return None if takes_servers(host, land.living) else "it is down"


def wanted(host: Host, wish: Wish, land: Landscape) -> str | None:
    if wish.hosts is not None and host.name not in wish.hosts:
        return wish.hosts_because
    return "a server to keep away from is on it" if host.name in wish.avoid else None


def zone(host: Host, wish: Wish, land: Landscape) -> str | None:
    if wish.zone is not None and host.zone != wish.zone:
        return f"it is in the availability zone {host.zone}, not {wish.zone}"
    return None


def numa_nodes(host: Host, wish: Wish, land: Landscape) -> str | None:
    if wish.topology is None:
        return None
    if wish.topology.besides:
        return f"it does not give guests {wish.topology.besides}"
    nodes = wish.topology.nodes
    return None if fit(nodes, host.numa_cells) is not None else f"its NUMA nodes have no room for the {len(nodes)} of the guest"


def affinity(host: Host, wish: Wish, land: Landscape) -> str | None:
    return wish.group.affinity_objection(host.name) if wish.group is not None else None


def anti_affinity(host: Host, wish: Wish, land: Landscape) -> str | None:
    return wish.group.anti_affinity_objection(host.name) if wish.group is not None else None


def image_properties(host: Host, wish: Wish, land: Landscape) -> str | None:
    asked = wish.image.get("hw_architecture") or wish.image.get("architecture") or land.settings.image_properties_default_architecture
    architecture = _CPU_ARCHITECTURES.get(str(asked).lower(), str(asked).lower()) if asked else None
    if architecture and host.arch and architecture != host.arch:
        return f"it is {host.arch}, the image is for {architecture}"
    kind = str(wish.image.get("img_hv_type") or wish.image.get("hypervisor_type") or "").lower()
    if kind and _HYPERVISORS.get(kind, kind) != host.hypervisor_type.lower():
        return f"its hypervisor is {host.hypervisor_type}, the image is for {kind}"
    mode = wish.image.get("hw_vm_mode") or wish.image.get("vm_mode")
    if mode and str(mode).lower() not in ("hvm", "hv"):
        return f"its guests are hvm, the image is for {mode}"
    return None


def capabilities(host: Host, wish: Wish, land: Landscape) -> str | None:
    """`capabilities:hypervisor_type = QEMU`, `capabilities:cpu_info:arch = x86_64`, with the operators Nova knows."""
    for name, requirement in wish.extra_specs.items():
        if name.startswith(_SCOPE):
            value = attribute(host, name.removeprefix(_SCOPE).split(":"), land)
            if value is None or not matches(str(value), requirement):
                return f"its {name.removeprefix(_SCOPE)} is {value}, wanted is {requirement}"
    return None


def aggregate_extra_specs(host: Host, wish: Wish, land: Landscape) -> str | None:
    for name, requirement in wish.extra_specs.items():
        if name.startswith(_AGGREGATE):
            key = name.removeprefix(_AGGREGATE)
            values = [value for metadata in host.aggregates for value in metadata.get(key, "").split(",") if key in metadata]
            if not any(matches(value.strip(), requirement) for value in values):
                return f"no aggregate of it has {key} = {requirement}"
    return None


def isolated_hosts(host: Host, wish: Wish, land: Landscape) -> str | None:
    settings = land.settings
    host_apart, image_apart = host.name in settings.isolated_hosts, wish.image_id in settings.isolated_images
    if image_apart and not host_apart:
        return "it is not one of the hosts that the image is kept to"
    if host_apart and not image_apart and settings.restrict_isolated_hosts_to_isolated_images:
        return "it is kept for other images"
    return None


def io_ops(host: Host, wish: Wish, land: Landscape) -> str | None:
    busy, most = land.io_ops_on(host), land.settings.max_io_ops_per_host
    return f"{busy} I/O operations are under way on it, {most} are allowed" if busy >= most else None


def number_of_servers(host: Host, wish: Wish, land: Landscape) -> str | None:
    present, most = land.servers_on(host), land.settings.max_instances_per_host
    return f"it has {present} servers, {most} are allowed" if present >= most else None


def always(host: Host, wish: Wish, land: Landscape) -> str | None:
    return None


ALWAYS: tuple[Filter, ...] = (wanted, zone, numa_nodes)  # what a request says of hosts, and what no host can, holds whatever is enabled
FILTERS: Mapping[str, Filter] = {
    "AggregateImagePropertiesIsolation": image_isolation,
    "AggregateInstanceExtraSpecsFilter": aggregate_extra_specs,
    "AggregateIoOpsFilter": io_ops_by_aggregate,
    "AggregateMultiTenancyIsolation": multitenancy,
    "AggregateNumInstancesFilter": servers_by_aggregate,
    "AggregateTypeAffinityFilter": instance_types,
    "AllHostsFilter": always,
    "ComputeCapabilitiesFilter": capabilities,
    "ComputeFilter": alive,
    "DifferentHostFilter": apart,
    "ImagePropertiesFilter": image_properties,
    "IoOpsFilter": io_ops,
    "IsolatedHostsFilter": isolated_hosts,
    "JsonFilter": query,
    "NumInstancesFilter": number_of_servers,
    "SameHostFilter": beside,
    "ServerGroupAffinityFilter": affinity,
    "ServerGroupAntiAffinityFilter": anti_affinity,
    "SimpleCIDRAffinityFilter": near_address,
}
OF_IMAGES = ("AggregateImagePropertiesIsolation", "ImagePropertiesFilter", "IsolatedHostsFilter")


def enabled(settings: Scheduler) -> tuple[Filter, ...]:
    """The filters in force, in the order they are asked."""
    return (*ALWAYS, *(FILTERS[name] for name in settings.enabled_filters))


def enabled_of_images(settings: Scheduler) -> tuple[Filter, ...]:
    """Those in force that a server has to pass again when it gets another image where it is."""
    return tuple(FILTERS[name] for name in settings.enabled_filters if name in OF_IMAGES)


def objection(filters: Sequence[Filter], host: Host, wish: Wish, land: Landscape) -> str | None:
    """The first reason against the host."""
    for filter in filters:
        reason = filter(host, wish, land)
        if reason is not None:
            return reason
    return None
