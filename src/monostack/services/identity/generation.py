"""A number that grows with every change of identity data, so that what is remembered of tokens can be trusted until it grows."""

from typing import Any

import sqlalchemy as sa

from monostack.db import Json, Transaction, table
from monostack.http import Request

identity_state = table(
    "identity_state",
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),  # one row, 1
    sa.Column("generation", sa.BigInteger, nullable=False),
    sa.Column("seeded", Json, nullable=False),  # types of services whose catalog rows were once written
)

_GENERATION = sa.select(identity_state.c.generation)
_BUMP = sa.update(identity_state).values(generation=identity_state.c.generation + 1)


def generation(tx: Transaction) -> int:
    return tx.scalar(_GENERATION) or 0


def changed(tx: Transaction, request: Request | None = None, cloud: Any = None) -> None:
    """Say that identity data changed in this transaction: nothing remembered of any token holds after it."""
    tx.execute(_BUMP)
    authenticator = getattr(request.cloud if request is not None else cloud, "authenticator", None)
    if authenticator is not None:
        tx.after_commit(authenticator.forget)
