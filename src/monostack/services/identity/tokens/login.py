"""POST /v3/auth/tokens: who is it (methods), for what (scope), and the session that follows.

Every way of failing to prove who one is ends as Rejected, which the caller sees as the same 401.
"""

from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from monostack.core import clock
from monostack.core.errors import Forbidden
from monostack.db import Transaction
from monostack.http import Request
from monostack.services.identity import domains, passwords
from monostack.services.identity.dialect import expecting, forbidden_action
from monostack.services.identity.projects.table import projects
from monostack.services.identity.tokens import payload as kinds
from monostack.services.identity.tokens import session as sessions
from monostack.services.identity.tokens.payload import Payload, new_audit_id
from monostack.services.identity.tokens.session import Rejected, Session
from monostack.services.identity.users.table import users

_HASH = sa.select(users.c.id, users.c.password_hash)
_HASH_BY_ID = _HASH.where(users.c.id == sa.bindparam("user"))
_HASH_BY_NAME = _HASH.where(users.c.domain_id == sa.bindparam("domain"), users.c.name == sa.bindparam("name"))
_PROJECT_BY_NAME = sa.select(projects.c.id).where(projects.c.domain_id == sa.bindparam("domain"), projects.c.name == sa.bindparam("name"))


@dataclass(frozen=True, slots=True)
class Proof:
    """What the methods have shown: who, how, and until when if that is not as long as a new token lives."""

    user_id: str
    methods: tuple[str, ...]
    expires_at: int | None = None
    parent_audit_id: str | None = None
    parent: Session | None = None


async def log_in(request: Request, auth: dict[str, Any]) -> Session:
    """The session of a new token. Raises Rejected, BadRequest, Forbidden."""
    identity = auth["identity"]
    methods = list(dict.fromkeys(identity["methods"]))
    for method in methods:
        if method not in identity:
            raise expecting(method, "identity")
        if method not in METHODS:
            raise Rejected(f"method {method} is not supported")
    if not methods:
        raise Rejected("no method")
    proof: Proof | None = None
    for method in methods:
        shown = await METHODS[method](request, identity[method], auth)
        proof = shown if proof is None else _merged(proof, shown)
    assert proof is not None
    return await request.db.read(lambda tx: _establish(tx, request, proof, auth))


def _merged(one: Proof, other: Proof) -> Proof:
    if one.user_id != other.user_id:
        raise Rejected("the methods show different users")
    ends = [proof.expires_at for proof in (one, other) if proof.expires_at is not None]
    return Proof(
        one.user_id,
        one.methods + tuple(m for m in other.methods if m not in one.methods),
        min(ends) if ends else None,
        one.parent_audit_id or other.parent_audit_id,
        one.parent or other.parent,
    )


def _establish(tx: Transaction, request: Request, proof: Proof, auth: dict[str, Any]) -> Session:
    now = int(clock.timestamp())
    lifetime = request.cloud.config.identity.token_lifetime
    own = new_audit_id()
    audit_ids = (own,) if proof.parent_audit_id is None else (own, proof.parent_audit_id)
    payload = Payload(
        user_id=proof.user_id,
        methods=tuple(method for method in kinds.METHODS if method in proof.methods),
        expires_at=proof.expires_at or now + lifetime,
        audit_ids=audit_ids,
        generation=0,
        issued_at=now,
    )
    user = sessions.find_user(tx, proof.user_id)
    kind, scope_id = wanted_scope(tx, auth.get("scope"), user)
    session = sessions.establish(tx, replace(payload, kind=kind, scope_id=scope_id, generation=user.token_generation))
    scope = session.project if session.project is not None else session.domain
    if scope is not None:
        session.payload = replace(session.payload, scope_generation=scope.token_generation)
    return session


# --- methods -----------------------------------------------------------------------------------------------------------


