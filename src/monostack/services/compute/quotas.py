"""Quotas: what a project may use, and what it uses, counted from the rows. No other count is kept."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from monostack.core.errors import Forbidden
from monostack.db import Id, Name, Transaction, table
from monostack.http import Request
from monostack.services.compute.servers.states import SOFT_DELETED
from monostack.services.compute.servers.table import servers

quotas = table(
    "compute_quotas",
    sa.Column("scope", Name(8), primary_key=True),  # project, user (of a project), class
    sa.Column("project_id", Id(), primary_key=True),  # of a class: its name
    sa.Column("user_id", Id(), primary_key=True),  # "" unless of a user
    sa.Column("resource", Name(64), primary_key=True),
    sa.Column("limit", sa.Integer, nullable=False),
)

# Nova keeps names for these, and since the network service counts them, no limits.
ELSEWHERE = ("fixed_ips", "floating_ips", "security_group_rules", "security_groups")
RESOURCES = (
    "cores", "fixed_ips", "floating_ips", "injected_file_content_bytes", "injected_file_path_bytes", "injected_files", "instances",
    "key_pairs", "metadata_items", "ram", "security_group_rules", "security_groups", "server_group_members", "server_groups",
)  # fmt: skip

_q, _s = quotas.c, servers.c
OF_SCOPE = sa.select(_q.resource, _q.limit).where(
    _q.scope == sa.bindparam("the_scope"), _q.project_id == sa.bindparam("the_project"), _q.user_id == sa.bindparam("the_user")
)
SET = sa.insert(quotas)
FORGET = sa.delete(quotas).where(
    _q.scope == sa.bindparam("the_scope"), _q.project_id == sa.bindparam("the_project"), _q.user_id == sa.bindparam("the_user")
)
FORGET_ONE = FORGET.where(_q.resource == sa.bindparam("the_resource"))
_USED = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(_s.vcpus), 0), sa.func.coalesce(sa.func.sum(_s.memory_mb), 0)).where(
    _s.project_id == sa.bindparam("the_project"), _s.deleted_at.is_(None), _s.vm_state != SOFT_DELETED
)


def stored(tx: Transaction, scope: str, project_id: str, user_id: str = "") -> dict[str, int]:
    """The limits written down for a project, a user of it, or a class."""
    rows = tx.rows(OF_SCOPE, {"the_scope": scope, "the_project": project_id, "the_user": user_id})
    return {row.resource: row.limit for row in rows}


def defaults(tx: Transaction, cloud: Any) -> dict[str, int]:
    """The limits of projects that have none of their own: the configuration, under what the default class says."""
    configured = cloud.config.quota.compute
    limits = {name: -1 if name in ELSEWHERE else getattr(configured, name) for name in RESOURCES}
    limits.update(stored(tx, "class", "default"))
    return limits


def limits_of(tx: Transaction, cloud: Any, project_id: str, user_id: str = "") -> dict[str, int]:
    """The limits in force for a project; with a user, for the user in it."""
    limits = defaults(tx, cloud)
    limits.update(stored(tx, "project", project_id))
    if user_id:
        limits.update(stored(tx, "user", project_id, user_id))
    return limits


def used(tx: Transaction, project_id: str) -> dict[str, int]:
    """Instances, cores and ram of a project."""
    row = tx.row(_USED, {"the_project": project_id})
    assert row is not None, "an aggregate has a row"
    return {"instances": int(row[0]), "cores": int(row[1]), "ram": int(row[2])}


def require(tx: Transaction, cloud: Any, project_id: str, more: Mapping[str, int]) -> None:
    """Raises Forbidden, as Nova words it, when the project may not use this much more of `cores` and `ram`. What is not more is free."""
    wanted = {name: amount for name, amount in more.items() if amount > 0}
    if not wanted:
        return
    limits, taken = limits_of(tx, cloud, project_id), used(tx, project_id)
    over = [name for name in sorted(wanted) if 0 <= limits[name] < taken[name] + wanted[name]]
    if over:
        raise _exceeded(over, wanted, taken, limits)


def _exceeded(over: Sequence[str], asked: Mapping[str, int], taken: Mapping[str, int], limits: Mapping[str, int]) -> Forbidden:
    wanted, held, allowed = (", ".join(str(amounts[name]) for name in over) for amounts in (asked, taken, limits))
    names = ", ".join(over)
    return Forbidden(f"Quota exceeded for {names}: Requested {wanted}, but already used {held} of {allowed} {names}")


def affordable(tx: Transaction, request: Request, limits: Mapping[str, int], vcpus: int, memory_mb: int, least: int, most: int) -> int:
    """How many servers of this size, from `least` to `most`, the project may still make. Raises Forbidden as Nova words it.

    Unlimited projects are not counted, so that making a server costs the same however many there are.
    """
    each = {"cores": vcpus, "instances": 1, "ram": memory_mb}
    bounded = {name: limits[name] for name in each if limits[name] >= 0}
    if not bounded:
        return most
    taken = used(tx, request.project_id)
    room = {name: limit - taken[name] for name, limit in bounded.items()}
    count = min([most, *(left // each[name] for name, left in room.items() if each[name])])
    if count >= least:
        return count
    over = [name for name in sorted(bounded) if each[name] * least > room[name]]
    raise _exceeded(over, {name: each[name] * least for name in over}, taken, limits)
