"""The catalog of a token: services and endpoints that are enabled, with the URLs filled in for the caller."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from monostack.db import Row, Transaction
from monostack.http.answers import TEXT, Record, many, maybe, optional
from monostack.services.identity.endpoint_filter.table import endpoints_of
from monostack.services.identity.endpoints.table import endpoints
from monostack.services.identity.endpoints.urls import fill_in
from monostack.services.identity.services import services

_ENTRIES = (
    sa.select(
        services.c.id.label("service_id"), services.c.type, services.c.name,
        endpoints.c.id, endpoints.c.interface, endpoints.c.region_id, endpoints.c.url, endpoints.c.extra,
    )
    .join_from(services, endpoints, sa.and_(endpoints.c.service_id == services.c.id, endpoints.c.enabled.is_(True)), isouter=True)
    .where(services.c.enabled.is_(True))
    .order_by(services.c.id, endpoints.c.id)
)  # fmt: skip
_ENDPOINT = Record(
    "CatalogEndpoint",
    {"id": TEXT, "interface": TEXT, "region_id": maybe(TEXT), "url": TEXT, "region": maybe(TEXT), "name": optional(TEXT)},
)
ANSWER = many(Record("CatalogService", {"endpoints": many(_ENDPOINT), "id": TEXT, "type": TEXT, "name": optional(TEXT)}))
"""The services and their endpoints, as tokens carry them."""


def entries(tx: Transaction, project_id: str | None) -> Sequence[Row]:
    """Every endpoint that is for the project, with its service; a service without endpoints has one row whose `id` is None."""
    rows = tx.rows(_ENTRIES)
    chosen = endpoints_of(tx, project_id) if project_id is not None else None
    return rows if chosen is None else [row for row in rows if row.id in chosen]


def variables(app_url: str, user_id: str, project_id: str | None) -> dict[str, str | None]:
    """What the URLs of endpoints are filled in with for a caller."""
    return {"public_url": app_url, "user_id": user_id, "project_id": project_id, "tenant_id": project_id}


def render(rows: Sequence[Row], values: dict[str, str | None]) -> list[dict[str, Any]]:
    """The catalog as v3 tokens carry it."""
    catalog: dict[str, dict[str, Any]] = {}
    for row in rows:
        service = catalog.get(row.service_id)
        if service is None:
            service = catalog[row.service_id] = {"endpoints": [], "id": row.service_id, "type": row.type, "name": row.name}
        if row.id is None:
            continue
        url = fill_in(row.url, values)
        if url is not None:
            endpoint = {"id": row.id, "interface": row.interface, "region_id": row.region_id, "url": url, "region": row.region_id}
            service["endpoints"].append({**(row.extra or {}), **endpoint})
    return list(catalog.values())
