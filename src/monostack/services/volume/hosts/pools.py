"""Where volumes can go: the pools, with their capacity, and what the back end can do."""

from collections.abc import Callable
from typing import Any

from monostack.core import clock
from monostack.core.errors import BadRequest, NotFound
from monostack.db import Row, Transaction
from monostack.http import Request, Routes
from monostack.http.answers import ANYTHING, OBJECT, TEXT, TEXTS, Record, envelope, many, mapping, optional
from monostack.services.volume.hosts.capabilities import CAPABILITIES, OVERSUBSCRIPTION, capabilities, capable
from monostack.services.volume.hosts.choice import allocated
from monostack.services.volume.hosts.services import seen
from monostack.services.volume.hosts.table import BACKENDS, find, pool_in
from monostack.services.volume.parameters import query_flag
from monostack.services.volume.types import table as types
from monostack.services.volume.volumes.table import place_name, service_name

routes = Routes("/v3")


def _capabilities(row: Row, given: int) -> dict[str, Any]:
    """Of one pool: sizes in GiB, `infinite` and `unknown` before they were looked at."""
    known = row.capacity_gib is not None
    return {
        **capabilities(row),
        "total_capacity_gb": row.capacity_gib if known else "unknown",
        "free_capacity_gb": row.free_gib if known else "unknown",
        "provisioned_capacity_gb": given,
        "allocated_capacity_gb": given,
        "max_over_subscription_ratio": f"{OVERSUBSCRIPTION:g}",
        "reserved_percentage": 0,
        "backend_state": "up",
        "location_info": f"{row.host}:{row.pool}",
        "timestamp": clock.now().isoformat(timespec="microseconds"),
    }


_PROPERTY = Record("CapabilityProperty", {"title": TEXT, "description": TEXT, "type": TEXT, "default": ANYTHING})
_TEXTS = ("namespace", "vendor_name", "volume_backend_name", "pool_name", "driver_version", "storage_protocol", "display_name",
          "description", "visibility")  # fmt: skip
_CAPABLE = Record("Capabilities", {**dict.fromkeys(_TEXTS, TEXT), "replication_targets": TEXTS, "properties": mapping(_PROPERTY)})


@routes.get(
    "/scheduler-stats/get_pools",
    policy="scheduler_extension:scheduler_stats:get_pools",
    enforce=True,
    answer=envelope("pools", many(Record("Pool", {"name": TEXT, "capabilities": optional(OBJECT)}))),
)
def list_pools(request: Request, tx: Transaction) -> dict[str, Any]:
    """List the pools of the connected hosts that take volumes; with `detail` what they have and can."""
    detail = query_flag(request.query_map, "detail")
    fits = _wanted(request, tx)
    rows = [row for row in tx.rows(BACKENDS) if not (row.disabled or row.frozen) and seen(request, row)[0] and fits(row)]
    if not detail:
        return {"pools": [{"name": place_name(row)} for row in rows]}
    given = allocated(tx, {row.host for row in rows})
    return {"pools": [{"name": place_name(row), "capabilities": _capabilities(row, given.get((row.host, row.pool), 0))} for row in rows]}


def _wanted(request: Request, tx: Transaction) -> Callable[[Row], bool]:
    """Is a pool what is asked for: by its name (3.28), of a volume type (3.35), or by what pools can? Raises BadRequest, NotFound."""
    strict = request.at_least(3, 31)
    overlooked = ("detail", "all_tenants") if strict else ("detail",)
    given = {name: value for name, value in request.query_map.items() if name not in overlooked}
    if not request.at_least(3, 28):
        return lambda row: True
    others = [name for name in given if name not in ("name", "volume_type")]
    if strict and others:
        raise BadRequest(f"Invalid filters {','.join(others)} are found in query options.")
    by_type = "volume_type" in given and request.at_least(3, 35)
    specs = types.find(tx, request, given["volume_type"]).extra_specs if by_type else {}

    def fits(row: Row) -> bool:
        known = capabilities(row)
        named = given.get("name") in (None, place_name(row))
        return named and all(str(known.get(name)) == given[name] for name in others) and capable(specs, row)

    return fits


@routes.get("/capabilities/{id}", policy="volume_extension:capabilities", enforce=True, answer=_CAPABLE)
def show_capabilities(request: Request, tx: Transaction) -> dict[str, Any]:
    """Show what a back end can do, and which extra specs of volume types it minds."""
    name = request.params["id"]
    row = find(tx, name)
    if row is None or pool_in(name) not in (None, row.pool):
        raise NotFound(f"Can't find service: {name}")
    flags = {
        "thin_provisioning": ("Thin Provisioning", "Volumes grow as they are written to.", "thin_provisioning_support"),
        "qos": ("QoS", "Limits in the back end.", "QoS_support"),
        "replication_enabled": ("Replication", "Copies on another back end.", "replication_enabled"),
    }
    properties = {
        name: {"title": title, "description": text, "type": "boolean", "default": CAPABILITIES[key]}
        for name, (title, text, key) in flags.items()
    }
    return {
        "namespace": f"OS::Storage::Capabilities::{service_name(row)}",
        "vendor_name": CAPABILITIES["vendor_name"],
        "volume_backend_name": row.backend_name,
        "pool_name": row.pool,
        "driver_version": CAPABILITIES["driver_version"],
        "storage_protocol": CAPABILITIES["storage_protocol"],
        "display_name": "Files",
        "description": "Volumes as qcow2 files of a host",
        "visibility": "public",
        "replication_targets": [],
        "properties": properties,
    }
