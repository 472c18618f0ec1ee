"""/v3/users/{id}/application_credentials."""

import secrets
from typing import Any

import sqlalchemy as sa

from monostack.core import ids
from monostack.core.errors import BadRequest, Conflict, Forbidden, NotFound
from monostack.db import Row, Transaction
from monostack.http import Request, Routes
from monostack.http.answers import TEXT, envelope
from monostack.services.identity import access, delegation, passwords
from monostack.services.identity.application_credentials.rules import find_or_make
from monostack.services.identity.application_credentials.table import CREDENTIALS, credential_roles, credential_rules, credentials
from monostack.services.identity.assignments.table import with_implied
from monostack.services.identity.dialect import forbidden_action
from monostack.services.identity.kinds import IDENTIFIER
from monostack.services.identity.moments import parse_expiration
from monostack.services.identity.roles.table import roles
from monostack.services.identity.style import STYLE
from monostack.services.identity.tokens.session import find_project, project_roles

_OF_USER = credentials.c.user_id == sa.bindparam("owner")
_NAMED = sa.select(credentials.c.id).where(credentials.c.user_id == sa.bindparam("user"), credentials.c.name == sa.bindparam("name"))
_ROLE_NAMED = sa.select(roles.c.id).where(roles.c.name == sa.bindparam("name"))
_ADD_ROLE = sa.insert(credential_roles)
_ADD_RULE = sa.insert(credential_rules)

_TEXT = {"type": ["string", "null"]}
_RULE = {
    "type": "object",
    "properties": {
        "id": IDENTIFIER,
        "path": {"type": "string", "minLength": 0, "maxLength": 225, "pattern": r"^/\.*"},
        "service": IDENTIFIER,
        "method": {"type": "string", "enum": ["DELETE", "GET", "HEAD", "PATCH", "POST", "PUT"]},
    },
}
ROLE_REFERENCE = {
    "type": "object",
    "properties": {"id": IDENTIFIER, "name": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"[\S]+"}},
    "minProperties": 1,
    "maxProperties": 1,
    "additionalProperties": False,
}
_CREATE = {
    "type": "object",
    "properties": {
        "application_credential": {
            "type": "object",
            "properties": {
                "id": {"type": "string"},
                "secret": _TEXT,
                "name": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"[\S]+"},
                "description": _TEXT,
                "expires_at": _TEXT,
                "project_id": {"type": "string"},
                "access_rules": {"type": "array", "items": _RULE},
                "unrestricted": {"type": ["boolean", "null"]},
                "system": _TEXT,
                "roles": {"type": "array", "items": ROLE_REFERENCE},
            },
            "additionalProperties": False,
            "required": ["name"],
        }
    },
    "required": ["application_credential"],
    "additionalProperties": False,
}

routes = Routes("/v3/users/{id}/application_credentials")
_NEW = envelope("application_credential", CREDENTIALS.answer.with_keys("NewApplicationCredential", {"secret": TEXT}))


@routes.get("", policy="identity:list_application_credentials", answer=CREDENTIALS.answer_list)
def list_credentials(request: Request, tx: Transaction) -> Any:
    """List a user's application credentials."""
    owner = request.params["id"]
    request.authorize("identity:list_application_credentials", {"user_id": owner})
    delegation.forbid_application_credentials(request)
    query = STYLE.parse_list(request, CREDENTIALS)
    rows = CREDENTIALS.page(request, tx, query, _OF_USER, {"owner": owner})
    return STYLE.list_envelope(request, CREDENTIALS, CREDENTIALS.views(request, tx, rows), query)


async def hashed_secret(request: Request) -> tuple[str, str]:
    """The secret, made if none is given, and its hash."""
    secret = request.body["application_credential"].get("secret") or secrets.token_urlsafe(64)
    return secret, await passwords.hash_password(secret)


