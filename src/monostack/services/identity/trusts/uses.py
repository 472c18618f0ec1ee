"""Trusts that may be used a number of times only."""

import sqlalchemy as sa

from monostack.db import Transaction
from monostack.services.identity.tokens.session import Rejected
from monostack.services.identity.trusts.table import trusts

_SPEND = (
    sa.update(trusts)
    .where(trusts.c.id == sa.bindparam("trust"), trusts.c.remaining_uses > 0)
    .values(remaining_uses=trusts.c.remaining_uses - 1)
)


def spend(tx: Transaction, trust_id: str) -> None:
    """Take one of a trust's remaining uses. Raises Rejected when another login has just taken the last one."""
    if tx.execute(_SPEND, {"trust": trust_id}).rowcount == 0:
        raise Rejected(f"trust {trust_id} has no uses left")
