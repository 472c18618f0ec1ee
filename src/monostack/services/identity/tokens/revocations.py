"""Revoked tokens, by audit id, until they would have expired. Everything else that ends a token is read from live state."""

from collections.abc import Sequence

import sqlalchemy as sa

from monostack.db import Id, Transaction, table

revoked_tokens = table(
    "revoked_tokens",
    sa.Column("audit_id", Id(), primary_key=True),
    sa.Column("expires_at", sa.BigInteger, nullable=False, index=True),  # seconds since the epoch
)

_FIND = sa.select(revoked_tokens.c.audit_id).where(revoked_tokens.c.audit_id.in_(sa.bindparam("audit_ids", expanding=True)))
_INSERT = sa.insert(revoked_tokens)


def is_revoked(tx: Transaction, audit_ids: Sequence[str]) -> bool:
    """Whether a token or the first of its chain was revoked: with a token go those that were made with it."""
    return tx.scalar(_FIND, {"audit_ids": list(audit_ids)}) is not None


def revoke(tx: Transaction, audit_id: str, expires_at: int) -> None:
    if not is_revoked(tx, [audit_id]):
        tx.execute(_INSERT, {"audit_id": audit_id, "expires_at": expires_at})
