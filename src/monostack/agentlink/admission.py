"""Which hosts may connect: one-time tokens, kept as hashes, and the hosts that were admitted."""

from datetime import timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from monostack.core import clock
from monostack.db import Database, Id, Name, Timestamp, Transaction, table

if TYPE_CHECKING:
    from monostack.agentlink.authority import Authority

TOKEN_LIFE = timedelta(hours=1)

admitted = table(
    "admitted_hosts",
    sa.Column("host", Name(63), primary_key=True),
    sa.Column("admitted_at", Timestamp, nullable=False),
)
tokens = table(
    "enrolment_tokens",
    sa.Column("hash", Id(), primary_key=True),
    sa.Column("host", Name(63), nullable=False),
    sa.Column("expires_at", Timestamp, nullable=False),
)
_IS_ADMITTED = sa.select(admitted.c.host).where(admitted.c.host == sa.bindparam("the_host"))
_ADMIT = sa.insert(admitted)
_REFUSE = sa.delete(admitted).where(admitted.c.host == sa.bindparam("the_host"))
_KEEP = sa.insert(tokens)
_REDEEM = sa.delete(tokens).where(tokens.c.hash == sa.bindparam("the_hash")).returning(tokens.c.host, tokens.c.expires_at)
_EXPIRE = sa.delete(tokens).where(tokens.c.expires_at < sa.bindparam("now"))


def admit(tx: Transaction, host: str) -> None:
    """Let a host connect from now on."""
    if tx.row(_IS_ADMITTED, {"the_host": host}) is None:
        tx.execute(_ADMIT, {"host": host, "admitted_at": clock.now()})


class Admission:
    """Asked by the listener about every connection and every enrolment."""

    def __init__(self, db: Database) -> None:
        self.db = db

    async def allowed(self, host: str) -> bool:
        """Has the host been admitted, and not been refused since?"""
        return await self.db.read(lambda tx: tx.row(_IS_ADMITTED, {"the_host": host}) is not None)

    async def redeem(self, token_hash: str) -> str | None:
        """The host a token was made for, which is admitted by this; None when the token is unknown, used or too old."""

        def use(tx: Transaction) -> str | None:
            tx.execute(_EXPIRE, {"now": clock.now()})
            found = tx.row(_REDEEM, {"the_hash": token_hash})
            if found is None:
                return None
            admit(tx, found.host)
            return found.host

        return await self.db.write(use)

    async def new_token(self, authority: "Authority", host: str) -> str:
        """A token with which `host` can enrol once, within the hour. Raises ValueError for a name no certificate can carry."""
        from monostack.agentlink.enrolment import new_token, require_host_name

        require_host_name(host)
        token, hashed = new_token(authority)
        expires = clock.now() + TOKEN_LIFE
        await self.db.write(lambda tx: tx.execute(_KEEP, {"hash": hashed, "host": host, "expires_at": expires}))
        return token

    async def refuse(self, host: str) -> None:
        """Let a host connect no more."""
        await self.db.write(lambda tx: tx.execute(_REFUSE, {"the_host": host}))
