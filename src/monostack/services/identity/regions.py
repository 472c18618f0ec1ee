"""Regions: where endpoints are. A plain resource but for the id, which the caller may choose."""

import sqlalchemy as sa

from monostack.resources import Field, Resource, text
from monostack.services.identity.style import STYLE

REGIONS = Resource(
    "region", "regions", STYLE, "/v3/regions",
    fields=(
        Field("id", text(255), create=True),
        Field("description", text(65535), "", create=True, update=True, filter=False),
        Field("parent_region_id", text(255), create=True, update=True, nullable=True),
    ),
    policy={
        "create": "identity:create_region", "update": "identity:update_region", "delete": "identity:delete_region",
    },
    columns=(sa.ForeignKeyConstraint(["parent_region_id"], ["regions.id"]),),
    unknown="extra",
)  # fmt: skip
