"""Receipts: for a while they stand for what a user has shown already who must show more than one thing to log in.

They are sealed with the keys of tokens, and are none: what they hold is no token's payload. They end with the user's tokens.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from monostack.core import clock
from monostack.db import Transaction
from monostack.http import Request, Response
from monostack.services.identity.moments import from_seconds
from monostack.services.identity.tokens.payload import pack_methods, unpack_methods
from monostack.services.identity.tokens.session import Rejected
from monostack.services.identity.users.factors import required
from monostack.services.identity.users.table import users

SECONDS = 300  # a receipt is good: Keystone's [receipt] expiration
HEADER = "openstack-auth-receipt"
LONGEST = 512  # characters; ours have about 180

_MARK = "receipt"
_GENERATION = sa.select(users.c.token_generation).where(users.c.id == sa.bindparam("user"))

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[str, str, int, int, int]).decode


class MoreNeeded(Rejected):
    """A user has shown something, and must show more. `user` is a row of session.USER."""

    def __init__(self, user: Any, methods: Sequence[str]) -> None:
        super().__init__(f"user {user.id} must show more than {methods}")
        self.user = user
        self.methods = list(methods)


class UnknownReceipt(Rejected):
    """A receipt that is none, is not this user's, or is not good any more."""

    def __init__(self, receipt: str) -> None:
        super().__init__("unknown receipt", f"Could not find auth receipt: {receipt}.")


async def shown_before(request: Request, user_id: str) -> tuple[str, ...]:
    """The methods that the receipt of a request stands for; none without one. Raises UnknownReceipt."""
    receipt = request.headers.get(HEADER)
    if not receipt:
        return ()
    opened = request.cloud.authenticator.keys.open(receipt) if len(receipt) <= LONGEST else None
    try:
        mark, owner, methods, expires_at, generation = _decode(opened[0] if opened is not None else b"")
    except msgspec.DecodeError:
        raise UnknownReceipt(receipt) from None
    now = await request.db.read(lambda tx: _generation(tx, user_id))
    if mark != _MARK or owner != user_id or clock.timestamp() >= expires_at or generation != now:
        raise UnknownReceipt(receipt)
    return unpack_methods(methods)


def _generation(tx: Transaction, user_id: str) -> int | None:
    return tx.scalar(_GENERATION, {"user": user_id})


def answer(request: Request, more: MoreNeeded) -> Response:
    """The 401 with a receipt for what was shown."""
    user, now = more.user, int(clock.timestamp())
    payload = (_MARK, user.id, pack_methods(more.methods), now + SECONDS, user.token_generation)
    body = {
        "receipt": {
            "methods": more.methods,
            "user": {"id": user.id, "name": user.name, "domain": {"id": user.domain_id, "name": user.domain_name}},
            "expires_at": from_seconds(now + SECONDS),
            "issued_at": from_seconds(now),
        },
        "required_auth_methods": required(user.options, more.methods),
    }
    return Response(body, 401, {HEADER: request.cloud.authenticator.keys.seal(_encode(payload), now)})
