"""/v3/users/{id}/OS-OAUTH1/access_tokens: what a user has allowed to consumers."""

from typing import Any

import sqlalchemy as sa

from monostack.core.errors import Forbidden, NotFound, Unauthorized
from monostack.db import Row, Transaction
from monostack.events import record
from monostack.http import Request, Routes
from monostack.http.answers import TEXT, Record, envelope, many
from monostack.services.identity import delegation
from monostack.services.identity.dialect import AUTHENTICATE, FORBIDDEN
from monostack.services.identity.oauth1.table import access_tokens, find_access_token
from monostack.services.identity.roles.table import ROLES, roles
from monostack.services.identity.style import PAGE_KEYS, STYLE, collection

_OF_USER = sa.select(access_tokens).where(access_tokens.c.authorizing_user_id == sa.bindparam("user")).order_by(access_tokens.c.id)
_ROLES = sa.select(roles).where(roles.c.id.in_(sa.bindparam("ids", expanding=True))).order_by(roles.c.id)
_DELETE = sa.delete(access_tokens).where(access_tokens.c.id == sa.bindparam("token"))
# The same rule as for EC2 keys, as in Keystone: a user may end what he allowed.
_DELETE_RULE = "identity:ec2_delete_credential"

_KEYS = ("id", "authorizing_user_id", "project_id", "consumer_id", "expires_at")
_TOKEN = Record("OAuthAccessToken", {**dict.fromkeys(_KEYS, TEXT), "links": Record("", {"self": TEXT, "roles": TEXT})})
_ROLE = ROLES.answer.with_keys("RoleOfAccessToken", {}, without=("description",))

routes = Routes("/v3/users/{id}/OS-OAUTH1/access_tokens")


def _shown(request: Request, row: Row) -> dict[str, Any]:
    url = f"{request.service_url}/v3/users/{row.authorizing_user_id}/OS-OAUTH1/access_tokens/{row.id}"
    return {
        "id": row.id,
        "authorizing_user_id": row.authorizing_user_id,
        "project_id": row.project_id,
        "consumer_id": row.consumer_id,
        "expires_at": f"{row.expires_at}Z",
        "links": {"self": url, "roles": f"{url}/roles"},
    }


def _forbid_delegates(request: Request) -> None:
    if delegation.is_delegated(request):
        raise Forbidden(FORBIDDEN)


def _roles(request: Request, tx: Transaction, token: Row) -> list[dict[str, Any]]:
    shown = ROLES.views(request, tx, tx.rows(_ROLES, {"ids": token.role_ids}))
    return [{name: value for name, value in role.items() if name != "description"} for role in shown]


@routes.get("", policy="identity:list_access_tokens", answer=Record("", {"access_tokens": many(_TOKEN), **PAGE_KEYS}))
def list_access_tokens(request: Request, tx: Transaction) -> dict[str, Any]:
    """List the access tokens that a user has authorized."""
    request.authorize("identity:list_access_tokens", {})
    _forbid_delegates(request)
    rows = tx.rows(_OF_USER, {"user": request.params["id"]})
    return collection(request, "access_tokens", [_shown(request, row) for row in rows])


def _find(request: Request, tx: Transaction) -> Row:
    row = find_access_token(tx, request.params["token_id"])
    if row.authorizing_user_id != request.params["id"]:
        raise NotFound("Could not find: %(target)s.")  # Keystone's text, which is not filled in
    return row


@routes.get("/{token_id}", policy="identity:get_access_token", answer=envelope("access_token", _TOKEN))
def show_access_token(request: Request, tx: Transaction) -> dict[str, Any]:
    """Show an access token."""
    request.authorize("identity:get_access_token", {})
    _forbid_delegates(request)
    return {"access_token": _shown(request, _find(request, tx))}


@routes.delete("/{token_id}", policy=_DELETE_RULE)
def delete_access_token(request: Request, tx: Transaction) -> None:
    """End what an access token allows. What was obtained by it ends, too."""
    user_id = request.params["id"]
    request.authorize(_DELETE_RULE, {"target": {"credential": {"user_id": user_id}}})
    _forbid_delegates(request)
    row = find_access_token(tx, request.params["token_id"])
    if row.authorizing_user_id != user_id:
        raise Unauthorized(AUTHENTICATE)
    tx.execute(_DELETE, {"token": row.id})
    record(tx, request, "oauth1.revoke", row.id, row.project_id)


@routes.get("/{token_id}/roles", policy="identity:list_access_token_roles", answer=Record("", {"roles": many(_ROLE), **PAGE_KEYS}))
def list_roles(request: Request, tx: Transaction) -> dict[str, Any]:
    """List the roles an access token gives."""
    request.authorize("identity:list_access_token_roles", {})
    return collection(request, "roles", _roles(request, tx, _find(request, tx)))


@routes.get("/{token_id}/roles/{role_id}", policy="identity:get_access_token_role", answer=envelope("role", _ROLE))
def show_role(request: Request, tx: Transaction) -> dict[str, Any]:
    """Show a role an access token gives."""
    request.authorize("identity:get_access_token_role", {})
    row = find_access_token(tx, request.params["token_id"])
    if row.authorizing_user_id != request.params["id"]:
        raise Unauthorized(AUTHENTICATE)
    for role in _roles(request, tx, row):
        if role["id"] == request.params["role_id"]:
            return {"role": role}
    raise STYLE.not_found(ROLES, request.params["role_id"])
