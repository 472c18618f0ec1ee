"""A user's password: shown at a login, set by administrators, changed by himself.

A right password writes to the database at most once a day and user, besides the first after wrong ones.
"""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from monostack.core import clock, ids
from monostack.core.config import SecurityCompliance
from monostack.db import Id, Row, Timestamp, Transaction, table
from monostack.http import Request
from monostack.services.identity import passwords
from monostack.services.identity.tokens.session import Rejected
from monostack.services.identity.users import compliance
from monostack.services.identity.users.table import users

past_passwords = table(
    "past_passwords",
    sa.Column("id", Id(32), primary_key=True),
    sa.Column("user_id", sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("password_hash", sa.String(255), nullable=False),
    sa.Column("replaced_at", Timestamp, nullable=False),
)

_u = users.c
PROVING = sa.select(
    _u.id, _u.enabled, _u.options, _u.password_hash, _u.password_expires_at, _u.password_created_at, _u.password_chosen,
    _u.token_generation, _u.failed_auth_count, _u.failed_auth_at, _u.last_active_at, _u.created_at,
)  # fmt: skip
BY_ID = PROVING.where(_u.id == sa.bindparam("user"))
_ONE = sa.update(users).where(_u.id == sa.bindparam("user"))
_COUNT_FAILURE = _ONE.values(failed_auth_count=sa.bindparam("failures"), failed_auth_at=sa.bindparam("at"))
_WELCOME = _ONE.values(failed_auth_count=0, failed_auth_at=None, last_active_at=sa.bindparam("today"))
_PAST = (
    sa.select(past_passwords.c.id, past_passwords.c.password_hash)
    .where(past_passwords.c.user_id == sa.bindparam("user"))
    .order_by(past_passwords.c.replaced_at.desc(), past_passwords.c.id)
)
_KEEP = sa.insert(past_passwords)
_FORGET = sa.delete(past_passwords).where(past_passwords.c.id.in_(sa.bindparam("ids", expanding=True)))


class AccountDisabled(Rejected):
    """The password is right, but the user is disabled or was not active for too long."""


class PasswordExpired(Rejected):
    """The password is right, but good for nothing any more but choosing another."""


def today() -> str:
    return clock.now().date().isoformat()


async def prove(request: Request, user: Row | None, password: str | None) -> None:
    """That a user, as PROVING found him, is who knows this password. Raises Rejected, AccountDisabled, PasswordExpired.

    A password is hashed for nobody, too, and for one who is locked out.
    """
    rules = request.cloud.config.security_compliance
    stored = user.password_hash if user is not None else None
    right = await passwords.verify_password(password or "", stored, request.cloud.authenticator.proven) and password is not None
    if user is None:
        raise Rejected("unknown user")
    if rules.lockout_failure_attempts is not None:
        # What was counted meanwhile counts, or many guesses at once would all find the account unlocked.
        locked = await request.db.read(lambda tx: _is_locked(tx, rules, user.id))
        if locked:
            raise Rejected(f"user {user.id} is locked out")
        if not right:
            await request.db.write(lambda tx: _count_failure(tx, rules, user.id))
    if not right:
        raise Rejected(f"wrong password of user {user.id}")
    if not user.enabled or compliance.is_inactive(rules, user):
        raise AccountDisabled(f"user {user.id} is disabled", f"The account is disabled for user: {user.id}.")
    if compliance.has_expired(user):
        told = f"The password is expired and needs to be changed for user: {user.id}."
        raise PasswordExpired(f"the password of user {user.id} has expired", told)
    if user.failed_auth_count or user.last_active_at != today():
        await request.db.write(lambda tx: tx.execute(_WELCOME, {"user": user.id, "today": today()}))


def _is_locked(tx: Transaction, rules: SecurityCompliance, user_id: str) -> bool:
    user = tx.row(BY_ID, {"user": user_id})
    return user is None or compliance.is_locked(rules, user)


def _count_failure(tx: Transaction, rules: SecurityCompliance, user_id: str) -> None:
    user = tx.row(BY_ID, {"user": user_id})
    if user is not None and not compliance.is_locked(rules, user):
        before = 0 if user.failed_auth_count >= (rules.lockout_failure_attempts or 0) else user.failed_auth_count
        tx.execute(_COUNT_FAILURE, {"user": user_id, "failures": before + 1, "at": clock.now()})


def new_password(rules: SecurityCompliance, hashed: str | None, options: Mapping[str, Any], *, chosen: bool = False) -> dict[str, Any]:
    """The columns of a user who gets a password now; `chosen` by himself, or set by who may."""
    return {
        "password_hash": hashed, "password_created_at": clock.now(), "password_chosen": chosen,
        "password_expires_at": compliance.expiry(rules, options, chosen=chosen),
    }  # fmt: skip


def remember(tx: Transaction, rules: SecurityCompliance, user: Row) -> None:
    """Keep the password that is replaced as long as it may not be chosen again, and no longer than that."""
    kept = max(0, rules.unique_last_password_count - 1)
    if kept and user.password_hash is not None:
        past = {"id": ids.new_hex(), "user_id": user.id, "password_hash": user.password_hash, "replaced_at": clock.now()}
        tx.execute(_KEEP, past)
    old = [row.id for row in tx.rows(_PAST, {"user": user.id})[kept:]]
    if old:
        tx.execute(_FORGET, {"ids": old})


async def check_unlike_last(request: Request, user: Row, password: str) -> None:
    """Raises BadRequest for a password that is one of the user's last ones. Each takes as long as a login."""
    rules = request.cloud.config.security_compliance
    if rules.unique_last_password_count == 0:
        return
    past = await request.db.read(lambda tx: tx.rows(_PAST, {"user": user.id}))
    for stored in [user.password_hash, *(row.password_hash for row in past)][: rules.unique_last_password_count]:
        if await passwords.verify_password(password, stored):
            raise compliance.repeats(rules)
