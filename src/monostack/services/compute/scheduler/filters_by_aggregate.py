"""Filters that read the metadata of a host's aggregates."""

from monostack.services.compute.hosts.known import Host
from monostack.services.compute.image_properties import NAMES
from monostack.services.compute.scheduler.landscape import Landscape, least_of_aggregates, of_aggregates
from monostack.services.compute.scheduler.wish import Wish

TENANTS = "filter_tenant_id"


def _items(text: str) -> set[str]:
    return {item.strip() for item in text.split(",")}


def image_isolation(host: Host, wish: Wish, land: Landscape) -> str | None:
    """An aggregate that names a property of images takes none with another value of it."""
    settings = land.settings
    namespace = settings.aggregate_image_properties_isolation_namespace
    prefix = namespace + settings.aggregate_image_properties_isolation_separator if namespace else ""
    for key in {key for metadata in host.aggregates for key in metadata if key.startswith(prefix) and key in NAMES}:
        value = wish.image.get(key)
        allowed = {item for text in of_aggregates(host, key) for item in _items(text)}
        if value and str(value) not in allowed:
            return f"its aggregates take images with {key} of {', '.join(sorted(allowed))}, not {value}"
    return None


def multitenancy(host: Host, wish: Wish, land: Landscape) -> str | None:
    """An aggregate whose metadata filter_tenant_id (or with anything behind it) names projects is for these alone."""
    tenants = {item for metadata in host.aggregates for key, text in metadata.items() if key.startswith(TENANTS) for item in _items(text)}
    return "its aggregate is for other projects" if tenants and wish.project_id not in tenants else None


def instance_types(host: Host, wish: Wish, land: Landscape) -> str | None:
    """An aggregate whose metadata instance_type names flavors is for these alone."""
    flavors = {item for text in of_aggregates(host, "instance_type") for item in _items(text)}
    if flavors and wish.flavor_name not in flavors:
        return f"its aggregate is for the flavors {', '.join(sorted(flavors))}"
    return None


def io_ops_by_aggregate(host: Host, wish: Wish, land: Landscape) -> str | None:
    busy, most = land.io_ops_on(host), int(least_of_aggregates(host, "max_io_ops_per_host", land.settings.max_io_ops_per_host))
    return f"{busy} I/O operations are under way on it, {most} are allowed" if busy >= most else None


def servers_by_aggregate(host: Host, wish: Wish, land: Landscape) -> str | None:
    present, most = land.servers_on(host), int(least_of_aggregates(host, "max_instances_per_host", land.settings.max_instances_per_host))
    return f"it has {present} servers, {most} are allowed" if present >= most else None
