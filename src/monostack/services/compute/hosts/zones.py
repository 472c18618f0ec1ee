"""/os-availability-zone: zones are aggregates that say so; hosts in none are in the default one."""

from typing import Any

from monostack.db import Transaction
from monostack.http import Request, Routes
from monostack.services.compute.hosts import answers
from monostack.services.compute.hosts.known import known_hosts
from monostack.services.compute.hosts.life import is_up, signs_of_life
from monostack.services.compute.hosts.services import BINARY
from monostack.services.compute.hosts.table import ALL

routes = Routes("/v2.1/os-availability-zone")


@routes.get("", policy="os_compute_api:os-availability-zone:list", answer=answers.ZONES)
def list_zones(request: Request, tx: Transaction) -> Any:
    """List availability zones."""
    request.authorize("os_compute_api:os-availability-zone:list", {})
    living = signs_of_life(tx)
    zones: dict[str, bool] = {}
    for host in known_hosts(tx).by_id.values():
        zones[host.zone] = zones.get(host.zone, False) or (host.enabled and is_up(host, living))
    ordered = sorted(zones.items(), key=lambda item: (not item[1], item[0]))
    return {"availabilityZoneInfo": [_view(name, available, None) for name, available in ordered]}


@routes.get("/detail", policy="os_compute_api:os-availability-zone:detail", answer=answers.ZONE_DETAILS)
def list_zones_detail(request: Request, tx: Transaction) -> Any:
    """List availability zones with their hosts."""
    request.authorize("os_compute_api:os-availability-zone:detail", {})
    living, known = signs_of_life(tx), known_hosts(tx)
    hosts: dict[str, dict[str, Any]] = {}
    available: dict[str, bool] = {}
    for row in tx.rows(ALL):
        host = known.by_name[row.host]
        up = is_up(host, living)
        service = {BINARY: {"available": up, "active": host.enabled, "updated_at": row.seen_at or row.updated_at}}
        hosts.setdefault(host.zone, {})[host.name] = service
        available[host.zone] = available.get(host.zone, False) or (host.enabled and up)
    ordered = sorted(hosts.items(), key=lambda item: (not available[item[0]], item[0]))
    return {"availabilityZoneInfo": [_view(name, available[name], held) for name, held in ordered]}


def _view(name: str, available: bool, hosts: dict[str, Any] | None) -> dict[str, Any]:
    return {"zoneName": name, "zoneState": {"available": available}, "hosts": hosts}
