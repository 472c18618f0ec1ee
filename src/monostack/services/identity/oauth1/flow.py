"""/v3/OS-OAUTH1/{request_token,authorize,access_token}: how a consumer comes by an access token."""

import secrets
import string
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import sqlalchemy as sa

from monostack.core import clock, ids
from monostack.core.errors import Forbidden, NotFound, Unauthorized
from monostack.db import Row, Transaction
from monostack.events import record
from monostack.http import Request, Response, Routes
from monostack.http.answers import TEXT, Media, envelope
from monostack.http.schema import Schema
from monostack.services.identity import access, delegation
from monostack.services.identity.application_credentials.api import ROLE_REFERENCE, role_ids_of
from monostack.services.identity.credentials.table import opened, sealed
from monostack.services.identity.dialect import AUTHENTICATE, FORBIDDEN, invalid_in_full
from monostack.services.identity.moments import has_passed
from monostack.services.identity.oauth1 import signature
from monostack.services.identity.oauth1.table import (
    ACCESS_LIFETIME,
    REQUEST_LIFETIME,
    access_tokens,
    find_consumer,
    find_request_token,
    request_tokens,
)
from monostack.services.identity.projects.table import PROJECTS
from monostack.services.identity.style import STYLE
from monostack.services.identity.tokens.session import Rejected, find_project, project_roles

# Letters that are not mistaken for one another when a user types them.
_VERIFIER = "".join(set(string.ascii_letters + string.digits) - set("jiIl1oO0"))
_ROLES = {"type": "array", "items": ROLE_REFERENCE}
_AUTHORIZE = Schema(_ROLES)

_ADD_REQUEST = sa.insert(request_tokens)
_AUTHORIZED = (
    sa.update(request_tokens)
    .where(request_tokens.c.id == sa.bindparam("token"))
    .values(user_id=sa.bindparam("user"), verifier=sa.bindparam("code"), role_ids=sa.bindparam("roles"))
)
_USED = sa.delete(request_tokens).where(request_tokens.c.id == sa.bindparam("token"))
_ADD_ACCESS = sa.insert(access_tokens)

_FORM = Media("application/x-www-form-urlencoded")
_BODY = {"type": "object", "properties": {"roles": _ROLES}}
_VERIFIED = envelope("token", envelope("oauth_verifier", TEXT))

routes = Routes("/v3/OS-OAUTH1")


def _end(seconds: int) -> str:
    """A moment so many seconds from now, as it is stored."""
    return (clock.now() + timedelta(seconds=seconds)).isoformat(timespec="microseconds")


def _handed_out(token_id: str, secret: str, expires_at: str) -> Response:
    body = urlencode({"oauth_token": token_id, "oauth_token_secret": secret})
    return Response(f"{body}&oauth_expires_at={expires_at}Z".encode(), 201, content_type="application/x-www-form-urlencoded")


@routes.post("/request_token", public=True, status=201, answer=_FORM)
def create_request_token(request: Request, tx: Transaction) -> Response:
    """Give a consumer a token that a user is to authorize."""
    given = signature.parameters(request)
    (consumer_id,) = signature.required(given, "oauth_consumer_key")
    (project_id,) = signature.required({"Requested-Project-Id": request.headers.get("requested-project-id", "")}, "Requested-Project-Id")
    if access.find(PROJECTS, tx, project_id) is None:
        raise STYLE.not_found(PROJECTS, project_id)
    consumer = find_consumer(tx, consumer_id)
    signature.check(given)
    signature.check_callback(given)
    if not signature.is_right(request, given, opened(request.cloud, consumer.sealed_secret)):
        raise Unauthorized(AUTHENTICATE)
    token_id, secret, expires_at = ids.new_hex(), ids.new_hex(), _end(REQUEST_LIFETIME)
    tx.execute(_ADD_REQUEST, {
        "id": token_id, "sealed_secret": sealed(request.cloud, secret), "consumer_id": consumer_id, "project_id": project_id,
        "expires_at": expires_at,
    })  # fmt: skip
    return _handed_out(token_id, secret, expires_at)


@routes.put("/authorize/{id}", policy="identity:authorize_request_token", body_document=_BODY, answer=_VERIFIED)
def authorize_request_token(request: Request, tx: Transaction) -> dict[str, Any]:
    """Allow a consumer to act with some of one's roles; the verifier is for it."""
    request.authorize("identity:authorize_request_token", {})
    wanted = (request.body or {}).get("roles", [])
    error = _AUTHORIZE.error(wanted)
    if error is not None:
        raise invalid_in_full(error)
    if delegation.is_delegated(request):
        raise Forbidden(FORBIDDEN)
    token = _live(find_request_token(tx, request.params["id"]))
    role_ids = sorted(set(role_ids_of(tx, wanted)))
    user_id = request.caller.user_id
    try:
        held = {id for id, _ in project_roles(tx, user_id, find_project(tx, token.project_id))}
    except Rejected as reason:
        raise NotFound(reason.told) from None
    if not held.issuperset(role_ids):
        raise Unauthorized(AUTHENTICATE)
    verifier = "".join(secrets.choice(_VERIFIER) for _ in range(8))
    tx.execute(_AUTHORIZED, {"token": token.id, "user": user_id, "code": verifier, "roles": role_ids})
    record(tx, request, "oauth1.authorize", token.consumer_id, token.project_id)
    return {"token": {"oauth_verifier": verifier}}


def _live(token: Row) -> Row:
    if has_passed(token.expires_at):
        raise Unauthorized(AUTHENTICATE)
    return token


@routes.post("/access_token", public=True, status=201, answer=_FORM)
def create_access_token(request: Request, tx: Transaction) -> Response:
    """Exchange an authorized request token, which can be done once, for an access token."""
    given = signature.parameters(request)
    consumer_id, token_id, verifier = signature.required(given, "oauth_consumer_key", "oauth_token", "oauth_verifier")
    token = _live(find_request_token(tx, token_id))
    signature.check(given)
    consumer = find_consumer(tx, consumer_id)
    secrets_known = opened(request.cloud, consumer.sealed_secret), opened(request.cloud, token.sealed_secret)
    right = signature.is_right(request, given, *secrets_known)
    if not right or token.consumer_id != consumer_id or token.user_id is None:
        raise Unauthorized(AUTHENTICATE)
    if not secrets.compare_digest(token.verifier.encode(), verifier.encode()):
        raise Unauthorized(AUTHENTICATE)
    if tx.execute(_USED, {"token": token_id}).rowcount == 0:
        raise NotFound("Request token not found")  # another call has just exchanged it
    access_id, secret, expires_at = ids.new_hex(), ids.new_hex(), _end(ACCESS_LIFETIME)
    tx.execute(_ADD_ACCESS, {
        "id": access_id, "sealed_secret": sealed(request.cloud, secret), "consumer_id": consumer_id, "project_id": token.project_id,
        "authorizing_user_id": token.user_id, "role_ids": token.role_ids, "expires_at": expires_at,
    })  # fmt: skip
    record(tx, None, "oauth1.access", access_id, token.project_id)
    return _handed_out(access_id, secret, expires_at)
