"""/v3/users: users and their passwords."""

from typing import Any

import sqlalchemy as sa

from monostack.core.config import SecurityCompliance
from monostack.core.errors import BadRequest
from monostack.db import Row, Transaction
from monostack.events import record
from monostack.http import Request
from monostack.http.answers import NULL, OBJECT, envelope
from monostack.services.identity import access, passwords
from monostack.services.identity.domains import BY_ID as DOMAIN_BY_ID
from monostack.services.identity.groups.api import list_groups_of_user
from monostack.services.identity.groups.table import GROUPS
from monostack.services.identity.immutable import merged_options
from monostack.services.identity.kinds import BOOLEAN, IDENTIFIER, ORDER, is_true, query, words
from monostack.services.identity.removal import forget_user
from monostack.services.identity.style import STYLE, page_of
from monostack.services.identity.users import compliance
from monostack.services.identity.users.password import new_password, remember, today
from monostack.services.identity.users.table import USERS, users

_REVOKE = sa.update(users).where(users.c.id == sa.bindparam("user")).values(token_generation=users.c.token_generation + 1)
_FROM_ELSEWHERE = ("idp_id", "protocol_id", "unique_id")  # filters for users of other identity providers

_list_in_domain = access.list_in_domain(USERS)


def list_users(request: Request, tx: Transaction) -> dict[str, Any]:
    """List users. Those of other identity providers are none."""
    answer = _list_in_domain(request, tx)
    if any(name in request.query_map for name in _FROM_ELSEWHERE):
        answer["users"] = []
    return answer


async def hashed(request: Request) -> str | None:
    """The hash of the password in the body, made before the transaction begins."""
    password = request.body["user"].get("password")
    return None if password is None else await passwords.hash_password(password)


def _given(request: Request) -> dict[str, Any]:
    """What the body gives but for the password."""
    return {name: value for name, value in request.body["user"].items() if name != "password"}


def _rules(request: Request) -> SecurityCompliance:
    return request.cloud.config.security_compliance


def _check_strength(request: Request) -> None:
    if "password" in request.body["user"]:
        compliance.check_strength(_rules(request), request.body["user"]["password"])


def _check_default_project(tx: Transaction, given: dict[str, Any]) -> None:
    project_id = given.get("default_project_id")
    if project_id is not None and tx.row(DOMAIN_BY_ID, {"id": project_id}) is not None:
        raise BadRequest(f"User's default project ID cannot be a domain ID: {project_id}")


def create_user(request: Request, tx: Transaction) -> dict[str, Any]:
    """Create a user."""
    given = _given(request)
    access.authorize_create(USERS, request, given)
    domain_id = given["domain_id"] = access.own_domain(request, given)
    _check_strength(request)
    access.require_domain(tx, domain_id)
    _check_default_project(tx, given)
    given["name"] = given["name"].strip()
    access.free_name(USERS, tx, given["name"], domain_id)
    access.check_lengths(USERS, given)
    values = USERS.accept_create(request, given)
    values["enabled"] = is_true(values["enabled"])
    if "password" in request.body["user"]:
        # Options exempt from the rules when a password is set for a user who has them; one who is being made has none yet.
        values |= new_password(_rules(request), request.prepared, {})
    return USERS.render(request, tx, USERS.insert(tx, request, values))


def update_user(request: Request, tx: Transaction) -> dict[str, Any]:
    """Update a user. A new password and disabling revoke the user's tokens."""
    row = USERS.allowed(request, tx, "update")
    given = _given(request)
    access.keep_id(row, given)
    access.keep_domain(row, given)
    _check_strength(request)
    if "id" in given and given["id"] is None:
        raise BadRequest("Cannot change user ID")
    _check_default_project(tx, given)
    access.check_lengths(USERS, given)
    if "name" in given:
        given["name"] = given["name"].strip()
        access.free_name(USERS, tx, given["name"], row.domain_id, row.id)
    if "enabled" in given:
        given["enabled"] = is_true(given["enabled"])
    if "options" in given:
        given["options"] = merged_options(row, given["options"])
    values = {**USERS.accept_update(request, given), **_password_set(request, tx, row, given), **_unlocked(request, row, given)}
    changed_row = USERS.change(tx, request, row, values)
    answer = USERS.render(request, tx, changed_row)
    answer["user"]["extra"] = changed_row.extra or {}  # an update shows them twice, as Keystone's always has
    return answer


