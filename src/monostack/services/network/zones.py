"""Availability zones of networks and routers: those of the agents that serve them."""

from collections.abc import Sequence
from typing import Any

from monostack.core.errors import NotFound
from monostack.db import Transaction
from monostack.http import Request, Routes
from monostack.http.answers import TEXT, Record, envelope, many

DEFAULT = "nova"  # every agent is in Neutron's default zone
ZONES = {"network": (DEFAULT,), "router": (DEFAULT,)}


def check_hints(tx: Transaction, resource: str, hints: Sequence[str]) -> None:
    """Raises AvailabilityZoneNotFound unless every zone exists for this kind of resource."""
    for zone in hints:
        if zone not in ZONES[resource]:
            raise NotFound(f"AvailabilityZone {zone} could not be found.", kind="AvailabilityZoneNotFound")


routes = Routes("/v2.0/availability_zones")


_ZONE = Record("AvailabilityZone", {"name": TEXT, "resource": TEXT, "state": TEXT})


@routes.get("", policy="get_availability_zone", answer=envelope("availability_zones", many(_ZONE)))
def list_zones(request: Request, tx: Transaction) -> Any:
    """List the zones."""
    if not request.allows("get_availability_zone"):
        return {"availability_zones": []}
    wanted = {name: request.query_all(name) for name in ("name", "resource", "state") if request.query_all(name)}
    zones = [{"name": zone, "resource": resource, "state": "available"} for resource, names in ZONES.items() for zone in names]
    return {"availability_zones": [zone for zone in zones if all(zone[name] in values for name, values in wanted.items())]}
