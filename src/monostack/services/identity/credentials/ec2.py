"""/v3/users/{id}/credentials/OS-EC2: EC2 keys by their access key."""

import json
from typing import Any

import sqlalchemy as sa

from monostack.core import ids
from monostack.db import Row, Transaction
from monostack.http import Request, Routes
from monostack.http.answers import TEXT, Record, envelope, many, maybe
from monostack.services.identity import access, delegation
from monostack.services.identity.credentials.api import EC2, access_key_id, keep
from monostack.services.identity.credentials.table import CREDENTIALS, credentials, opened
from monostack.services.identity.projects.table import PROJECTS
from monostack.services.identity.style import LINKS, PAGE_KEYS, STYLE, collection
from monostack.services.identity.users.table import USERS

_OF_USER = (
    sa.select(credentials).where(credentials.c.user_id == sa.bindparam("user"), credentials.c.type == EC2).order_by(credentials.c.id)
)

routes = Routes("/v3/users/{id}/credentials/OS-EC2")


def _shown(request: Request, row: Row) -> dict[str, Any]:
    blob = json.loads(opened(request.cloud, row.encrypted_blob))
    return {
        "user_id": row.user_id,
        "tenant_id": row.project_id,
        "access": blob.get("access"),
        "secret": blob.get("secret"),
        "trust_id": blob.get("trust_id"),
        "links": {"self": f"{request.service_url}/v3/users/{row.user_id}/credentials/OS-EC2/{blob.get('access')}"},
    }


def _require(resource: Any, tx: Transaction, id: Any) -> None:
    if not isinstance(id, str) or access.find(resource, tx, id) is None:
        raise STYLE.not_found(resource, str(id))


_KEYS = {"user_id": TEXT, "tenant_id": TEXT, "access": TEXT, "secret": TEXT, "trust_id": maybe(TEXT), "links": LINKS}
_KEY = Record("Ec2Credential", _KEYS)


@routes.get("", policy="identity:ec2_list_credentials", answer=Record("", {"credentials": many(_KEY), **PAGE_KEYS}))
def list_keys(request: Request, tx: Transaction) -> dict[str, Any]:
    """List a user's EC2 keys."""
    user_id = request.params["id"]
    request.authorize("identity:ec2_list_credentials", {"user_id": user_id})
    delegation.forbid_credentials(request)
    _require(USERS, tx, user_id)
    return collection(request, "credentials", [_shown(request, row) for row in tx.rows(_OF_USER, {"user": user_id})])


@routes.post("", policy="identity:ec2_create_credential", status=201, answer=envelope("credential", _KEY))
def create_key(request: Request, tx: Transaction) -> dict[str, Any]:
    """Make an EC2 key for a project."""
    user_id = request.params["id"]
    request.authorize("identity:ec2_create_credential", {"target": {"credential": {"user_id": user_id}}})
    _require(USERS, tx, user_id)
    project_id = (request.body or {}).get("tenant_id")
    _require(PROJECTS, tx, project_id)
    delegation.forbid_credentials(request)
    blob = {"access": ids.new_hex(), "secret": ids.new_hex(), "trust_id": None}
    given = {
        "id": access_key_id(str(blob["access"])), "user_id": user_id, "project_id": project_id, "type": EC2, "blob": json.dumps(blob),
    }  # fmt: skip
    return {"credential": _shown(request, keep(request, tx, given))}


def _find(request: Request, tx: Transaction, rule: str) -> Row:
    credential_id = access_key_id(request.params["access_key"])
    row = access.find(CREDENTIALS, tx, credential_id)
    if row is None or row.type != EC2:
        raise STYLE.not_found(CREDENTIALS, credential_id)
    request.authorize(rule, CREDENTIALS.target(row))
    delegation.forbid_credentials(request)
    _require(USERS, tx, request.params["id"])
    return row


@routes.get("/{access_key}", policy="identity:ec2_get_credential", answer=envelope("credential", _KEY))
def show_key(request: Request, tx: Transaction) -> dict[str, Any]:
    """Show an EC2 key."""
    return {"credential": _shown(request, _find(request, tx, "identity:ec2_get_credential"))}


@routes.delete("/{access_key}", policy="identity:ec2_delete_credential")
def delete_key(request: Request, tx: Transaction) -> None:
    """Delete an EC2 key."""
    CREDENTIALS.remove(tx, request, _find(request, tx, "identity:ec2_delete_credential"))
