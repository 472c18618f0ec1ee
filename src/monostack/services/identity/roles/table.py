"""The table of roles and its declaration. A role of a domain can only be assigned within that domain and stands for what it implies."""

import sqlalchemy as sa

from monostack.db import table
from monostack.resources import Field, Resource, text
from monostack.resources.fields import REQUIRED
from monostack.services.identity.kinds import identifier, immutable_options
from monostack.services.identity.style import STYLE

ROLES = Resource(
    "role", "roles", STYLE, "/v3/roles",
    fields=(
        Field("id", text(64)),
        Field("name", text(255, 1, r"[\S]+"), REQUIRED, create=True, update=True),
        Field("domain_id", identifier(), create=True, nullable=True, references="domains.id"),
        Field("description", text(255), create=True, update=True, nullable=True, filter=False),
        Field("options", immutable_options(), dict, create=True, update=True, filter=False),
    ),
    # Of the roles of no domain; those of a domain have rules of their own (api.find_role).
    policy={
        "list": "identity:list_roles", "show": "identity:get_role", "create": "identity:create_role", "update": "identity:update_role",
        "delete": "identity:delete_role",
    },
    unknown="extra",
)  # fmt: skip
roles = ROLES.table
sa.Index("uq_roles_domain_name", sa.func.coalesce(roles.c.domain_id, ""), roles.c.name, unique=True)

implied_roles = table(
    "implied_roles",
    sa.Column("prior_role_id", sa.ForeignKey("roles.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("implied_role_id", sa.ForeignKey("roles.id", ondelete="CASCADE"), primary_key=True, index=True),
)
