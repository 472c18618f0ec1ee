"""What operators see of the hosts that keep volumes: services, hosts, pools, capabilities; and the availability zone."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from monostack.core import clock
from monostack.core.errors import NotFound
from monostack.db import Transaction
from monostack.events import record
from monostack.http import Request, Routes
from monostack.services.volume.hosts.table import ALL, find, service, set_host
from monostack.services.volume.parameters import HOST, TEXT_OR_NULL
from monostack.services.volume.snapshots.table import SNAPSHOTS
from monostack.services.volume.volumes.creation import ZONE
from monostack.services.volume.volumes.table import VOLUMES
from monostack.services.volume.words import invalid_input

BINARY = "cinder-volume"
routes = Routes("/v3")
_NAME = {"type": "string", "minLength": 1, "maxLength": 255}
SWITCH = {
    "type": "object",
    "properties": {"binary": _NAME, "host": HOST, "cluster": TEXT_OR_NULL, "service": _NAME},
    "anyOf": [{"required": ["binary"]}, {"required": ["service"]}],
    "additionalProperties": False,
}
DISABLE = {**SWITCH, "properties": {**SWITCH["properties"], "disabled_reason": _NAME}}


def seen(request: Request, row: Row[Any]) -> tuple[bool, Any]:
    """Is the host's agent connected, and when was it last?"""
    up = request.cloud.hosts.hello(row.host) is not None
    return up, clock.now().isoformat(timespec="microseconds") if up else row.left_at or row.created_at


@routes.get("/os-services", policy="volume_extension:services:index", enforce=True)
def list_services(request: Request, tx: Transaction) -> dict[str, Any]:
    """List the services that keep volumes: one a host."""
    services = []
    for row in tx.rows(ALL):
        up, last = seen(request, row)
        item: dict[str, Any] = {"binary": BINARY, "host": service(row.host), "zone": ZONE, "state": "up" if up else "down"}
        item |= {"status": "disabled" if row.disabled else "enabled", "disabled_reason": row.disabled_reason}
        item |= {"updated_at": max(last, row.updated_at or "")}
        item |= {"replication_status": "disabled", "active_backend_id": None, "frozen": row.frozen}
        if request.at_least(3, 7):
            item["cluster"] = None
        if request.at_least(3, 49):
            item["backend_state"] = "up" if up else "down"
        services.append(item)
    wanted = {name: request.query_map[name] for name in ("host", "binary") if name in request.query_map}
    return {"services": [item for item in services if _is_wanted(item, wanted)]}


def _is_wanted(item: dict[str, Any], wanted: dict[str, str]) -> bool:
    host = wanted.get("host", item["host"])
    return host in (item["host"], item["host"].partition("@")[0]) and wanted.get("binary", BINARY) == BINARY


def _switch(request: Request, tx: Transaction, disabled: bool, reason: str | None) -> dict[str, Any]:
    body = request.body
    if not body.get("host"):
        raise invalid_input("Host field is missing.")
    binary = body.get("binary") or body.get("service", "")
    row = find(tx, body["host"]) if binary == BINARY else None
    if row is None:
        raise NotFound(f"Service {binary} could not be found on host {body['host']}.", kind="ServiceNotFound")
    set_host(tx, row.host, disabled=disabled, disabled_reason=reason, updated_at=clock.now())
    record(tx, request, "volume_service.disable" if disabled else "volume_service.enable", row.uuid, None, {"host": row.host})
    answer = {"host": body["host"], "service": body.get("service", ""), "binary": body.get("binary", "")}
    return {**answer, "status": "disabled" if disabled else "enabled", "disabled": disabled}


@routes.put("/os-services/enable", policy="volume_extension:services:update", body=SWITCH, enforce=True)
def enable(request: Request, tx: Transaction) -> dict[str, Any]:
    """Let a host take new volumes."""
    return _switch(request, tx, False, None)


@routes.put("/os-services/disable", policy="volume_extension:services:update", body=SWITCH, enforce=True)
def disable(request: Request, tx: Transaction) -> dict[str, Any]:
    """Give a host no new volumes. Those it has stay as they are."""
    return _switch(request, tx, True, None)


@routes.put("/os-services/disable-log-reason", policy="volume_extension:services:update", body=DISABLE, enforce=True)
def disable_with_reason(request: Request, tx: Transaction) -> dict[str, Any]:
    """Give a host no new volumes, and say why."""
    reason = request.body.get("disabled_reason")
    return {**_switch(request, tx, True, reason), "disabled_reason": reason}


@routes.get("/os-availability-zone")
def list_zones(request: Request, tx: Transaction) -> dict[str, Any]:
    """List availability zones: there is one, available while one of its hosts takes volumes."""
    rows = tx.rows(ALL)
    return {"availabilityZoneInfo": [{"zoneName": ZONE, "zoneState": {"available": not rows or any(not row.disabled for row in rows)}}]}


@routes.get("/os-hosts", policy="volume_extension:hosts", enforce=True)
def list_hosts(request: Request, tx: Transaction) -> dict[str, Any]:
    """List the hosts that take volumes."""
    hosts = []
    for row in tx.rows(ALL):
        up, last = seen(request, row)
        if not row.disabled and request.query_map.get("zone", ZONE) in ("", ZONE):
            item = {"host_name": service(row.host), "service": BINARY, "zone": ZONE, "service-status": "available" if up else "unavailable"}
            hosts.append({**item, "service-state": "enabled", "last-update": last})
    return {"hosts": hosts}


def _by_project(table: sa.Table) -> Any:
    c = table.c
    return (
        sa.select(c.project_id, sa.func.count(), sa.func.coalesce(sa.func.sum(c.size), 0))
        .where(c.host == sa.bindparam("the_host"))
        .group_by(c.project_id)
        .order_by(c.project_id)
    )


_VOLUMES, _SNAPSHOTS = _by_project(VOLUMES.table), _by_project(SNAPSHOTS.table)


@routes.get("/os-hosts/{id}", policy="volume_extension:hosts", enforce=True)
def show_host(request: Request, tx: Transaction) -> dict[str, Any]:
    """Show how much of a host each project uses."""
    name = request.params["id"]
    row = find(tx, name)
    if row is None:
        raise NotFound(f"Service {BINARY} could not be found on host {name}.", kind="ServiceNotFound")
    found = [{project: (int(n), int(size)) for project, n, size in tx.rows(s, {"the_host": row.host})} for s in (_VOLUMES, _SNAPSHOTS)]
    volumes, snapshots = found
    totals = [(sum(n for n, _ in part.values()), sum(size for _, size in part.values())) for part in found]
    resources = [_use(name, "(total)", *totals)]
    resources += [_use(name, project, volumes[project], snapshots.get(project, (0, 0))) for project in volumes]
    return {"host": resources}


def _use(host: str, project: str, volumes: tuple[int, int], snapshots: tuple[int, int]) -> dict[str, Any]:
    counts = {"volume_count": volumes[0], "total_volume_gb": volumes[1], "snapshot_count": snapshots[0], "total_snapshot_gb": snapshots[1]}
    return {"resource": {"host": host, "project": project, **{name: str(value) for name, value in counts.items()}}}
