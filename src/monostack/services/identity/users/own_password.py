"""POST /v3/users/{id}/password: a user changes his own password. The old one proves who asks; no token is needed."""

import logging

import sqlalchemy as sa

from monostack.core.errors import Unauthorized
from monostack.db import Transaction
from monostack.events import record
from monostack.http import Request, Response, Routes
from monostack.http.schema import Schema
from monostack.services.identity import passwords
from monostack.services.identity.dialect import AUTHENTICATE, invalid_in_full, unauthenticated
from monostack.services.identity.generation import changed
from monostack.services.identity.tokens.session import Rejected
from monostack.services.identity.users import compliance
from monostack.services.identity.users.password import (
    BY_ID,
    AccountDisabled,
    PasswordExpired,
    check_unlike_last,
    new_password,
    prove,
    remember,
)
from monostack.services.identity.users.table import users

log = logging.getLogger(__name__)

_COLUMNS = ("password_hash", "password_created_at", "password_chosen", "password_expires_at")
_CHOOSE = (
    sa.update(users)
    .where(users.c.id == sa.bindparam("user"))
    .values(**{name: sa.bindparam(f"new_{name}") for name in _COLUMNS}, token_generation=users.c.token_generation + 1)
)
_STRING = {"type": "string"}
_BODY = Schema({
    "type": "object",
    "properties": {"original_password": _STRING, "password": _STRING},
    "required": ["original_password", "password"],
    "additionalProperties": False,
})  # fmt: skip

routes = Routes("/v3/users")


@routes.post("/{id}/password", mode="async", public=True, status=204)
async def change_password(request: Request) -> Response:
    """Change one's own password. The old one proves who asks; no token is needed."""
    user_id = request.params["id"]
    given = request.body.get("user", {}) if isinstance(request.body, dict) else {}
    error = _BODY.error(given)
    if error is not None:
        raise invalid_in_full(error)
    user = await request.db.read(lambda tx: tx.row(BY_ID, {"user": user_id}))
    try:
        await prove(request, user, given["original_password"])
    except PasswordExpired as expired:
        log.info("%s and is being changed", expired)
    except Rejected as reason:
        log.info("a password was not changed: %s", reason)
        return unauthenticated(request, reason.told if isinstance(reason, AccountDisabled) else AUTHENTICATE)
    assert user is not None
    rules = request.cloud.config.security_compliance
    compliance.check_strength(rules, given["password"])
    compliance.check_may_change(rules, user)
    await check_unlike_last(request, user, given["password"])
    new = await passwords.hash_password(given["password"])

    def unit(tx: Transaction) -> None:
        # Another change may have come in between: only who knows the password of now may set the next.
        now = tx.row(BY_ID, {"user": user_id})
        if now is None or now.password_hash != user.password_hash:
            raise Unauthorized(AUTHENTICATE)
        remember(tx, rules, now)
        columns = new_password(rules, new, now.options or {}, chosen=True)
        tx.execute(_CHOOSE, {"user": user_id, **{f"new_{name}": value for name, value in columns.items()}})
        record(tx, None, "user.password", user_id)
        changed(tx, request)

    await request.db.write(unit)
    return Response(None, 204)
