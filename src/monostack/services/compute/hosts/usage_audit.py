"""/os-instance_usage_audit_log: which hosts have summed up their servers' usage of the last month.

Hosts did that in Nova, when told to, for billing from its notifications. Here usage is counted from the rows whenever it is asked for
(os-simple-tenant-usage), so no host sums up anything: all of them are listed as not run.
"""

from datetime import datetime, timedelta
from typing import Any

from monostack.core import clock
from monostack.core.errors import BadRequest
from monostack.db import Transaction
from monostack.http import Request, Routes
from monostack.http.answers import envelope
from monostack.services.compute.hosts import answers
from monostack.services.compute.hosts.table import ALL
from monostack.services.compute.parameters import parse_time

routes = Routes("/v2.1/os-instance_usage_audit_log")


def _last_period(before: datetime) -> tuple[datetime, datetime]:
    """The month that was over before this moment."""
    end = before.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    if end >= before:
        end = (end - timedelta(days=1)).replace(day=1)
    return (end - timedelta(days=1)).replace(day=1), end


def _log(tx: Transaction, before: datetime) -> dict[str, Any]:
    begin, end = _last_period(before)
    hosts = [row.host for row in tx.rows(ALL)]
    return {
        "period_beginning": str(begin), "period_ending": str(end), "num_hosts": len(hosts), "num_hosts_done": 0, "num_hosts_running": 0,
        "num_hosts_not_run": len(hosts), "hosts_not_run": hosts, "total_instances": 0, "total_errors": 0, "log": {},
        "overall_status": f"{f'0 of {len(hosts)}' if hosts else 'ALL'} hosts done. 0 errors.",
    }  # fmt: skip


@routes.get("", policy="os_compute_api:os-instance-usage-audit-log:list", answer=envelope("instance_usage_audit_logs", answers.AUDIT))
def list_audits(request: Request, tx: Transaction) -> Any:
    """Show the audit of the last month."""
    request.authorize("os_compute_api:os-instance-usage-audit-log:list", {})
    return {"instance_usage_audit_logs": _log(tx, clock.now().replace(tzinfo=None))}


@routes.get("/{id}", policy="os_compute_api:os-instance-usage-audit-log:show", answer=envelope("instance_usage_audit_log", answers.AUDIT))
def show_audit(request: Request, tx: Transaction) -> Any:
    """Show the audit of the month before a moment."""
    request.authorize("os_compute_api:os-instance-usage-audit-log:show", {})
    given = request.params["id"]
    try:
        before = parse_time(given) if " " in given else None
    except ValueError:
        before = None
    if before is None:
        raise BadRequest(f"Invalid timestamp for date {given}")
    return {"instance_usage_audit_log": _log(tx, before)}
