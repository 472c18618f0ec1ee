"""Availability zones of networks and routers: those of the agents that serve them."""

from collections.abc import Sequence
from typing import Any

from monostack.core.errors import NotFound
from monostack.db import Transaction
from monostack.http import Request, Routes
from monostack.http.answers import TEXT, Record, envelope, many
from monostack.services.network.style import check_filters, only_fields, other_parameters

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
    wanted = other_parameters(request)
    check_filters(wanted, *_ZONE.keys)
    zones = [{"name": zone, "resource": resource, "state": "available"} for resource, names in ZONES.items() for zone in names]
    found = [zone for zone in zones if all(zone[name] in values for name, values in wanted.items())]
    return {"availability_zones": only_fields(request, found)}
