"""/v3/users: users and their passwords."""

from typing import Any

import sqlalchemy as sa

from monostack.core.errors import BadRequest, Unauthorized
from monostack.db import Transaction
from monostack.events import record
from monostack.http import Request, Response
from monostack.http.answers import NULL, OBJECT, envelope
from monostack.http.schema import Schema
from monostack.services.identity import access, passwords
from monostack.services.identity.dialect import AUTHENTICATE, invalid_in_full
from monostack.services.identity.domains import BY_ID as DOMAIN_BY_ID
from monostack.services.identity.generation import changed
from monostack.services.identity.groups.api import list_groups_of_user
from monostack.services.identity.groups.table import GROUPS
from monostack.services.identity.immutable import merged_options
from monostack.services.identity.kinds import BOOLEAN, IDENTIFIER, ORDER, is_true, query, words
from monostack.services.identity.moments import without_expiring
from monostack.services.identity.removal import forget_user
from monostack.services.identity.style import STYLE, page_of
from monostack.services.identity.users.factors import check_rules
from monostack.services.identity.users.table import USERS, users

_SET_PASSWORD = (
    sa.update(users)
    .where(users.c.id == sa.bindparam("user"))
    .values(password_hash=sa.bindparam("hash"), token_generation=users.c.token_generation + 1)
)
_REVOKE = sa.update(users).where(users.c.id == sa.bindparam("user")).values(token_generation=users.c.token_generation + 1)
_HASH = sa.select(users.c.password_hash, users.c.enabled, users.c.options).where(users.c.id == sa.bindparam("user"))


_list_in_domain = access.list_in_domain(USERS)


def list_users(request: Request, tx: Transaction) -> Any:
    """List users."""
    return without_expiring(request, _list_in_domain(request, tx))


async def hashed(request: Request) -> str | None:
    """The hash of the password in the body, made before the transaction begins."""
    password = request.body["user"].get("password")
    return None if password is None else await passwords.hash_password(password)


def _given(request: Request) -> dict[str, Any]:
    """What the body gives but for the password."""
    given = {name: value for name, value in request.body["user"].items() if name != "password"}
    check_rules(given.get("options") or {})
    return given


def _check_default_project(tx: Transaction, given: dict[str, Any]) -> None:
    project_id = given.get("default_project_id")
    if project_id is not None and tx.row(DOMAIN_BY_ID, {"id": project_id}) is not None:
        raise BadRequest(f"User's default project ID cannot be a domain ID: {project_id}")


def create_user(request: Request, tx: Transaction) -> dict[str, Any]:
    """Create a user."""
    given = _given(request)
    access.authorize_create(USERS, request, given)
    domain_id = given["domain_id"] = access.own_domain(request, given)
    access.require_domain(tx, domain_id)
    _check_default_project(tx, given)
    given["name"] = given["name"].strip()
    access.free_name(USERS, tx, given["name"], domain_id)
    values = USERS.accept_create(request, given)
    values["enabled"] = is_true(values["enabled"])
    values["password_hash"] = request.prepared
    return USERS.render(request, tx, USERS.insert(tx, request, values))


def update_user(request: Request, tx: Transaction) -> dict[str, Any]:
    """Update a user. A new password and disabling revoke the user's tokens."""
    row = USERS.allowed(request, tx, "update")
    given = _given(request)
    access.keep_id(row, given)
    access.keep_domain(row, given)
    _check_default_project(tx, given)
    if "name" in given:
        given["name"] = given["name"].strip()
        access.free_name(USERS, tx, given["name"], row.domain_id, row.id)
    if "enabled" in given:
        given["enabled"] = is_true(given["enabled"])
    if "options" in given:
        given["options"] = merged_options(row, given["options"])
    if request.prepared is not None:
        tx.execute(_SET_PASSWORD, {"user": row.id, "hash": request.prepared})
        record(tx, request, "user.password", row.id)
    elif given.get("enabled") is False and row.enabled:
        tx.execute(_REVOKE, {"user": row.id})
    changed_row = USERS.change(tx, request, row, USERS.accept_update(request, given))
    answer = USERS.render(request, tx, changed_row)
    answer["user"]["extra"] = changed_row.extra or {}  # an update shows them twice, as Keystone's always has
    return answer


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
    schema["properties"]["user"]["properties"].update(password=text, description=text, federated={"type": "array"})
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

_STRING = {"type": "string"}
_NEW_PASSWORD = Schema({
    "type": "object",
    "properties": {"original_password": _STRING, "password": _STRING},
    "required": ["original_password", "password"],
    "additionalProperties": False,
})  # fmt: skip


@routes.post("/{id}/password", mode="async", public=True, status=204)
async def change_password(request: Request) -> Response:
    """Change one's own password. The old one proves who asks; no token is needed."""
    user_id = request.params["id"]
    given = request.body.get("user", {}) if isinstance(request.body, dict) else {}
    error = _NEW_PASSWORD.error(given)
    if error is not None:
        raise invalid_in_full(error)
    row = await request.db.read(lambda tx: tx.row(_HASH, {"user": user_id}))
    right = await passwords.verify_password(given["original_password"], row.password_hash if row is not None else None)
    if row is None or not right or not row.enabled:
        raise Unauthorized(AUTHENTICATE)
    if (row.options or {}).get("lock_password"):
        raise BadRequest(
            "You cannot change your password at this time due to password policy disallowing password changes. Please contact your"
            " administrator to reset your password."
        )
    new = await passwords.hash_password(given["password"])

    def unit(tx: Transaction) -> None:
        # Another change may have come in between: only who knows the password of now may set the next.
        now = tx.row(_HASH, {"user": user_id})
        if now is None or now.password_hash != row.password_hash:
            raise Unauthorized(AUTHENTICATE)
        tx.execute(_SET_PASSWORD, {"user": user_id, "hash": new})
        record(tx, None, "user.password", user_id)
        changed(tx, request)

    await request.db.write(unit)
    return Response(None, 204)
