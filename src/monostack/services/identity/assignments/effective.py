"""What assignments come to: groups as their members, inherited ones as one for each project below, roles with what they imply.

As Keystone's list of role assignments with `effective` has it: https://docs.openstack.org/api-ref/identity/v3/#list-role-assignments
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from monostack.db import Select, Transaction
from monostack.services.identity.assignments.table import SYSTEM, assignments
from monostack.services.identity.groups.table import members
from monostack.services.identity.projects.table import projects
from monostack.services.identity.roles.table import implied_roles, roles


@dataclass(frozen=True, slots=True)
class Assignment:
    """What an expanded one comes from: the group, (kind, id) of what is above the project, the role that implies this one."""

    actor_type: str
    actor_id: str
    target_type: str
    target_id: str
    role_id: str
    inherited: bool = False
    via_group: str | None = None
    via_target: tuple[str, str] | None = None
    via_role: str | None = None


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list is limited to; None: not. `projects` are a project and, for a list of a tree, all below it."""

    role: str | None = None
    user: str | None = None
    group: str | None = None
    system: bool = False
    domain: str | None = None
    projects: tuple[str, ...] | None = None
    above: tuple[str, ...] = ()  # what the first of `projects` is below
    inherited: bool | None = None


_a = assignments.c
_GROUPS = sa.select(members.c.group_id).where(members.c.user_id == sa.bindparam("user"))
_MEMBERS = sa.select(members).where(members.c.group_id.in_(sa.bindparam("groups", expanding=True))).order_by(members.c.user_id)
_IMPLIED = sa.select(implied_roles).order_by(implied_roles.c.implied_role_id)
_DOMAIN_ROLES = sa.select(roles.c.id).where(roles.c.domain_id.is_not(None))
_TREE = sa.select(projects.c.id, projects.c.parent_id, projects.c.domain_id).order_by(projects.c.id)
_IN_PROJECTS = sa.and_(_a.target_type == "project", _a.target_id.in_(sa.bindparam("projects", expanding=True)))
_REACHING = sa.or_(
    sa.and_(_a.inherited.is_(False), _IN_PROJECTS),
    sa.and_(_a.inherited.is_(True), _a.target_id.in_(sa.bindparam("sources", expanding=True))),
)
_CONDITIONS: dict[str, Any] = {
    "role": _a.role_id == sa.bindparam("role"),
    "user": sa.and_(_a.actor_type == "user", _a.actor_id == sa.bindparam("user")),
    "user and groups": sa.or_(
        sa.and_(_a.actor_type == "user", _a.actor_id == sa.bindparam("user")),
        sa.and_(_a.actor_type == "group", _a.actor_id.in_(_GROUPS)),
    ),
    "group": sa.and_(_a.actor_type == "group", _a.actor_id == sa.bindparam("group")),
    "system": _a.target_type == SYSTEM,
    "not system": _a.target_type != SYSTEM,
    "domain": sa.and_(_a.target_type == "domain", _a.target_id == sa.bindparam("domain")),
    "projects": _IN_PROJECTS,
    "reaching": _REACHING,
    "inherited": _a.inherited.is_(True),
    "inherited or system": sa.or_(_a.inherited.is_(True), _a.target_type == SYSTEM),
    "direct": _a.inherited.is_(False),
}


@lru_cache(maxsize=256)
def _select(conditions: tuple[str, ...]) -> Select:
    order = (_a.target_type, _a.target_id, _a.actor_type, _a.actor_id, _a.role_id, _a.inherited)
    return sa.select(assignments).where(*[_CONDITIONS[name] for name in conditions]).order_by(*order)


def _params(filters: Filters) -> dict[str, Any]:
    return {
        "role": filters.role, "user": filters.user, "group": filters.group, "domain": filters.domain,
        "projects": filters.projects or (), "sources": filters.above,
    }  # fmt: skip


