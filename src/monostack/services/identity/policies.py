"""Policies: documents that services may fetch. Kept and shown, nothing more, as in Keystone, where they are deprecated."""

from typing import Any

import sqlalchemy as sa

from monostack.db import Transaction
from monostack.http import Request
from monostack.resources import Field, Resource, text
from monostack.resources.fields import REQUIRED, Kind
from monostack.services.identity import access
from monostack.services.identity.style import STYLE

_BLOB = Kind(sa.Text(), {"type": "string"})
POLICIES = Resource(
    "policy", "policies", STYLE, "/v3/policies",
    fields=(
        Field("id", text(64)),
        Field("type", text(255), REQUIRED, create=True, update=True),
        Field("blob", _BLOB, REQUIRED, create=True, update=True, filter=False),
    ),
    policy={
        "list": "identity:list_policies", "show": "identity:get_policy", "create": "identity:create_policy",
        "update": "identity:update_policy", "delete": "identity:delete_policy",
    },
    unknown="extra",
)  # fmt: skip


def update_policy(request: Request, tx: Transaction) -> dict[str, Any]:
    """Update a policy."""
    row = POLICIES.allowed(request, tx, "update")
    access.keep_id(row, request.body["policy"])
    return POLICIES.render(request, tx, POLICIES.change(tx, request, row, POLICIES.accept_update(request)))


routes = POLICIES.routes(update=update_policy)
