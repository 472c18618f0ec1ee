"""Disables users who have not logged in for `[security_compliance] disable_user_account_days_inactive` days."""

from typing import Any

import sqlalchemy as sa

from monostack.db import Transaction
from monostack.reconcile import Reconciler
from monostack.services.identity.generation import changed
from monostack.services.identity.users import compliance
from monostack.services.identity.users.table import USERS, users

_LAST = sa.func.coalesce(users.c.last_active_at, sa.func.substr(users.c.created_at, 1, 10))
_INACTIVE = sa.select(users).where(users.c.enabled, sa.bindparam("last_day", type_=sa.String) >= _LAST)


def _find(tx: Transaction, cloud: Any) -> list[Any]:
    rules = cloud.config.security_compliance
    last_day = compliance.last_useful_day(rules)
    if last_day is None:
        return []
    return [user for user in tx.rows(_INACTIVE, {"last_day": last_day.isoformat()}) if compliance.is_inactive(rules, user)]


async def disable_inactive(cloud: Any) -> None:
    def disable(tx: Transaction) -> None:
        for user in _find(tx, cloud):
            USERS.change(tx, None, user, {"enabled": False})
        changed(tx)
        tx.after_commit(cloud.authenticator.forget)

    # An idle cloud writes nothing.
    if await cloud.db.read(lambda tx: _find(tx, cloud)):
        await cloud.db.write(disable)


RECONCILER = Reconciler("identity.inactive", disable_inactive, every=600.0)
