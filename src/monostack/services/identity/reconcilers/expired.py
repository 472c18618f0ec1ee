"""Drops what time has made meaningless: revocations of tokens that have expired since, and trusts that have expired."""

from typing import Any

import sqlalchemy as sa

from monostack.core import clock
from monostack.db import Transaction
from monostack.events import record
from monostack.reconcile import Reconciler
from monostack.services.identity.tokens.revocations import revoked_tokens
from monostack.services.identity.trusts.table import trusts

_OLD_REVOCATION = revoked_tokens.c.expires_at < sa.bindparam("now")
_OLD_TRUST = trusts.c.expires_at <= sa.bindparam("moment")
_ANY_REVOCATION = sa.select(revoked_tokens.c.audit_id).where(_OLD_REVOCATION).limit(1)
_OLD_TRUSTS = sa.select(trusts.c.id, trusts.c.project_id).where(_OLD_TRUST)
_FORGET = sa.delete(revoked_tokens).where(_OLD_REVOCATION)
_END = sa.delete(trusts).where(trusts.c.id == sa.bindparam("trust"))


def _is_due(tx: Transaction) -> bool:
    return tx.row(_ANY_REVOCATION, _now()) is not None or tx.row(_OLD_TRUSTS, _now()) is not None


def _now() -> dict[str, Any]:
    return {"now": int(clock.timestamp()), "moment": clock.now().isoformat(timespec="microseconds")}


def _drop(tx: Transaction) -> None:
    now = _now()
    tx.execute(_FORGET, now)
    for trust in tx.rows(_OLD_TRUSTS, now):
        tx.execute(_END, {"trust": trust.id})
        record(tx, None, "trust.expire", trust.id, trust.project_id)


async def drop_expired(cloud: Any) -> None:
    # An idle cloud writes nothing.
    if await cloud.db.read(_is_due):
        await cloud.db.write(_drop)


RECONCILER = Reconciler("identity.expired", drop_expired, every=600.0)
