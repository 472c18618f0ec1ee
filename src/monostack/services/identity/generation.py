"""A number that grows with every change of identity data, so that what is remembered of tokens can be trusted until it grows."""

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


def changed(tx: Transaction, request: Request | None = None) -> None:
    """Say that identity data changed in this transaction: nothing remembered of any token holds after it.

    The controller that serves the request forgets at once, all others when they next look at the number.
    """
    tx.execute(_BUMP)
    if request is not None:
        tx.after_commit(request.cloud.authenticator.forget)
