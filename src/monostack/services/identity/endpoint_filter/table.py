"""The tables of associations, and what they leave of the catalog for a project."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from monostack.db import Row, Transaction, table
from monostack.resources import Field, Resource, json_value, text
from monostack.resources.fields import REQUIRED
from monostack.services.identity.endpoints.table import endpoints
from monostack.services.identity.style import STYLE

FILTERS = {
    "type": "object",
    "properties": {
        "interface": {"type": "string", "enum": ["admin", "internal", "public"]},
        "service_id": {"type": "string"},
        "region_id": {"type": ["string", "null"]},
        "enabled": {"type": "boolean"},
    },
}

ENDPOINT_GROUPS = Resource(
    "endpoint_group", "endpoint_groups", STYLE, "/v3/OS-EP-FILTER/endpoint_groups",
    title="Endpoint Group",
    fields=(
        Field("id", text(64)),
        Field("name", text(255, 1, r"[\S]+"), REQUIRED, create=True, update=True),
        Field("description", text(65535), create=True, update=True, nullable=True, filter=False),
        Field("filters", json_value(FILTERS), REQUIRED, create=True, update=True, filter=False),
    ),
    policy={
        "list": "identity:list_endpoint_groups", "show": "identity:get_endpoint_group", "create": "identity:create_endpoint_group",
        "update": "identity:update_endpoint_group", "delete": "identity:delete_endpoint_group",
    },
)  # fmt: skip
endpoint_groups = ENDPOINT_GROUPS.table

project_endpoints = table(
    "project_endpoints",
    sa.Column("project_id", sa.ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("endpoint_id", sa.ForeignKey("catalog_endpoints.id", ondelete="CASCADE"), primary_key=True, index=True),
)
project_endpoint_groups = table(
    "project_endpoint_groups",
    sa.Column("project_id", sa.ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("group_id", sa.ForeignKey("endpoint_groups.id", ondelete="CASCADE"), primary_key=True, index=True),
)

_DIRECT = sa.select(project_endpoints.c.endpoint_id).where(project_endpoints.c.project_id == sa.bindparam("project"))
_FILTERS = (
    sa.select(endpoint_groups.c.filters)
    .join(project_endpoint_groups, project_endpoint_groups.c.group_id == endpoint_groups.c.id)
    .where(project_endpoint_groups.c.project_id == sa.bindparam("project"))
)
_ENDPOINTS = sa.select(endpoints).order_by(endpoints.c.id)


def matching(tx: Transaction, filters: dict[str, Any]) -> Sequence[Row]:
    """The endpoints a group's filters choose."""
    return [row for row in tx.rows(_ENDPOINTS) if all(row._mapping.get(name) == value for name, value in filters.items())]


def endpoints_of(tx: Transaction, project_id: str) -> set[str] | None:
    """The ids of the endpoints a project is limited to, or None if it is not."""
    chosen = {row[0] for row in tx.rows(_DIRECT, {"project": project_id})}
    for row in tx.rows(_FILTERS, {"project": project_id}):
        chosen |= {endpoint.id for endpoint in matching(tx, row.filters)}
    return chosen or None
