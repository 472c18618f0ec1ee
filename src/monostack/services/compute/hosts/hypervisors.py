"""/os-hypervisors: the hosts as what they give to guests, and how much of it is taken."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from monostack.core import clock
from monostack.core.errors import BadRequest, NotFound
from monostack.db import Row, Transaction
from monostack.http import Request, Routes
from monostack.http.answers import envelope, many
from monostack.services.compute.hosts import answers
from monostack.services.compute.hosts.table import ALL, alive, compute_hosts
from monostack.services.compute.links import next_page
from monostack.services.compute.paging import limit_and_marker
from monostack.services.compute.parameters import BOOLEAN, FQDN, PAGE, Json, is_true, is_uuid, query
from monostack.services.compute.servers.table import servers
from monostack.services.placement import facade as placement

_h = compute_hosts.c
_LOAD = (
    sa.select(servers.c.host, sa.func.count().label("running"), sa.func.count(servers.c.task_state).label("busy"))
    .where(servers.c.host.is_not(None), servers.c.deleted_at.is_(None))
    .group_by(servers.c.host)
)
_SERVERS = (
    sa.select(servers.c.host, servers.c.id, servers.c.name)
    .where(servers.c.host.in_(sa.bindparam("the_hosts", expanding=True)), servers.c.deleted_at.is_(None))
    .order_by(servers.c.number)
)
_BY_ID = ALL.where(_h.id == sa.bindparam("the_id"))
_BY_NUMBER = ALL.where(_h.number == sa.bindparam("the_number"))
_MATCHING = ALL.where(_h.host.contains(sa.bindparam("pattern"), autoescape=False))
_PAGE = ALL.where(_h.number > sa.bindparam("after")).limit(sa.bindparam("many"))

_DETAILS: Json = {"with_servers": BOOLEAN}
_SEARCH: Json = {**PAGE, "hypervisor_hostname_pattern": FQDN, **_DETAILS}
_LIST = [((0, 0), query({})), ((2, 33), query(PAGE)), ((2, 53), query(_SEARCH, strict=True, once=_SEARCH))]
_SHOW = [((0, 0), query({})), ((2, 53), query(_DETAILS, strict=True, once=_DETAILS))]

routes = Routes("/v2.1/os-hypervisors")


_FIGURES = (
    "vcpus", "memory_mb", "local_gb", "vcpus_used", "memory_mb_used", "local_gb_used", "free_ram_mb", "free_disk_gb", "current_workload",
    "running_vms", "disk_available_least",
)  # fmt: skip


# --- what is taken of a host -----------------------------------------------------------------------------------------------


class Figures:
    """Inventories, allocations and servers of some hosts: three statements."""

    def __init__(self, tx: Transaction, rows: Sequence[Row]) -> None:
        ids = [row.id for row in rows]
        self.stock = placement.inventories_of(tx, ids)
        self.taken = placement.usages(tx, ids if len(ids) < 500 else None)
        self.load: Mapping[str, Row] = {row.host: row for row in tx.rows(_LOAD)}

    def of(self, row: Row) -> dict[str, int]:
        taken, load = self.taken.get(row.id, {}), self.load.get(row.host)
        memory = self.stock.get(row.id, {}).get("MEMORY_MB")
        memory_used = taken.get("MEMORY_MB", 0) + (memory.reserved if memory else 0)
        disk_used = taken.get("DISK_GB", 0)
        return {
            "vcpus": row.vcpus, "memory_mb": row.memory_mb, "local_gb": row.local_gb, "vcpus_used": taken.get("VCPU", 0),
            "memory_mb_used": memory_used, "local_gb_used": disk_used, "free_ram_mb": row.memory_mb - memory_used,
            "free_disk_gb": row.local_gb - disk_used, "current_workload": load.busy if load else 0,
            "running_vms": load.running if load else 0, "disk_available_least": row.local_gb - disk_used,
        }  # fmt: skip


def uptime(row: Row) -> str:
    """As `uptime` prints it. The host has been up at least since its agent first connected after it booted."""
    now = clock.now()
    minutes = int((now - datetime.fromisoformat(row.booted_at)).total_seconds() // 60)
    days, rest = divmod(minutes, 24 * 60)
    shown = f"{days} day{'s' if days != 1 else ''}, " if days else ""
    return f" {now:%H:%M:%S} up {shown}{rest // 60:2d}:{rest % 60:02d}"


# --- views ---------------------------------------------------------------------------------------------------------------


def _basic(request: Request, row: Row) -> dict[str, Any]:
    up = alive(row.seen_at) and not row.forced_down
    return {
        "id": row.id if request.at_least(2, 53) else row.number, "hypervisor_hostname": row.host, "state": "up" if up else "down",
        "status": "disabled" if row.disabled else "enabled",
    }  # fmt: skip


def _detail(request: Request, row: Row, figures: Figures) -> dict[str, Any]:
    shown = _basic(request, row)
    service = {
        "id": row.service_id if request.at_least(2, 53) else row.number, "host": row.host, "disabled_reason": row.disabled_reason
    }  # fmt: skip
    shown.update(hypervisor_type=row.hypervisor_type, hypervisor_version=row.hypervisor_version, host_ip=row.host_ip, service=service)
    if request.at_least(2, 88):
        shown["uptime"] = uptime(row)
        return shown
    shown.update(figures.of(row))
    shown["cpu_info"] = row.cpu_info if request.at_least(2, 28) else msgspec.json.encode(row.cpu_info).decode()
    return shown


def _with_servers(request: Request, tx: Transaction, rows: Sequence[Row], shown: list[dict[str, Any]]) -> None:
    found: dict[str, list[dict[str, str]]] = {}
    for row in tx.rows(_SERVERS, {"the_hosts": [row.host for row in rows]}):
        found.setdefault(row.host, []).append({"name": row.name, "uuid": row.id})
    for view in shown:
        held = found.get(view["hypervisor_hostname"], [])
        if held or request.at_least(2, 75):
            view["servers"] = held


def _list(request: Request, tx: Transaction, collection: str, detail: bool) -> Any:
    request.authorize(f"os_compute_api:os-hypervisors:{'list-detail' if detail else 'list'}", {})
    paged = request.at_least(2, 33)
    limit, marker = limit_and_marker(request) if paged else (2**31 - 1, None)
    pattern = request.query_map.get("hypervisor_hostname_pattern") if request.at_least(2, 53) else None
    if pattern is not None:
        if "limit" in request.query_map or marker is not None:
            raise BadRequest("Paging over hypervisors with the hypervisor_hostname_pattern query parameter is not supported.")
        rows = _matching(tx, pattern)
    else:
        rows = tx.rows(_PAGE, {"after": _after(request, tx, marker), "many": limit})
    if detail:
        figures = Figures(tx, rows)
        shown = [_detail(request, row, figures) for row in rows]
    else:
        shown = [_basic(request, row) for row in rows]
    if request.at_least(2, 53) and is_true(request.query_map.get("with_servers", False)):
        _with_servers(request, tx, rows, shown)
    answer: dict[str, Any] = {"hypervisors": shown}
    more = next_page(request, collection, rows, limit, str(shown[-1]["id"]) if shown else None) if paged and pattern is None else []
    if more:
        answer["hypervisors_links"] = more
    return answer


def _after(request: Request, tx: Transaction, marker: str | None) -> int:
    if marker is None:
        return 0
    row = _find(request, tx, marker)
    if row is None:
        raise BadRequest(f"marker [{marker}] not found")
    return row.number


def _find(request: Request, tx: Transaction, given: str) -> Row | None:
    if request.at_least(2, 53):
        return tx.row(_BY_ID, {"the_id": given})
    return tx.row(_BY_NUMBER, {"the_number": int(given)}) if given.isdigit() and len(given) < 10 else None


def _matching(tx: Transaction, pattern: str) -> Sequence[Row]:
    rows = tx.rows(_MATCHING, {"pattern": pattern.replace("%", r"\%").replace("_", r"\_")})
    if not rows:
        raise NotFound(f"No hypervisor matching '{pattern}' could be found.")
    return rows


def _one(request: Request, tx: Transaction) -> Row:
    given = request.params["id"]
    if request.at_least(2, 53) and is_uuid(given) is None:
        raise BadRequest(f"Invalid uuid {given}")
    row = _find(request, tx, given)
    if row is None:
        raise NotFound(f"Hypervisor with ID '{given}' could not be found.")
    return row


# --- routes ----------------------------------------------------------------------------------------------------------------


@routes.get("", policy="os_compute_api:os-hypervisors:list", query=_LIST, answer=answers.hypervisors(answers.HYPERVISOR_SUMMARY))
def list_hypervisors(request: Request, tx: Transaction) -> Any:
    """List hypervisors."""
    return _list(request, tx, "os-hypervisors", detail=False)


@routes.get("/detail", policy="os_compute_api:os-hypervisors:list-detail", query=_LIST, answer=answers.hypervisors(answers.HYPERVISOR))
def list_hypervisors_detail(request: Request, tx: Transaction) -> Any:
    """List hypervisors with details."""
    return _list(request, tx, "os-hypervisors/detail", detail=True)


@routes.get("/statistics", policy="os_compute_api:os-hypervisors:statistics", until=(2, 87), answer=answers.STATISTICS)
def show_statistics(request: Request, tx: Transaction) -> Any:
    """Sum up what all enabled hypervisors give."""
    request.authorize("os_compute_api:os-hypervisors:statistics", {})
    rows = [row for row in tx.rows(ALL) if not row.disabled]
    figures = Figures(tx, rows)
    each = [figures.of(row) for row in rows]
    return {"hypervisor_statistics": {"count": len(rows), **{name: sum(one[name] for one in each) for name in _FIGURES}}}


@routes.get("/{id}", policy="os_compute_api:os-hypervisors:show", query=_SHOW, answer=envelope("hypervisor", answers.HYPERVISOR))
def show_hypervisor(request: Request, tx: Transaction) -> Any:
    """Show a hypervisor."""
    request.authorize("os_compute_api:os-hypervisors:show", {})
    row = _one(request, tx)
    shown = _detail(request, row, Figures(tx, [row]))
    if request.at_least(2, 53) and is_true(request.query_map.get("with_servers", False)):
        _with_servers(request, tx, [row], [shown])
    return {"hypervisor": shown}


@routes.get("/{id}/uptime", policy="os_compute_api:os-hypervisors:uptime", until=(2, 87), answer=envelope("hypervisor", answers.UPTIME))
def show_uptime(request: Request, tx: Transaction) -> Any:
    """Show how long a hypervisor has been up."""
    request.authorize("os_compute_api:os-hypervisors:uptime", {})
    row = _one(request, tx)
    shown = _basic(request, row)
    if shown["state"] == "down":
        raise BadRequest(f"Compute service of {row.host} is unavailable at this time.")
    return {"hypervisor": {**shown, "uptime": uptime(row)}}


@routes.get(
    "/{id}/search",
    policy="os_compute_api:os-hypervisors:search",
    until=(2, 52),
    answer=envelope("hypervisors", many(answers.HYPERVISOR_SUMMARY)),
)
def search_hypervisors(request: Request, tx: Transaction) -> Any:
    """List the hypervisors whose name contains the text."""
    request.authorize("os_compute_api:os-hypervisors:search", {})
    return {"hypervisors": [_basic(request, row) for row in _matching(tx, request.params["id"])]}


@routes.get(
    "/{id}/servers",
    policy="os_compute_api:os-hypervisors:servers",
    until=(2, 52),
    answer=envelope("hypervisors", many(answers.HYPERVISOR_SUMMARY)),
)
def list_hypervisor_servers(request: Request, tx: Transaction) -> Any:
    """List the servers on the hypervisors whose name contains the text."""
    request.authorize("os_compute_api:os-hypervisors:servers", {})
    rows = _matching(tx, request.params["id"])
    shown = [_basic(request, row) for row in rows]
    _with_servers(request, tx, rows, shown)
    return {"hypervisors": shown}
