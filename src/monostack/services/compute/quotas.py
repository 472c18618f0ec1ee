"""Quotas: what a project may use, and what it uses, counted from the rows. No other count is kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from monostack.core.errors import Forbidden
from monostack.db import Id, Name, Transaction, table
from monostack.services.compute import unified_limits
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
    if unified_limits.are_on(cloud):
        return dict.fromkeys(ELSEWHERE, -1) | unified_limits.shown(tx, cloud, None)
    configured = cloud.config.quota.compute
    limits = {name: -1 if name in ELSEWHERE else getattr(configured, name) for name in RESOURCES}
    limits.update(stored(tx, "class", "default"))
    return limits


def limits_of(tx: Transaction, cloud: Any, project_id: str, user_id: str = "") -> dict[str, int]:
    """The limits in force for a project; with a user, for the user in it."""
    if unified_limits.are_on(cloud):
        return dict.fromkeys(ELSEWHERE, -1) | unified_limits.shown(tx, cloud, project_id)
    limits = defaults(tx, cloud)
    limits.update(stored(tx, "project", project_id))
    if user_id:
        limits.update(stored(tx, "user", project_id, user_id))
    return limits


def used(tx: Transaction, cloud: Any, project_id: str) -> dict[str, int]:
    """Instances, cores and ram of a project."""
    row = tx.row(_USED, {"the_project": project_id})
    assert row is not None, "an aggregate has a row"
    found = {"instances": int(row[0]), "cores": int(row[1]), "ram": int(row[2])}
    return found | unified_limits.used(tx, project_id) if unified_limits.are_on(cloud) else found


@dataclass(slots=True)
class Budget:
    """What a project may still use. Limits are read when they are first asked for."""

    tx: Transaction
    cloud: Any
    project_id: str
    _limits: Mapping[str, int] | None = None

    @property
    def limits(self) -> Mapping[str, int]:
        if self._limits is None:
            self._limits = limits_of(self.tx, self.cloud, self.project_id)
        return self._limits

    def require(self, resource: str, wanted: int, refusal: str, held: int = 0) -> None:
        """Raises Forbidden when `wanted` more than is held is too much. `refusal` says so, with `{limit}` where Nova tells it."""
        if unified_limits.are_on(self.cloud):
            unified_limits.require(self.tx, self.cloud, resource, wanted, held)
            return
        limit = self.limits[resource]
        if 0 <= limit < held + wanted:
            raise Forbidden(refusal.format(limit=limit))

    def affordable(self, vcpus: int, memory_mb: int, resources: Mapping[str, int], least: int, most: int) -> int:
        """How many servers of this size, which claim these resources, from `least` to `most`, the project may still make.

        Raises Forbidden as Nova words it. Unlimited projects are not counted, so that making a server costs the same however many there
        are.
        """
        if unified_limits.are_on(self.cloud):
            servers = used(self.tx, self.cloud, self.project_id)["instances"]
            return unified_limits.affordable(self.tx, self.cloud, self.project_id, servers, resources, least, most)
        each = {"cores": vcpus, "instances": 1, "ram": memory_mb}
        bounded = {name: self.limits[name] for name in each if self.limits[name] >= 0}
        if not bounded:
            return most
        taken = used(self.tx, self.cloud, self.project_id)
        room = {name: limit - taken[name] for name, limit in bounded.items()}
        count = min([most, *(left // each[name] for name, left in room.items() if each[name])])
        if count >= least:
            return count
        over = [name for name in sorted(bounded) if each[name] * least > room[name]]
        raise _exceeded(over, {name: each[name] * least for name in over}, taken, self.limits)

    def require_held(self, resources: Mapping[str, int]) -> None:
        """Before a server that claimed nothing claims these resources again. Raises Forbidden when unified limits of them are exceeded.

        As in Nova, that what is claimed fits is not asked for: the server has been counted as a server all the time.
        """
        if unified_limits.are_on(self.cloud):
            servers = used(self.tx, self.cloud, self.project_id)["instances"]
            unified_limits.affordable(self.tx, self.cloud, self.project_id, servers, resources, 0, 0)

    def require_growth(self, more: Mapping[str, int], resources: Mapping[str, int] | None) -> None:
        """Raises Forbidden, as Nova words it, when the project may not use this much more of `cores` and `ram`. What is not more is free.

        `resources` are what the server claims anew: unified limits have room for another such server, since until a resize is confirmed
        both are held. None where it claims nothing that it does not hold.
        """
        if unified_limits.are_on(self.cloud):
            if resources is not None:
                self.affordable(0, 0, resources, 1, 1)
            return
        wanted = {name: amount for name, amount in more.items() if amount > 0}
        if not wanted:
            return
        taken = used(self.tx, self.cloud, self.project_id)
        over = [name for name in sorted(wanted) if 0 <= self.limits[name] < taken[name] + wanted[name]]
        if over:
            raise _exceeded(over, wanted, taken, self.limits)


def _exceeded(over: Sequence[str], asked: Mapping[str, int], taken: Mapping[str, int], limits: Mapping[str, int]) -> Forbidden:
    wanted, held, allowed = (", ".join(str(amounts[name]) for name in over) for amounts in (asked, taken, limits))
    names = ", ".join(over)
    return Forbidden(f"Quota exceeded for {names}: Requested {wanted}, but already used {held} of {allowed} {names}")
