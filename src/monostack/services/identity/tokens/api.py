"""/v3/auth/tokens: make, show, check and revoke tokens."""

import logging
from typing import Any

from monostack.core.errors import BadRequest, NotFound
from monostack.db import Transaction
from monostack.http import Request, Response, Routes
from monostack.services.identity.dialect import AUTHENTICATE, expecting, invalid_in_full, unauthenticated, wrong_method
from monostack.services.identity.generation import changed
from monostack.services.identity.kinds import is_true
from monostack.services.identity.routing import require_json
from monostack.services.identity.tokens import payload as kinds
from monostack.services.identity.tokens import receipts
from monostack.services.identity.tokens.login import log_in
from monostack.services.identity.tokens.receipts import MoreNeeded, UnknownReceipt
from monostack.services.identity.tokens.revocations import revoke
from monostack.services.identity.tokens.schema import ISSUE, missing_name
from monostack.services.identity.tokens.session import Rejected, Session, WrongMethod
from monostack.services.identity.tokens.view import ANSWER, render
from monostack.services.identity.users.password import PasswordExpired

log = logging.getLogger(__name__)

EXPIRED_WINDOW = 48 * 3600  # seconds for which services may ask about an expired token: Keystone's [token] allow_expired_window

routes = Routes("/v3/auth")


async def catalog_of(request: Request, session: Session) -> Any:
    """The catalog for a scoped session's token, None for an unscoped one and where the caller wants none."""
    if session.payload.kind == kinds.UNSCOPED or "nocatalog" in request.query_map:
        return None
    return await request.cloud.authenticator.catalog(request.app_url, session)


@routes.post("/tokens", mode="async", public=True, status=201, answer=ANSWER)
async def create_token(request: Request) -> Response:
    """Make a token."""
    require_json(request)
    auth = (request.body or {}).get("auth")
    if auth is None:
        raise expecting("auth", "request body")
    error = ISSUE.error(auth)
    if error is not None:
        raise invalid_in_full(error)
    problem = missing_name(auth)
    if problem is not None:
        raise BadRequest(problem)
    try:
        session = await log_in(request, auth)
    except WrongMethod as wrong:
        return wrong_method(request, str(wrong), wrong.identity)
    except MoreNeeded as more:
        log.info("a login goes on: %s", more)
        return receipts.answer(request, more)
    except Rejected as reason:
        log.info("a login was refused: %s", reason)
        return unauthenticated(request, reason.told if isinstance(reason, PasswordExpired | UnknownReceipt) else AUTHENTICATE)
    token = request.cloud.authenticator.write(session.payload)
    return Response(render(session, await catalog_of(request, session)), 201, {"x-subject-token": token})


async def subject(request: Request, rule: str) -> tuple[str, Session]:
    """The token that the call is about, and its session."""
    token = request.headers.get("x-subject-token")
    if token is None:
        request.authorize(rule, {})
        raise NotFound("No token in the request")
    grace = EXPIRED_WINDOW if is_true(request.query_map.get("allow_expired", "0")) else 0
    try:
        session = await request.cloud.authenticator.session(token, grace)
    except Rejected as reason:
        raise NotFound(reason.told) from None
    # Who cannot enforce access rules must not take the token for one without.
    if session.access_rules is not None and "openstack-identity-access-rules" not in request.headers:
        raise NotFound("Failed to validate token")
    request.authorize(rule, {"target": {"token": {"user_id": session.actor.id}}})
    return token, session


@routes.get("/tokens", mode="async", policy="identity:validate_token", answer=ANSWER)
async def show_token(request: Request) -> Response:
    """Show what a token stands for."""
    token, session = await subject(request, "identity:validate_token")
    return Response(render(session, await catalog_of(request, session)), 200, {"x-subject-token": token})


@routes.head("/tokens", mode="async", policy="identity:check_token", answer=ANSWER)
async def check_token(request: Request) -> Response:
    """Say whether a token is valid."""
    token, session = await subject(request, "identity:check_token")
    return Response(render(session, await catalog_of(request, session)), 200, {"x-subject-token": token})


@routes.delete("/tokens", mode="async", policy="identity:revoke_token")
async def revoke_token(request: Request) -> Response:
    """Revoke a token."""
    _, session = await subject(request, "identity:revoke_token")

    def unit(tx: Transaction) -> None:
        revoke(tx, session.payload.audit_ids[0], session.payload.expires_at)
        changed(tx, request)

    await request.db.write(unit)
    return Response(None, 204)
