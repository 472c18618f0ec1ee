"""POST /v3/auth/tokens: who is it (methods), for what (scope), and the session that follows.

Every way of failing to prove who one is ends as Rejected, which the caller sees as the same 401.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from monostack.core import clock
from monostack.db import Transaction
from monostack.http import Request
from monostack.services.identity.dialect import expecting
from monostack.services.identity.moments import seconds
from monostack.services.identity.tokens import payload as kinds
from monostack.services.identity.tokens import session as sessions
from monostack.services.identity.tokens.methods import METHODS, Proof
from monostack.services.identity.tokens.payload import Payload, new_audit_id
from monostack.services.identity.tokens.receipts import MoreNeeded, shown_before
from monostack.services.identity.tokens.scope import wanted_scope
from monostack.services.identity.tokens.session import Rejected, Session, WrongMethod
from monostack.services.identity.trusts.uses import spend
from monostack.services.identity.users.factors import enough


async def log_in(request: Request, auth: dict[str, Any]) -> Session:
    """The session of a new token. Raises Rejected, BadRequest, Forbidden, NotFound."""
    identity = auth["identity"]
    methods = list(dict.fromkeys(identity["methods"]))
    for method in methods:
        if method not in identity:
            raise expecting(method, "identity")
    if not methods:
        raise Rejected("no method")
    if not METHODS.keys() >= set(methods):
        raise WrongMethod("Attempted to authenticate with an unsupported method.", {"methods": list(METHODS)})
    proof: Proof | None = None
    for method in methods:
        shown = await METHODS[method](request, identity[method], auth)
        proof = shown if proof is None else _merged(proof, shown)
    assert proof is not None
    proof = replace(proof, methods=tuple(dict.fromkeys((*proof.methods, *await shown_before(request, proof.user_id)))))
    session = await request.db.read(lambda tx: _establish(tx, request, proof, auth))
    trust = session.trust
    if trust is not None and trust.remaining_uses is not None:
        await request.db.write(lambda tx: spend(tx, trust.id))
    return session


def _in_order(methods: Iterable[str]) -> tuple[str, ...]:
    return tuple(method for method in kinds.METHODS if method in methods)


def _merged(one: Proof, other: Proof) -> Proof:
    if one.user_id != other.user_id:
        raise Rejected("the methods show different users")
    ends = [proof.expires_at for proof in (one, other) if proof.expires_at is not None]
    return Proof(
        one.user_id,
        one.methods + tuple(method for method in other.methods if method not in one.methods),
        min(ends) if ends else None,
        one.parent_audit_id or other.parent_audit_id,
        one.application_credential or other.application_credential,
        one.access_token or other.access_token,
    )


def _establish(tx: Transaction, request: Request, proof: Proof, auth: dict[str, Any]) -> Session:
    now = int(clock.timestamp())
    own = new_audit_id()
    user = sessions.find_user(tx, proof.user_id)
    if not enough(user.options, proof.methods):
        raise MoreNeeded(user, _in_order(proof.methods))
    scope = wanted_scope(tx, proof, auth.get("scope"), user)
    payload = Payload(
        user_id=proof.user_id,
        methods=_in_order(proof.methods),
        expires_at=proof.expires_at or now + request.cloud.config.identity.token_lifetime,
        audit_ids=(own,) if proof.parent_audit_id is None else (own, proof.parent_audit_id),
        generation=user.token_generation,
        kind=scope.kind,
        scope_id=scope.id,
        delegation_id=scope.delegation_id,
        issued_at=now,
    )
    session = sessions.establish(tx, payload)
    session.payload = replace(payload, scope_generation=session.scope_generation, expires_at=_end(session, payload.expires_at))
    return session


def _end(session: Session, expires_at: int) -> int:
    """A token does not outlive what it was obtained by."""
    for delegation in (session.trust, session.application_credential, session.access_token):
        if delegation is not None and delegation.expires_at is not None:
            expires_at = min(expires_at, seconds(delegation.expires_at))
    return expires_at
