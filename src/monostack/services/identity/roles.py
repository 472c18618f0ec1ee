"""Roles: what a user may do where it is assigned. A role of a domain can only be implied by or assigned within that domain."""

import sqlalchemy as sa

from monostack.resources import Field, Resource, json_value, text
from monostack.resources.fields import REQUIRED
from monostack.services.identity.style import STYLE

OPTIONS = {"type": "object", "properties": {"immutable": {"type": ["boolean", "null"]}}, "additionalProperties": False}

ROLES = Resource(
    "role", "roles", STYLE, "/v3/roles",
    fields=(
        Field("id", text(64)),
        Field("name", text(255, 1), REQUIRED, create=True, update=True),
        Field("domain_id", text(64), create=True, nullable=True, references="domains.id"),
        Field("description", text(255), create=True, update=True, nullable=True, filter=False),
        Field("options", json_value(OPTIONS), dict, create=True, update=True, filter=False),
    ),
    policy={
        "list": "identity:list_roles", "show": "identity:get_role", "create": "identity:create_role",
        "update": "identity:update_role", "delete": "identity:delete_role",
    },
    unknown="extra",
)  # fmt: skip
roles = ROLES.table
sa.Index("uq_roles_domain_name", sa.func.coalesce(roles.c.domain_id, ""), roles.c.name, unique=True)

routes = ROLES.routes()
