"""Ways to show who one is: a password, a token, an application credential, a signature with an OAuth access token."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from monostack.core.errors import Forbidden, NotFound
from monostack.db import Row, Transaction
from monostack.http import Request
from monostack.services.identity import passwords
from monostack.services.identity.application_credentials.table import credentials
from monostack.services.identity.credentials.table import opened
from monostack.services.identity.delegation import PRIMARY
from monostack.services.identity.dialect import expecting, forbidden_action
from monostack.services.identity.moments import has_passed
from monostack.services.identity.oauth1.login import signed_by
from monostack.services.identity.tokens import passcodes
from monostack.services.identity.tokens import payload as kinds
from monostack.services.identity.tokens.scope import find_login_domain
from monostack.services.identity.tokens.session import Rejected, WrongMethod
from monostack.services.identity.users.password import BY_ID, PROVING, prove
from monostack.services.identity.users.table import users

_BY_NAME = PROVING.where(users.c.domain_id == sa.bindparam("domain"), users.c.name == sa.bindparam("name"))
_c = credentials.c
_CREDENTIAL = sa.select(credentials).where(_c.id == sa.bindparam("id"))
_CREDENTIAL_BY_NAME = sa.select(credentials).where(_c.user_id == sa.bindparam("user"), _c.name == sa.bindparam("name"))


@dataclass(frozen=True, slots=True)
class Proof:
    """What the methods have shown: who, how, and until when if that is not as long as a new token lives."""

    user_id: str
    methods: tuple[str, ...]
    expires_at: int | None = None
    parent_audit_id: str | None = None
    application_credential: Row | None = None
    access_token: Row | None = None


def _find_user(tx: Transaction, user: Mapping[str, Any]) -> Row | None:
    if user.get("name"):
        domain = find_login_domain(tx, user["domain"])
        return tx.row(_BY_NAME, {"domain": domain.id, "name": user["name"]})
    return tx.row(BY_ID, {"user": user.get("id")})


def _check_named(user: Mapping[str, Any]) -> None:
    if user.get("name") and "domain" not in user:
        raise expecting("domain", "user")
    if not user.get("name") and not user.get("id"):
        raise expecting("id or name", "user")


async def by_password(request: Request, given: dict[str, Any], auth: dict[str, Any]) -> Proof:
    """A user's password."""
    user = given.get("user")
    if user is None:
        raise expecting("user", "None")  # Keystone's text
    _check_named(user)
    try:
        found = await request.db.read(lambda tx: _find_user(tx, user))
    except Rejected:
        found = None  # told only after as long as a wrong password takes
    await prove(request, found, user.get("password"))
    assert found is not None
    return Proof(found.id, ("password",))


async def by_passcode(request: Request, given: Any, auth: dict[str, Any]) -> Proof:
    """A passcode (TOTP) of one of the secrets that are kept as the user's credentials."""
    user = given.get("user") if isinstance(given, dict) else None
    if not isinstance(user, dict):
        raise expecting("user", "None")  # Keystone's text
    _check_named(user)

    def look_up(tx: Transaction) -> tuple[str, list[str]] | None:
        found = _find_user(tx, user)
        return (found.id, passcodes.sealed_secrets(tx, found.id)) if found is not None else None

    found = await request.db.read(look_up)
    secrets = [opened(request.cloud, sealed) for sealed in found[1]] if found is not None else []
    if found is None or not any([passcodes.is_good(user.get("passcode"), secret) for secret in secrets]):
        raise Rejected("unknown user or wrong passcode")
    return Proof(found[0], ("totp",))


async def by_token(request: Request, given: dict[str, Any], auth: dict[str, Any]) -> Proof:
    """A token: the new one belongs to its chain and ends with it."""
    try:
        payload = (await request.cloud.authenticator.session(given["id"])).payload
    except Rejected as reason:
        raise NotFound(reason.told) from None
    scope = auth.get("scope")
    asked = scope if isinstance(scope, dict) else {}
    if payload.kind == kinds.TRUST:
        raise Forbidden(forbidden_action("Using trust-scoped token to create another token. Create a new trust-scoped token instead"))
    if payload.kind == kinds.SYSTEM and ("project" in asked or "domain" in asked):
        raise Forbidden(forbidden_action("Using a system-scoped token to create a project-scoped or domain-scoped token is not allowed."))
    if payload.kind == kinds.ACCESS_TOKEN:
        raise Forbidden(forbidden_action("Using OAuth-scoped token to create another token. Create a new OAuth-scoped token instead"))
    if not PRIMARY.issuperset(payload.methods):
        raise Forbidden(forbidden_action("Using a delegated token to create another token is not allowed."))
    return Proof(payload.user_id, ("token", *payload.methods), payload.expires_at, payload.audit_ids[-1])


def _find_credential(tx: Transaction, given: Mapping[str, Any]) -> Row | None:
    if given.get("id"):
        return tx.row(_CREDENTIAL, {"id": given["id"]})
    user = _find_user(tx, given["user"])
    return tx.row(_CREDENTIAL_BY_NAME, {"user": user.id, "name": given["name"]}) if user is not None else None


async def by_application_credential(request: Request, given: dict[str, Any], auth: dict[str, Any]) -> Proof:
    """An application credential's secret."""
    if not given.get("id"):
        if not given.get("name"):
            raise expecting("name or ID", "application credential")
        if not given.get("user"):
            raise expecting("user", "application credential")
        _check_named(given["user"])
    if "scope" in auth:
        raise WrongMethod("Error authenticating with application credential: Application credentials cannot request a scope.", {})
    found = await request.db.read(lambda tx: _find_credential(tx, given))
    secret = given.get("secret")
    stored = found.secret_hash if found is not None else None
    right = await passwords.verify_password(secret or "", stored, request.cloud.authenticator.proven)
    if found is None and given.get("id"):
        raise NotFound(f"Could not find Application Credential: {given['id']}.")
    if found is None or not right or secret is None or has_passed(found.expires_at):
        raise Rejected("unknown application credential, wrong secret, or expired")
    return Proof(found.user_id, ("application_credential",), application_credential=found)


async def by_access_token(request: Request, given: dict[str, Any], auth: dict[str, Any]) -> Proof:
    """An OAuth access token, with which the request itself is signed."""
    found = await request.db.read(lambda tx: signed_by(request, tx))
    if found is None:
        raise Rejected("wrong signature, or the access token has expired")
    return Proof(found.authorizing_user_id, ("oauth1",), access_token=found)


Method = Callable[[Request, dict[str, Any], dict[str, Any]], Awaitable[Proof]]
METHODS: Mapping[str, Method] = {
    "password": by_password,
    "token": by_token,
    "application_credential": by_application_credential,
    "oauth1": by_access_token,
    "totp": by_passcode,
}
