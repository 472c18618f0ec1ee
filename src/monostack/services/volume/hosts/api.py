"""What operators see of the hosts that keep volumes and of what is on them; and the availability zone."""

from typing import Any

import sqlalchemy as sa

from monostack.core.errors import NotFound
from monostack.db import Transaction
from monostack.http import Request, Routes
from monostack.http.answers import FLAG, TEXT, Record, envelope, many, maybe
from monostack.services.volume.hosts.services import VOLUME, services
from monostack.services.volume.hosts.table import BACKENDS, find
from monostack.services.volume.snapshots.table import SNAPSHOTS
from monostack.services.volume.volumes.table import VOLUMES
from monostack.services.volume.words import ZONE

routes = Routes("/v3")


_IN_ZONE = Record("AvailabilityZone", {"zoneName": TEXT, "zoneState": envelope("available", FLAG)})
_HOST = Record(
    "Host",
    {
        "host_name": TEXT, "service": TEXT, "zone": TEXT, "service-status": TEXT, "service-state": TEXT, "last-update": maybe(TEXT),
    },
)  # fmt: skip
_COUNTS = ("volume_count", "total_volume_gb", "snapshot_count", "total_snapshot_gb")
_RESOURCE = Record("HostResource", dict.fromkeys(("host", "project", *_COUNTS), TEXT))


@routes.get("/os-availability-zone", answer=envelope("availabilityZoneInfo", many(_IN_ZONE)))
def list_zones(request: Request, tx: Transaction) -> dict[str, Any]:
    """List availability zones: there is one, available while one of its back ends takes volumes."""
    rows = tx.rows(BACKENDS)
    return {"availabilityZoneInfo": [{"zoneName": ZONE, "zoneState": {"available": not rows or any(not row.disabled for row in rows)}}]}


@routes.get("/os-hosts", policy="volume_extension:hosts", enforce=True, answer=envelope("hosts", many(_HOST)))
def list_hosts(request: Request, tx: Transaction) -> dict[str, Any]:
    """List the services that are enabled, by their hosts."""
    if request.query_map.get("zone", ZONE) not in ("", ZONE):
        return {"hosts": []}
    return {
        "hosts": [
            {
                "host_name": one.host, "service": one.binary, "zone": ZONE, "service-status": "available" if one.up else "unavailable",
                "service-state": "enabled", "last-update": one.updated_at,
            }
            for one in services(request, tx)
            if not one.disabled
        ]
    }  # fmt: skip


_v, _s = VOLUMES.table.c, SNAPSHOTS.table.c
_HERE = (_v.host == sa.bindparam("the_host"), _v.pool == sa.bindparam("the_pool"))


def _by_project(c: Any) -> Any:
    return (
        sa.select(c.project_id, sa.func.count(), sa.func.coalesce(sa.func.sum(c.size), 0))
        .where(*_HERE)
        .group_by(c.project_id)
        .order_by(c.project_id)
    )


_VOLUMES, _SNAPSHOTS = _by_project(_v), _by_project(_s).join_from(SNAPSHOTS.table, VOLUMES.table, _v.id == _s.volume_id)


@routes.get("/os-hosts/{id}", policy="volume_extension:hosts", enforce=True, answer=envelope("host", many(envelope("resource", _RESOURCE))))
def show_host(request: Request, tx: Transaction) -> dict[str, Any]:
    """Show how much of a back end each project uses."""
    name = request.params["id"]
    row = find(tx, name)
    if row is None:
        raise NotFound(f"Service {VOLUME} could not be found on host {name}.", kind="ServiceNotFound")
    found = [
        {project: (int(n), int(size)) for project, n, size in tx.rows(s, {"the_host": row.host, "the_pool": row.pool})}
        for s in (_VOLUMES, _SNAPSHOTS)
    ]
    volumes, snapshots = found
    totals = [(sum(n for n, _ in part.values()), sum(size for _, size in part.values())) for part in found]
    resources = [_use(name, "(total)", *totals)]
    resources += [_use(name, project, volumes[project], snapshots.get(project, (0, 0))) for project in volumes]
    return {"host": resources}


def _use(host: str, project: str, volumes: tuple[int, int], snapshots: tuple[int, int]) -> dict[str, Any]:
    counts = {"volume_count": volumes[0], "total_volume_gb": volumes[1], "snapshot_count": snapshots[0], "total_snapshot_gb": snapshots[1]}
    return {"resource": {"host": host, "project": project, **{name: str(value) for name, value in counts.items()}}}
