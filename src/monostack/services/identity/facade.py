"""What other services may call of the identity service."""

from pathlib import Path

import sqlalchemy as sa

from monostack.db import Transaction
from monostack.services.identity.bootstrap import DEFAULT_DOMAIN, admin_password
from monostack.services.identity.projects.table import projects
from monostack.services.identity.tokens import keys
from monostack.services.identity.tokens.authenticator import TokenAuthenticator

__all__ = ["DEFAULT_DOMAIN", "TokenAuthenticator", "admin_password", "project_exists", "rotate_keys"]

_PROJECT = sa.select(projects.c.id).where(projects.c.id == sa.bindparam("project"))


def project_exists(tx: Transaction, project_id: str) -> bool:
    return tx.scalar(_PROJECT, {"project": project_id}) is not None


def rotate_keys(state_dir: Path) -> int:
    """Make the staged key the primary one; returns its number. A running cloud takes it up within a second.

    Tokens live on through ACTIVE - 2 rotations, so rotate no more often than tokens live.
    """
    return keys.rotate(state_dir / "fernet-keys")