def _password_set(request: Request, tx: Transaction, row: Row, given: dict[str, Any]) -> dict[str, Any]:
    """The columns of a user who is given another password, or none, or is disabled: his tokens end."""
    values: dict[str, Any] = {}
    if "password" in request.body["user"]:
        remember(tx, _rules(request), row)
        values = new_password(_rules(request), request.prepared, given.get("options", row.options) or {})
        record(tx, request, "user.password", row.id)
    if request.prepared is not None or (given.get("enabled") is False and row.enabled):
        values["token_generation"] = row.token_generation + 1
    return values


def _unlocked(request: Request, row: Row, given: dict[str, Any]) -> dict[str, Any]:
    """The columns of a user who is enabled, or stays so: whatever is changed of him lets him in again."""
    if not given.get("enabled", row.enabled):
        return {}
    values: dict[str, Any] = {"failed_auth_count": 0, "failed_auth_at": None} if row.failed_auth_count else {}
    if _rules(request).disable_user_account_days_inactive is not None and row.last_active_at != today():
        values["last_active_at"] = today()
    return values


def delete_user(request: Request, tx: Transaction) -> None:
    """Delete a user."""
    row = USERS.allowed(request, tx, "delete")
    forget_user(tx, row.id)
    USERS.remove(tx, request, row)


def revoke_tokens(request: Request, tx: Transaction) -> None:
    """Revoke all tokens of a user."""
    user_id = request.params["id"]
    row = access.find(USERS, tx, user_id)
    request.authorize("identity:revoke_tokens_for_user", {"user_id": user_id})
    if row is None:
        raise STYLE.not_found(USERS, user_id)
    tx.execute(_REVOKE, {"user": user_id})
    record(tx, request, "user.revoke_tokens", user_id)


def _body(method: str) -> dict[str, Any]:
    schema = USERS.body_schema(method)
    text = {"type": ["string", "null"]}
    schema["properties"]["user"]["properties"].update(password=text, description=text, default_project_id=text, federated={"type": "array"})
    if method == "update":
        schema["properties"]["user"]["properties"]["domain_id"] = IDENTIFIER
        schema["properties"]["user"]["minProperties"] = 1
    return schema


_QUERY = query(name=words(255), domain_id=IDENTIFIER, enabled=BOOLEAN, sort_dir=ORDER)
routes = USERS.routes(only=("show",))
routes.add("GET", "", list_users, "read", policy="identity:list_users", query=_QUERY, answer=USERS.answer_list)
routes.add(
    "POST",
    "",
    create_user,
    "write",
    body=_body("create"),
    prepare=hashed,
    status=201,
    policy="identity:create_user",
    answer=USERS.answer_one,
)
routes.add(
    "PATCH",
    "/{id}",
    update_user,
    "write",
    body=_body("update"),
    prepare=hashed,
    policy="identity:update_user",
    answer=envelope("user", USERS.answer.with_keys("UpdatedUser", {"extra": OBJECT})),
)
routes.add("DELETE", "/{id}", delete_user, "write", status=204, policy="identity:delete_user")
routes.add("DELETE", "/{id}/tokens", revoke_tokens, "write", status=204, policy="identity:revoke_tokens_for_user")
routes.add(
    "GET",
    "/{id}/groups",
    list_groups_of_user,
    "read",
    policy="identity:list_groups_for_user",
    answer=page_of(GROUPS, GROUPS.answer.with_keys("GroupOfUser", {"membership_expires_at": NULL})),
)