@routes.post("", policy="identity:create_application_credential", status=201, body=_CREATE, prepare=hashed_secret, answer=_NEW)
def create_credential(request: Request, tx: Transaction) -> dict[str, Any]:
    """Create an application credential for the project of one's token."""
    owner, given = request.params["id"], request.body["application_credential"]
    request.authorize("identity:create_application_credential", {"user_id": owner})
    delegation.forbid_application_credentials(request)
    delegation.require_unrestricted(request)
    if request.caller.user_id != owner:
        raise Forbidden(forbidden_action("Cannot create an application credential for another user."))
    if request.caller.project_id is None:
        raise BadRequest("Invalid application credential: A project-scoped token is required.")
    role_ids = _wanted_roles(request, tx, given.get("roles"))
    expires_at = parse_expiration(given["expires_at"]) if given.get("expires_at") else None
    if tx.row(_NAMED, {"user": owner, "name": given["name"]}) is not None:
        raise Conflict(
            f"Conflict occurred attempting to store application_credential - Duplicate entry found with name {given['name']}."
        )
    secret, secret_hash = request.prepared
    values = CREDENTIALS.accept_create(request, {name: given[name] for name in ("name", "description", "unrestricted") if name in given})
    values.update(id=ids.new_hex(), user_id=owner, expires_at=expires_at, secret_hash=secret_hash)
    row = CREDENTIALS.insert(tx, request, values)
    tx.execute(_ADD_ROLE, [{"credential_id": row.id, "role_id": role_id} for role_id in role_ids])
    rule_ids = find_or_make(request, tx, owner, given.get("access_rules") or [])
    if rule_ids:
        tx.execute(_ADD_RULE, [{"credential_id": row.id, "rule_id": rule_id} for rule_id in rule_ids])
    answer = CREDENTIALS.render(request, tx, row)
    answer["application_credential"]["secret"] = secret
    return answer


def role_ids_of(tx: Transaction, wanted: list[dict[str, str]]) -> list[str]:
    """The ids of roles given by id or by name. Raises NotFound for a name nobody has."""
    found: list[str] = []
    for role in wanted:
        if "id" in role:
            found.append(role["id"])
            continue
        named = tx.rows(_ROLE_NAMED, {"name": role["name"]})
        if not named:
            raise NotFound(f"Role {role['name']} is not defined")
        if len(named) > 1:
            raise BadRequest(
                f"There are multiple role entities named '{role['name']}'. Please use ID instead of names to resolve the ambiguity."
            )
        found.append(named[0][0])
    return found


def _wanted_roles(request: Request, tx: Transaction, wanted: list[dict[str, str]] | None) -> list[str]:
    """The roles the credential is to have: those asked for and what they imply, or all the token has; no other than the token has."""
    assert request.caller.project_id is not None
    held = [id for id, name in project_roles(tx, request.caller.user_id, find_project(tx, request.caller.project_id))
            if name in request.caller.roles]  # fmt: skip
    if not wanted:
        return held
    role_ids = with_implied(tx, role_ids_of(tx, wanted))
    if not set(held).issuperset(role_ids):
        raise BadRequest("Invalid application credential: Cannot create an application credential with unassigned role")
    return role_ids


def _find(request: Request, tx: Transaction, rule: str) -> Row:
    """The credential of the path. Its own user counts, not the one in the path."""
    credential_id = request.params["credential_id"]
    row = access.find(CREDENTIALS, tx, credential_id)
    request.authorize(rule, {"user_id": row.user_id if row is not None else request.params["id"]})
    delegation.forbid_application_credentials(request)
    if row is None:
        raise STYLE.not_found(CREDENTIALS, credential_id)
    return row


@routes.get("/{credential_id}", policy="identity:get_application_credential", answer=CREDENTIALS.answer_one)
def show_credential(request: Request, tx: Transaction) -> dict[str, Any]:
    """Show an application credential."""
    return CREDENTIALS.render(request, tx, _find(request, tx, "identity:get_application_credential"))


@routes.delete("/{credential_id}", policy="identity:delete_application_credential")
def delete_credential(request: Request, tx: Transaction) -> None:
    """Delete an application credential; its tokens end with it."""
    row = _find(request, tx, "identity:delete_application_credential")
    delegation.require_unrestricted(request)
    CREDENTIALS.remove(tx, request, row)
