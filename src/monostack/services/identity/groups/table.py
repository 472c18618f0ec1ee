"""The table of groups, its declaration, and who is in them."""

import sqlalchemy as sa

from monostack.db import table
from monostack.resources import Field, Resource, text
from monostack.resources.fields import REQUIRED
from monostack.services.identity.kinds import identifier
from monostack.services.identity.style import STYLE

GROUPS = Resource(
    "group", "groups", STYLE, "/v3/groups", table_name="user_groups",
    fields=(
        Field("id", text(64)),
        Field("name", text(64, 1, r"[\S]+"), REQUIRED, create=True, update=True),
        Field("domain_id", identifier(), create=True, references="domains.id"),
        Field("description", text(65535), "", create=True, update=True, filter=False, nullable=True),
    ),
    policy={
        "list": "identity:list_groups", "show": "identity:get_group", "create": "identity:create_group",
        "update": "identity:update_group", "delete": "identity:delete_group",
    },
    columns=(sa.UniqueConstraint("domain_id", "name"),),
    unknown="extra",
)  # fmt: skip
groups = GROUPS.table

members = table(
    "user_group_members",
    sa.Column("user_id", sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("group_id", sa.ForeignKey("user_groups.id", ondelete="CASCADE"), primary_key=True, index=True),
)
