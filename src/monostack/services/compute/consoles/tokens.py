"""The tokens that let in to one console each. Who has one needs nothing else, so only their digests are kept."""

import hashlib
from datetime import timedelta

import sqlalchemy as sa

from monostack.core import clock, ids
from monostack.db import Id, Name, Row, Timestamp, Transaction, table
from monostack.services.compute.servers.table import LIVE, servers

console_tokens = table(
    "console_tokens",
    sa.Column("digest", Name(64), primary_key=True),
    sa.Column("server_id", Id(36), nullable=False),
    sa.Column("console_type", Name(16), nullable=False),  # novnc, serial
    sa.Column("host", Name(), nullable=False),  # where the server was
    sa.Column("address", Name(), nullable=False),  # of the console on that host
    sa.Column("port", sa.Integer, nullable=False),
    sa.Column("expires_at", Timestamp, nullable=False, index=True),
)

_t = console_tokens.c
_INSERT = sa.insert(console_tokens)
_FORGET = sa.delete(console_tokens).where(_t.expires_at <= sa.bindparam("the_time"))
_VALID = (
    sa.select(console_tokens)
    .join(servers, sa.and_(servers.c.id == _t.server_id, LIVE))
    .where(_t.digest == sa.bindparam("the_digest"), _t.expires_at > sa.bindparam("the_time"), servers.c.host == _t.host)
)
KINDS = {"novnc": "vnc", "serial": "serial"}  # type -> what hosts call the console


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def issue(tx: Transaction, server: Row, console_type: str, address: str, port: int, lifetime: int) -> str:
    """A new token for a console of the server, good for `lifetime` seconds. Those that are over are forgotten."""
    now = clock.now()
    tx.execute(_FORGET, {"the_time": now})
    token = ids.new_uuid()
    values = {"server_id": server.id, "console_type": console_type, "host": server.host, "address": address, "port": port}
    tx.execute(_INSERT, {"digest": _digest(token), "expires_at": now + timedelta(seconds=lifetime), **values})
    return token


def redeem(tx: Transaction, token: str) -> Row | None:
    """What the token lets in to; None if it is over, unknown, or the server is gone from that host."""
    return tx.row(_VALID, {"the_digest": _digest(token), "the_time": clock.now()})
