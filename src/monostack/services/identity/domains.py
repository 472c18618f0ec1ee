"""Domains: what projects, users and groups belong to."""

import sqlalchemy as sa

from monostack.resources import Field, Resource, flag, integer, json_value, text
from monostack.resources.fields import REQUIRED
from monostack.services.identity.style import STYLE

DOMAINS = Resource(
    "domain", "domains", STYLE, "/v3/domains",
    fields=(
        Field("id", text(64)),
        Field("name", text(64, 1, r"[\S]+"), REQUIRED, create=True, update=True, unique=True),
        Field("description", text(65535), "", create=True, update=True, filter=False, nullable=True),
        Field("enabled", flag(), True, create=True, update=True),
        Field("tags", json_value({"type": "array", "items": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[^,/]*$"}}),
              list, create=True, update=True, filter=False),
        Field("options", json_value({"type": "object", "properties": {"immutable": {"type": ["boolean", "null"]}},
                                     "additionalProperties": False}), dict, create=True, update=True, filter=False),
        Field("token_generation", integer(), 0, view=False, filter=False),  # tokens of an older one are revoked
    ),
    policy={
        "list": "identity:list_domains", "show": "identity:get_domain", "create": "identity:create_domain",
        "update": "identity:update_domain", "delete": "identity:delete_domain",
    },
    unknown="extra",
)  # fmt: skip
domains = DOMAINS.table

BY_NAME = sa.select(domains).where(domains.c.name == sa.bindparam("name"))
BY_ID = sa.select(domains).where(domains.c.id == sa.bindparam("id"))

routes = DOMAINS.routes()
