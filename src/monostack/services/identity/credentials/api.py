"""/v3/credentials."""

import hashlib
import json
from typing import Any

import sqlalchemy as sa

from monostack.core.errors import BadRequest, Conflict
from monostack.db import Transaction
from monostack.http import Request
from monostack.services.identity import access, delegation
from monostack.services.identity.credentials.table import CREDENTIALS, credentials, opened, sealed
from monostack.services.identity.dialect import expecting
from monostack.services.identity.style import STYLE

EC2 = "ec2"
_OWN = credentials.c.user_id == sa.bindparam("caller_user")
# What an EC2 credential was obtained by stays with it.
FIXED = ("trust_id", "app_cred_id", "access_token_id", "access_id")


def access_key_id(access_key: str) -> str:
    """The id of the credential with an EC2 access key."""
    return hashlib.sha256(access_key.encode()).hexdigest()


def _ec2_blob(text: str) -> dict[str, Any]:
    """The content of an EC2 credential."""
    try:
        blob = json.loads(text)
    except ValueError:
        raise BadRequest("Invalid blob in credential") from None
    if not blob or not isinstance(blob, dict):
        raise expecting("blob", "credential")
    if not isinstance(blob.get("access"), str):
        raise expecting("access", "credential")
    return blob


def list_credentials(request: Request, tx: Transaction) -> Any:
    """List credentials: one's own, or for administrators all."""
    target = {"target": {"credential": {"user_id": request.caller.user_id}}}
    request.authorize("identity:list_credentials", {} if request.caller.system_scope else target)
    query = STYLE.parse_list(request, CREDENTIALS)
    if delegation.is_delegated(request):
        return STYLE.list_envelope(request, CREDENTIALS, [], query)
    sees_all = request.allows("identity:get_credential", {"target": {"credential": {"user_id": ""}}})
    rows = CREDENTIALS.page(request, tx, query, None if sees_all else _OWN)
    return STYLE.list_envelope(request, CREDENTIALS, CREDENTIALS.views(request, tx, rows), query)


def show_credential(request: Request, tx: Transaction) -> dict[str, Any]:
    """Show a credential."""
    row = CREDENTIALS.allowed(request, tx, "show")
    delegation.forbid_credentials(request)
    return CREDENTIALS.render(request, tx, row)


def create_credential(request: Request, tx: Transaction) -> dict[str, Any]:
    """Keep a credential."""
    given: dict[str, Any] = dict(request.body["credential"])
    access.authorize_create(CREDENTIALS, request, given)
    delegation.forbid_credentials(request)
    given.pop("id", None)
    if given["type"].lower() == EC2:
        given["id"] = access_key_id(_ec2_blob(given["blob"])["access"])
    return CREDENTIALS.render(request, tx, keep(request, tx, given))


def keep(request: Request, tx: Transaction, given: dict[str, Any]) -> Any:
    """Write a credential; one with an EC2 access key has the id of the key."""
    credential_id = given.pop("id", None)
    if credential_id is not None and access.find(CREDENTIALS, tx, credential_id) is not None:
        raise Conflict(f"Conflict occurred attempting to store credential - Duplicate entry found with ID {credential_id}.")
    values = CREDENTIALS.accept_create(request, given)
    values.setdefault("project_id", None)
    return CREDENTIALS.insert(tx, request, {**values, "id": credential_id, "encrypted_blob": sealed(request.cloud, given["blob"])})


def update_credential(request: Request, tx: Transaction) -> dict[str, Any]:
    """Replace the blob of a credential."""
    row = CREDENTIALS.allowed(request, tx, "update")
    delegation.forbid_credentials(request)
    blob = request.body["credential"]["blob"]
    if row.type.lower() == EC2:
        new, old = _ec2_blob(blob), json.loads(opened(request.cloud, row.encrypted_blob))
        for name in FIXED:
            if old.get(name) != new.get(name):
                raise BadRequest(f"{name} can not be updated for credential")
    changed = CREDENTIALS.change(tx, request, row, {"encrypted_blob": sealed(request.cloud, blob)})
    return CREDENTIALS.render(request, tx, changed)


def delete_credential(request: Request, tx: Transaction) -> None:
    """Delete a credential."""
    row = CREDENTIALS.allowed(request, tx, "delete")
    delegation.forbid_credentials(request)
    CREDENTIALS.remove(tx, request, row)


_CREATE = CREDENTIALS.body_schema("create")
_inside = _CREATE["properties"]["credential"]
_CREATE["additionalProperties"] = True
_inside["properties"]["id"] = {"type": "string"}
_inside["required"] = ["blob", "type", "user_id"]
_inside["if"] = {"properties": {"type": {"const": EC2}}, "required": ["type"]}
_inside["then"] = {"required": ["project_id"]}
_UPDATE = CREDENTIALS.body_schema("update")
_UPDATE["additionalProperties"] = True
_UPDATE["properties"]["credential"].update(additionalProperties=False, required=["blob"])

routes = CREDENTIALS.routes(only=("list", "show", "delete"), list=list_credentials, show=show_credential, delete=delete_credential)
routes.add(
    "POST", "", create_credential, "write", status=201, policy="identity:create_credential", body=_CREATE, answer=CREDENTIALS.answer_one
)
routes.add("PATCH", "/{id}", update_credential, "write", policy="identity:update_credential", body=_UPDATE, answer=CREDENTIALS.answer_one)
