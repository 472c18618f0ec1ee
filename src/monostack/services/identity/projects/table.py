"""The table of projects and its declaration."""

import sqlalchemy as sa

from monostack.resources import Field, Resource, integer, json_value, text
from monostack.resources.fields import REQUIRED
from monostack.services.identity.kinds import TAGS, boolean, identifier, immutable_options
from monostack.services.identity.style import STYLE

PROJECTS = Resource(
    "project", "projects", STYLE, "/v3/projects",
    fields=(
        Field("id", text(64)),
        Field("name", text(64, 1, r"[\S]+"), REQUIRED, create=True, update=True),
        Field("domain_id", identifier(), create=True, nullable=True, references="domains.id"),
        Field("description", text(65535), "", create=True, update=True, filter=False, nullable=True),
        Field("enabled", boolean(), True, create=True, update=True),
        Field("parent_id", identifier(), create=True, nullable=True, index=True),  # a project's or a domain's
        Field("is_domain", boolean(), False, create=True),
        Field("tags", json_value(TAGS), list, create=True, update=True, filter=False),
        Field("options", immutable_options(), dict, create=True, update=True, filter=False),
        Field("token_generation", integer(), 0, view=False, filter=False),  # tokens of an older one are revoked
    ),
    policy={
        "list": "identity:list_projects", "show": "identity:get_project", "create": "identity:create_project",
        "update": "identity:update_project", "delete": "identity:delete_project",
    },
    columns=(sa.UniqueConstraint("domain_id", "name"),),
    unknown="extra",
)  # fmt: skip
projects = PROJECTS.table
