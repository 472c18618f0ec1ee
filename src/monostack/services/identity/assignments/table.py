"""The table of assignments, and what follows from it: the roles a user has somewhere."""

from collections import defaultdict
from collections.abc import Iterable

import sqlalchemy as sa

from monostack.db import Flag, Id, Name, Transaction, table
from monostack.services.identity.groups.table import members
from monostack.services.identity.roles.table import implied_roles, roles

# One row an assignment. The target is a project, a domain, or the system (target_id "system"); an inherited one holds for
# projects below the target and not for the target itself.
assignments = table(
    "role_assignments",
    sa.Column("actor_type", Name(8), primary_key=True),  # user, group
    sa.Column("actor_id", Id(), primary_key=True),
    sa.Column("target_type", Name(8), primary_key=True),  # project, domain, system
    sa.Column("target_id", Id(), primary_key=True),
    sa.Column("role_id", sa.ForeignKey("roles.id", ondelete="CASCADE"), primary_key=True, index=True),
    sa.Column("inherited", Flag, primary_key=True),
    sa.Index("ix_role_assignments_target", "target_type", "target_id"),
)

SYSTEM = "system"

_IMPLIED = sa.select(implied_roles)
_ROLES = sa.select(roles.c.id, roles.c.name, roles.c.domain_id).where(roles.c.id.in_(sa.bindparam("ids", expanding=True)))
_a = assignments.c
_ACTOR = sa.or_(
    sa.and_(_a.actor_type == "user", _a.actor_id == sa.bindparam("user")),
    sa.and_(_a.actor_type == "group", _a.actor_id.in_(sa.select(members.c.group_id).where(members.c.user_id == sa.bindparam("user")))),
)
# Directly on the target, or inherited from what is above it.
_HELD = sa.select(_a.role_id).where(
    _ACTOR,
    sa.or_(
        sa.and_(_a.target_type == sa.bindparam("kind"), _a.target_id == sa.bindparam("target"), _a.inherited.is_(False)),
        sa.and_(
            _a.target_type.in_(("project", "domain")),
            _a.target_id.in_(sa.bindparam("above", expanding=True)),
            _a.inherited.is_(True),
        ),
    ),
)


def with_implied(tx: Transaction, role_ids: Iterable[str]) -> list[str]:
    """The roles and all that follow from them."""
    held = list(dict.fromkeys(role_ids))
    if not held:
        return held
    follows: dict[str, list[str]] = defaultdict(list)
    for prior, implied in tx.rows(_IMPLIED):
        follows[prior].append(implied)
    seen = set(held)
    for role in held:  # grows while it is walked
        for implied in follows.get(role, ()):
            if implied not in seen:
                seen.add(implied)
                held.append(implied)
    return held


def held_roles(tx: Transaction, user_id: str, kind: str, target_id: str, above: Iterable[str] = ()) -> list[tuple[str, str]]:
    """(id, name) of the roles a user has on a target, those of its groups, inherited and implied ones among them.

    `above` are the projects and the domain the target is in. Roles of domains are not among them: they only stand for what they imply.
    """
    rows = tx.rows(_HELD, {"user": user_id, "kind": kind, "target": target_id, "above": list(above) or [""]})
    return global_roles(tx, with_implied(tx, [row[0] for row in rows]))


def global_roles(tx: Transaction, role_ids: Iterable[str]) -> list[tuple[str, str]]:
    """(id, name) of those roles that belong to no domain."""
    ids = list(role_ids)
    if not ids:
        return []
    return sorted((row.id, row.name) for row in tx.rows(_ROLES, {"ids": ids}) if row.domain_id is None)
