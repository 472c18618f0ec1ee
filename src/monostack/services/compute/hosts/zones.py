"""/os-availability-zone: zones are aggregates that say so; hosts in none are in the default one, controllers in the internal one.

A zone is available while a service in it is enabled, whether or not that lives.
"""

from typing import Any

from monostack.db import Transaction
from monostack.http import Request, Routes
from monostack.services.compute.hosts import answers
from monostack.services.compute.hosts.controllers import controller_services
from monostack.services.compute.hosts.known import known_hosts
from monostack.services.compute.hosts.life import is_up, signs_of_life
from monostack.services.compute.hosts.services import BINARY
from monostack.services.compute.hosts.table import ALL, INTERNAL_ZONE, alive

routes = Routes("/v2.1/os-availability-zone")


def _zones(tx: Transaction) -> tuple[list[str], list[str]]:
    """Those that are available, and those that are not. Not the internal one: nothing may ask to be there."""
    hosts = known_hosts(tx).by_id.values()
    available = {host.zone for host in hosts if host.enabled}
    return sorted(available), sorted({host.zone for host in hosts} - available)


def _view(name: str, available: bool, hosts: dict[str, Any] | None) -> dict[str, Any]:
    return {"zoneName": name, "zoneState": {"available": available}, "hosts": hosts}


@routes.get("", policy="os_compute_api:os-availability-zone:list", answer=answers.ZONES)
def list_zones(request: Request, tx: Transaction) -> Any:
    """List availability zones."""
    request.authorize("os_compute_api:os-availability-zone:list", {})
    available, unavailable = _zones(tx)
    return {"availabilityZoneInfo": [*(_view(name, True, None) for name in available), *(_view(name, False, None) for name in unavailable)]}


@routes.get("/detail", policy="os_compute_api:os-availability-zone:detail", answer=answers.ZONE_DETAILS)
def list_zones_detail(request: Request, tx: Transaction) -> Any:
    """List availability zones with the enabled services of each."""
    request.authorize("os_compute_api:os-availability-zone:detail", {})
    living, known = signs_of_life(tx), known_hosts(tx)
    zones: dict[str, dict[str, dict[str, Any]]] = {}
    for one in controller_services(tx):
        state = {"available": alive(one.seen_at), "active": True, "updated_at": one.seen_at}
        zones.setdefault(INTERNAL_ZONE, {}).setdefault(one.host, {})[one.binary] = state
    for row in tx.rows(ALL):
        host = known.by_name[row.host]
        if host.enabled:
            state = {"available": is_up(host, living), "active": True, "updated_at": row.seen_at or row.updated_at}
            zones.setdefault(host.zone, {})[host.name] = {BINARY: state}
    unavailable = _zones(tx)[1]
    return {
        "availabilityZoneInfo": [
            *(_view(name, True, hosts) for name, hosts in sorted(zones.items())), *(_view(name, False, None) for name in unavailable),
        ]
    }  # fmt: skip
