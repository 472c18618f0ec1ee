"""/os-hosts, until 2.43: hosts as Nova knew them before services and hypervisors."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from monostack.core.errors import BadRequest, NotBuilt, NotFound
from monostack.db import Row, Transaction
from monostack.http import Request, Routes
from monostack.http.answers import REFUSED
from monostack.services.compute.hosts import answers
from monostack.services.compute.hosts.controllers import controller_services
from monostack.services.compute.hosts.hypervisors import Figures
from monostack.services.compute.hosts.known import known_hosts
from monostack.services.compute.hosts.services import change_service
from monostack.services.compute.hosts.table import ALL, DEFAULT_ZONE, INTERNAL_ZONE, alive, compute_hosts
from monostack.services.compute.parameters import TEXT, Json, fields, query
from monostack.services.compute.servers.table import LIVE, servers

LAST = (2, 42)

_s = servers.c
_BY_NAME = ALL.where(compute_hosts.c.host == sa.bindparam("the_host"))
_TAKEN = sa.select(_s.project_id, _s.vcpus, _s.memory_mb, _s.flavor).where(_s.host == sa.bindparam("the_host"), LIVE).order_by(_s.number)
_SWITCH: Json = {"type": "string", "enum": ["enable", "disable", "Enable", "Disable", "ENABLE", "DISABLE"]}
_UPDATE: Json = {
    **fields({"status": _SWITCH, "maintenance_mode": _SWITCH}), "anyOf": [{"required": ["status"]}, {"required": ["maintenance_mode"]}]
}  # fmt: skip

routes = Routes("/v2.1/os-hosts")


def _find(request: Request, tx: Transaction, action: str) -> Row:
    request.authorize(f"os_compute_api:os-hosts:{action}", {})
    row = tx.row(_BY_NAME, {"the_host": request.params["id"]})
    if row is None:
        raise NotFound(f"Host '{request.params['id']}' is not mapped to any cell")
    return row


def _living(request: Request, tx: Transaction, action: str) -> Row:
    row = _find(request, tx, action)
    if row.forced_down or not alive(row.seen_at):
        raise BadRequest(f"Compute service of {row.host} is unavailable at this time.")
    return row


@routes.get("", policy="os_compute_api:os-hosts:list", until=LAST, query=query({"zone": TEXT}), answer=answers.HOSTS)
def list_hosts(request: Request, tx: Transaction) -> Any:
    """List the controllers, and the hosts that take servers."""
    request.authorize("os_compute_api:os-hosts:list", {})
    zone, known = request.query_map.get("zone"), known_hosts(tx)
    rows = [(one.host, one.topic, INTERNAL_ZONE) for one in controller_services(tx)]
    rows += [(row.host, "compute", known.zone_of(row.host) or DEFAULT_ZONE) for row in tx.rows(ALL) if not row.disabled]
    return {"hosts": [{"host_name": host, "service": topic, "zone": its} for host, topic, its in rows if not zone or its == zone]}


def _resource(host: str, project: str, cpu: int, memory_mb: int, disk_gb: int) -> dict[str, Any]:
    return {"resource": {"host": host, "project": project, "cpu": cpu, "memory_mb": memory_mb, "disk_gb": disk_gb}}


@routes.get("/{id}", policy="os_compute_api:os-hosts:show", until=LAST, answer=answers.HOST)
def show_host(request: Request, tx: Transaction) -> Any:
    """Show what a host has, and who has how much of it."""
    row = _find(request, tx, "show")
    has = Figures(tx, [row]).of(row)
    projects: dict[str, list[int]] = {}
    for server in tx.rows(_TAKEN, {"the_host": row.host}):
        sums = projects.setdefault(server.project_id, [0, 0, 0])
        for index, amount in enumerate((server.vcpus, server.memory_mb, server.flavor["disk"] + server.flavor["ephemeral"])):
            sums[index] += amount
    shown = [
        _resource(row.host, "(total)", row.vcpus, row.memory_mb, row.local_gb),
        _resource(row.host, "(used_now)", has["vcpus_used"], has["memory_mb_used"], has["local_gb_used"]),
        _resource(row.host, "(used_max)", *(sum(sums[index] for sums in projects.values()) for index in range(3))),
        *(_resource(row.host, project_id, *sums) for project_id, sums in projects.items()),
    ]
    return {"host": shown}


@routes.put("/{id}", policy="os_compute_api:os-hosts:update", until=LAST, body=_UPDATE, answer=answers.UPDATED_HOST)
def update_host(request: Request, tx: Transaction) -> Any:
    """Let a host take servers, or not. There is no maintenance mode: servers leave a host by migration."""
    row = _living(request, tx, "update")
    given: Mapping[str, str] = request.body
    if "maintenance_mode" in given:
        raise NotBuilt("The requested functionality is not supported.")
    enabled = given["status"].lower() == "enable"
    change_service(request, tx, row, disabled=not enabled, reason=None)
    return {"host": row.host, "status": "enabled" if enabled else "disabled"}


def _power(action: str, rule: str) -> None:
    def refuse(request: Request, tx: Transaction) -> Any:
        """Agents switch no machines on or off, as libvirt hosts do not in Nova."""
        _living(request, tx, rule)
        raise NotBuilt("The requested functionality is not supported.")

    routes.add("GET", f"/{{id}}/{action}", refuse, "read", policy=f"os_compute_api:os-hosts:{rule}", until=LAST, answer=REFUSED)


_power("startup", "start")
_power("shutdown", "shutdown")
_power("reboot", "reboot")
