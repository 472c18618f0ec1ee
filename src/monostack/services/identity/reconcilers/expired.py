"""Drops what time has made meaningless: revocations of tokens that have expired since, and trusts and OAuth tokens that have expired."""

from typing import Any

import sqlalchemy as sa

from monostack.core import clock
from monostack.db import Transaction
from monostack.events import record
from monostack.reconcile import Reconciler
from monostack.services.identity.oauth1.table import access_tokens, request_tokens
from monostack.services.identity.tokens.revocations import revoked_tokens
from monostack.services.identity.trusts.table import trusts

_OLD_REVOCATION = revoked_tokens.c.expires_at < sa.bindparam("now")
_OLD_TRUST = trusts.c.expires_at <= sa.bindparam("moment")
_ANY_REVOCATION = sa.select(revoked_tokens.c.audit_id).where(_OLD_REVOCATION).limit(1)
_OLD_TRUSTS = sa.select(trusts.c.id, trusts.c.project_id).where(_OLD_TRUST)
_FORGET = sa.delete(revoked_tokens).where(_OLD_REVOCATION)
_OLD_OAUTH = {tokens: tokens.c.expires_at <= sa.bindparam("moment") for tokens in (request_tokens, access_tokens)}
_ANY_OAUTH = [sa.select(tokens.c.id).where(old).limit(1) for tokens, old in _OLD_OAUTH.items()]
_FORGET_OAUTH = [sa.delete(tokens).where(old) for tokens, old in _OLD_OAUTH.items()]
_END = sa.delete(trusts).where(trusts.c.id == sa.bindparam("trust"))


def _is_due(tx: Transaction) -> bool:
    now = _now()
    return any(tx.row(statement, now) is not None for statement in (_ANY_REVOCATION, _OLD_TRUSTS, *_ANY_OAUTH))


def _now() -> dict[str, Any]:
    return {"now": int(clock.timestamp()), "moment": clock.now().isoformat(timespec="microseconds")}


def _drop(tx: Transaction) -> None:
    now = _now()
    for statement in (_FORGET, *_FORGET_OAUTH):
        tx.execute(statement, now)
    for trust in tx.rows(_OLD_TRUSTS, now):
        tx.execute(_END, {"trust": trust.id})
        record(tx, None, "trust.expire", trust.id, trust.project_id)


async def drop_expired(cloud: Any) -> None:
    # An idle cloud writes nothing.
    if await cloud.db.read(_is_due):
        await cloud.db.write(_drop)


RECONCILER = Reconciler("identity.expired", drop_expired, every=600.0)
