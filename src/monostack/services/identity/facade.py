"""What other services may call of the identity service."""

from collections.abc import Iterable
from pathlib import Path

import sqlalchemy as sa

from monostack.core import key_repository
from monostack.db import Transaction
from monostack.services.identity.bootstrap import DEFAULT_DOMAIN, admin_password
from monostack.services.identity.limits.lookup import over_limits, register_limits, unified_limits
from monostack.services.identity.projects.table import projects
from monostack.services.identity.tokens.authenticator import TokenAuthenticator
from monostack.services.identity.users.table import users

__all__ = [
    "DEFAULT_DOMAIN", "TokenAuthenticator", "admin_password", "over_limits", "project_exists", "project_names", "register_limits",
    "rotate_keys", "unified_limits", "user_names",
]  # fmt: skip

_PROJECT = sa.select(projects.c.id).where(projects.c.id == sa.bindparam("project"))
_PROJECT_NAMES = sa.select(projects.c.id, projects.c.name).where(projects.c.id.in_(sa.bindparam("ids", expanding=True)))
_USER_NAMES = sa.select(users.c.id, users.c.name).where(users.c.id.in_(sa.bindparam("ids", expanding=True)))


def project_exists(tx: Transaction, project_id: str) -> bool:
    return tx.scalar(_PROJECT, {"project": project_id}) is not None


def project_names(tx: Transaction, ids: Iterable[str]) -> dict[str, str]:
    """The names of those of the projects that exist, by id."""
    return {row.id: row.name for row in tx.rows(_PROJECT_NAMES, {"ids": list(ids)})}


def user_names(tx: Transaction, ids: Iterable[str]) -> dict[str, str]:
    """The names of those of the users that exist, by id."""
    return {row.id: row.name for row in tx.rows(_USER_NAMES, {"ids": list(ids)})}


def rotate_keys(state_dir: Path) -> int:
    """Make the staged key the primary one; returns its number. A running cloud takes it up within a second.

    Tokens live on through ACTIVE - 2 rotations, so rotate no more often than tokens live.
    """
    return key_repository.rotate(state_dir / "fernet-keys")