def _read(tx: Transaction, conditions: Iterable[str], filters: Filters) -> list[Assignment]:
    return [Assignment(*row) for row in tx.rows(_select(tuple(conditions)), _params(filters))]


def direct(tx: Transaction, filters: Filters) -> list[Assignment]:
    """The assignments as they were made."""
    conditions = [name for name in ("role", "user", "group", "domain", "projects") if getattr(filters, name) is not None]
    if filters.inherited is not None:
        # The filter leaves assignments on the system in, as Keystone's does: nothing is inherited from there.
        conditions.append("inherited or system" if filters.inherited else "direct")
    if filters.system:
        conditions.append("system")
    return _read(tx, conditions, filters)


def effective(tx: Transaction, filters: Filters) -> list[Assignment]:
    """What the assignments on projects and domains come to for users."""
    if filters.group is not None or (filters.domain is not None and filters.inherited):
        return []
    conditions = ["not system"]
    if filters.user is not None:
        conditions.append("user and groups")
    if filters.domain is not None:
        conditions += ["domain", "direct"]
    elif filters.inherited is not None:
        conditions.append("inherited" if filters.inherited else "direct")
    if filters.projects is not None:
        conditions.append("reaching")
    found = _read(tx, conditions, filters)
    found = _expand_targets(tx, found, filters)
    found = _expand_groups(tx, found, filters.user)
    found = _expand_roles(tx, found)
    domain_roles = {row[0] for row in tx.rows(_DOMAIN_ROLES)}
    return [one for one in found if one.role_id not in domain_roles and filters.role in (None, one.role_id)]


def _expand_targets(tx: Transaction, found: Sequence[Assignment], filters: Filters) -> list[Assignment]:
    if not any(one.inherited for one in found):
        return list(found)
    children: dict[str, list[str]] = defaultdict(list)
    in_domain: dict[str, list[str]] = defaultdict(list)
    for row in tx.rows(_TREE):
        children[row.parent_id].append(row.id)
        in_domain[row.domain_id].append(row.id)

    def reached(one: Assignment) -> Sequence[str]:
        wanted = filters.projects
        if wanted is not None and one.target_id not in wanted:
            return wanted
        return in_domain[one.target_id] if one.target_type == "domain" else _below(children, one.target_id)

    expanded: list[Assignment] = []
    for one in found:
        if one.inherited:
            via = (one.target_type, one.target_id)
            expanded += [replace(one, target_type="project", target_id=id, inherited=False, via_target=via) for id in reached(one)]
        else:
            expanded.append(one)
    return expanded


def _below(children: dict[str, list[str]], project_id: str) -> list[str]:
    below = list(children.get(project_id, ()))
    for project in below:  # grows while it is walked
        below += children.get(project, ())
    return below


def _expand_groups(tx: Transaction, found: Sequence[Assignment], user_id: str | None) -> list[Assignment]:
    group_ids = {one.actor_id for one in found if one.actor_type == "group"}
    if not group_ids:
        return list(found)
    users: dict[str, list[str]] = defaultdict(list)
    for user, group in tx.rows(_MEMBERS, {"groups": sorted(group_ids)}):
        if user_id in (None, user):
            users[group].append(user)
    expanded: list[Assignment] = []
    for one in found:
        if one.actor_type == "group":
            expanded += [replace(one, actor_type="user", actor_id=user, via_group=one.actor_id) for user in users[one.actor_id]]
        else:
            expanded.append(one)
    return expanded


def _expand_roles(tx: Transaction, found: Sequence[Assignment]) -> list[Assignment]:
    follows: dict[str, list[str]] = defaultdict(list)
    for prior, implied in tx.rows(_IMPLIED):
        follows[prior].append(implied)
    expanded = list(found)
    seen = set(expanded)
    for one in expanded:  # grows while it is walked
        for implied in follows.get(one.role_id, ()):
            more = replace(one, role_id=implied, via_role=one.role_id)
            if more not in seen:
                seen.add(more)
                expanded.append(more)
    return expanded
