"""The table of endpoints. The URLs of this cloud's own services begin with $(public_url)s, so that they follow its address."""


from collections.abc import Mapping, Sequence
from typing import Any

from monostack.db import Row, Transaction
from monostack.http import Request
from monostack.http.answers import TEXT, maybe
from monostack.resources import Field, Resource, choice, flag, text
from monostack.resources.fields import REQUIRED
from monostack.services.identity.endpoints.urls import PUBLIC_URL
from monostack.services.identity.style import STYLE


def _expand(tx: Transaction, request: Request, rows: Sequence[Row]) -> list[Mapping[str, Any]]:
    """The region under its old name, and the cloud's address filled in."""
    return [{"region": row.region_id, "url": row.url.replace(PUBLIC_URL, request.app_url)} for row in rows]


ENDPOINTS = Resource(
    "endpoint", "endpoints", STYLE, "/v3/endpoints", table_name="catalog_endpoints",
    fields=(
        Field("id", text(64)),
        Field("interface", choice("admin", "internal", "public"), REQUIRED, create=True, update=True),
        Field("region_id", text(255), create=True, update=True, nullable=True, references="regions.id"),
        Field("service_id", text(64), REQUIRED, create=True, update=True, references="catalog_services.id", index=True),
        Field("url", text(225, 0, "^[a-zA-Z0-9+.-]+:.+"), REQUIRED, create=True, update=True, filter=False),
        Field("enabled", flag(), True, create=True, update=True, filter=False),
    ),
    policy={
        "list": "identity:list_endpoints", "show": "identity:get_endpoint", "create": "identity:create_endpoint",
        "update": "identity:update_endpoint", "delete": "identity:delete_endpoint",
    },
    unknown="extra",
    adds={"region": maybe(TEXT)},
    expand=_expand,
)  # fmt: skip
endpoints = ENDPOINTS.table

routes = ENDPOINTS.routes()
