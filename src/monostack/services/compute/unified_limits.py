"""Quotas that are limits of the identity service (`quota.compute.driver = "unified"`), as Nova's UnifiedLimitsDriver takes them.

What hosts give is counted from placement, so a server that is being resized counts on both hosts. Of a resource without a registered limit
there is as much as one likes, except that there are no servers then.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from monostack.core.errors import Forbidden
from monostack.db import Transaction
from monostack.services.identity.facade import over_limits, register_limits, unified_limits
from monostack.services.placement.facade import usages_of_project

if TYPE_CHECKING:
    from monostack.cloud import Cloud

_OF_PROJECTS = {"instances": "servers", "cores": "class:VCPU", "ram": "class:MEMORY_MB"}
# These have one limit for everybody: no project has its own.
_OF_ALL = {
    "metadata_items": "server_metadata_items",
    "injected_files": "server_injected_files",
    "injected_file_content_bytes": "server_injected_file_content_bytes",
    "injected_file_path_bytes": "server_injected_file_path_bytes",
    "key_pairs": "server_key_pairs",
    "server_groups": "server_groups",
    "server_group_members": "server_group_members",
}
_NAMES = {**_OF_PROJECTS, **_OF_ALL}


def are_on(cloud: "Cloud") -> bool:
    return cloud.config.quota.compute.driver == "unified"


def bootstrap(tx: Transaction, cloud: "Cloud") -> None:
    """Register the configured quotas when the cloud comes to use unified limits."""
    if are_on(cloud):
        configured = cloud.config.quota.compute
        limits = {name: getattr(configured, quota) for quota, name in _NAMES.items()}
        limits["class:DISK_GB"] = -1  # registered, so that a project can be given one
        register_limits(tx, "compute", cloud.config.region, limits)


def shown(tx: Transaction, cloud: "Cloud", project_id: str | None) -> dict[str, int]:
    """The limits by the names that quotas have, those of all projects without a project. What has no registered limit is shown as 0."""
    registered, own = _read(tx, cloud, None), _read(tx, cloud, project_id)
    found = {quota: own.get(name, 0) for quota, name in _OF_PROJECTS.items()}
    return found | {quota: registered.get(name, 0) for quota, name in _OF_ALL.items()}


def used(tx: Transaction, project_id: str) -> dict[str, int]:
    """Cores and ram of a project."""
    held = usages_of_project(tx, project_id)
    return {"cores": held.get("VCPU", 0), "ram": held.get("MEMORY_MB", 0)}


def require(tx: Transaction, cloud: "Cloud", quota: str, wanted: int, held: int) -> None:
    """Raises Forbidden when `wanted` more than is held of something that has one limit for everybody is too much."""
    name = _OF_ALL[quota]
    _require(None, _read(tx, cloud, None), {name: wanted}, {name: held})


def affordable(
    tx: Transaction, cloud: "Cloud", project_id: str, servers: int, resources: Mapping[str, int], least: int, most: int
) -> int:
    """How many servers, from `least` to `most`, that claim these resources the project may still make, having so many. Raises Forbidden."""
    limits = _read(tx, cloud, project_id)
    held = {f"class:{name}": amount for name, amount in usages_of_project(tx, project_id).items()} | {"servers": servers}
    each = {f"class:{name}": amount for name, amount in resources.items() if amount} | {"servers": 1}
    count = min([most, *((limits[name] - held.get(name, 0)) // each[name] for name in each if limits.get(name, -1) >= 0)])
    if count < least or "servers" not in limits:
        _require(project_id, limits, {name: amount * least for name, amount in each.items()}, held)
    return max(count, least)


def _read(tx: Transaction, cloud: "Cloud", project_id: str | None) -> dict[str, int]:
    return unified_limits(tx, "compute", cloud.config.region, project_id)


def _require(project_id: str | None, limits: Mapping[str, int], wanted: Mapping[str, int], held: Mapping[str, int]) -> None:
    over = over_limits(project_id, {**dict.fromkeys(wanted, -1), "servers": 0, **limits}, wanted, held)
    if over:
        raise Forbidden(over)