def find_login_domain(tx: Transaction, given: dict[str, Any]) -> Row[Any]:
    """The enabled domain that a name's domain says."""
    if given.get("name"):
        domain = tx.row(domains.BY_NAME, {"name": given["name"]})
    else:
        domain = tx.row(domains.BY_ID, {"id": given.get("id")})
    if domain is None or not domain.enabled:
        raise Rejected("the domain does not exist or is disabled")
    return domain


def _find_login_user(tx: Transaction, user: dict[str, Any]) -> Row[Any] | None:
    if user.get("name"):
        domain = find_login_domain(tx, user["domain"])
        return tx.row(_HASH_BY_NAME, {"domain": domain.id, "name": user["name"]})
    return tx.row(_HASH_BY_ID, {"user": user["id"]})


async def by_password(request: Request, given: dict[str, Any], auth: dict[str, Any]) -> Proof:
    user = given.get("user")
    if user is None:
        raise expecting("user", "password")
    if user.get("name") and "domain" not in user:
        raise expecting("domain", "user")
    found = await request.db.read(lambda tx: _find_login_user(tx, user))
    password = user.get("password")
    right = await passwords.verify_password(password or "", found.password_hash if found is not None else None)
    if found is None or not right or password is None:
        raise Rejected("unknown user or wrong password")
    return Proof(found.id, ("password",))


async def by_token(request: Request, given: dict[str, Any], auth: dict[str, Any]) -> Proof:
    session: Session = await request.cloud.authenticator.session(given["id"])
    payload = session.payload
    scope = auth.get("scope") or {}
    if payload.kind == kinds.TRUST:
        raise Forbidden(forbidden_action("Using trust-scoped token to create another token. Create a new trust-scoped token instead"))
    if payload.kind == kinds.SYSTEM and ("project" in scope or "domain" in scope):
        raise Forbidden(
            forbidden_action("Using a system-scoped token to create a project-scoped or domain-scoped token is not allowed.")
        )
    if "application_credential" in payload.methods:
        raise Forbidden(forbidden_action("Using a delegated token to create another token is not allowed."))
    return Proof(payload.user_id, ("token", *payload.methods), payload.expires_at, payload.audit_ids[-1], session)


METHODS = {"password": by_password, "token": by_token}

# --- scope ---------------------------------------------------------------------------------------------------------------

_SCOPES = ("system", "project", "domain", "OS-TRUST:trust", "unscoped")


def wanted_scope(tx: Transaction, scope: Any, user: Row[Any]) -> tuple[int, str | None]:
    """The kind and id of the scope that is asked for; without one the user's default project, if it can be."""
    if scope is None:
        return _default_scope(tx, user)
    if sum(name in scope for name in _SCOPES) != 1:
        raise expecting("system, project, domain, OS-TRUST:trust or unscoped", "scope")
    if "system" in scope:
        return kinds.SYSTEM, None
    if "domain" in scope:
        return kinds.DOMAIN, find_login_domain(tx, scope["domain"]).id
    if "project" in scope:
        return kinds.PROJECT, _find_scope_project(tx, scope["project"])
    return kinds.UNSCOPED, None


def _find_scope_project(tx: Transaction, given: dict[str, Any]) -> str:
    if not given.get("name"):
        return given.get("id") or ""
    if "domain" not in given:
        raise expecting("domain", "project")
    domain = find_login_domain(tx, given["domain"])
    project_id = tx.scalar(_PROJECT_BY_NAME, {"domain": domain.id, "name": given["name"]})
    if project_id is None:
        raise Rejected(f"there is no project {given['name']} in domain {domain.id}")
    return project_id


def _default_scope(tx: Transaction, user: Row[Any]) -> tuple[int, str | None]:
    if user.default_project_id is not None:
        try:
            project = sessions.find_project(tx, user.default_project_id)
        except Rejected:
            return kinds.UNSCOPED, None
        if sessions.project_roles(tx, user.id, project):
            return kinds.PROJECT, project.id
    return kinds.UNSCOPED, None
