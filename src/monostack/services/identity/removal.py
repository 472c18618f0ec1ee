"""What goes with a user, group, project or domain that is deleted and that no foreign key takes along: assignments and credentials."""

import sqlalchemy as sa

from monostack.db import Transaction
from monostack.services.identity.assignments.table import assignments
from monostack.services.identity.credentials.table import credentials
from monostack.services.identity.groups.table import groups
from monostack.services.identity.projects.table import projects
from monostack.services.identity.users.table import users

_a = assignments.c
_ACTOR = sa.delete(assignments).where(_a.actor_type == sa.bindparam("kind"), _a.actor_id == sa.bindparam("id"))
_TARGET = sa.delete(assignments).where(_a.target_type == sa.bindparam("kind"), _a.target_id == sa.bindparam("id"))
_within = {
    kind: sa.select(kind.c.id).where(kind.c.domain_id == sa.bindparam("domain")) for kind in (projects, users, groups)
}
_DOMAIN = sa.delete(assignments).where(
    sa.or_(
        sa.and_(_a.target_type == "domain", _a.target_id == sa.bindparam("domain")),
        sa.and_(_a.target_type == "project", _a.target_id.in_(_within[projects])),
        sa.and_(_a.actor_type == "user", _a.actor_id.in_(_within[users])),
        sa.and_(_a.actor_type == "group", _a.actor_id.in_(_within[groups])),
    )
)


_USER_CREDENTIALS = sa.delete(credentials).where(credentials.c.user_id == sa.bindparam("id"))
_PROJECT_CREDENTIALS = sa.delete(credentials).where(credentials.c.project_id == sa.bindparam("id"))
_DOMAIN_CREDENTIALS = sa.delete(credentials).where(
    sa.or_(credentials.c.user_id.in_(_within[users]), credentials.c.project_id.in_(_within[projects]))
)


def forget_user(tx: Transaction, user_id: str) -> None:
    tx.execute(_ACTOR, {"kind": "user", "id": user_id})
    tx.execute(_USER_CREDENTIALS, {"id": user_id})


def forget_group(tx: Transaction, group_id: str) -> None:
    tx.execute(_ACTOR, {"kind": "group", "id": group_id})


def forget_project(tx: Transaction, project_id: str) -> None:
    tx.execute(_TARGET, {"kind": "project", "id": project_id})
    tx.execute(_PROJECT_CREDENTIALS, {"id": project_id})


def forget_domain(tx: Transaction, domain_id: str) -> None:
    """What is of a domain, its projects, users and groups. Call it before the domain is deleted."""
    for statement in (_DOMAIN, _DOMAIN_CREDENTIALS):
        tx.execute(statement, {"domain": domain_id})
