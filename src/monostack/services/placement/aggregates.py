"""Aggregates of providers: groups that are known by their uuid alone."""

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa

from monostack.core.errors import Conflict
from monostack.db import Id, Transaction, table
from monostack.events import record
from monostack.http import Request, Response, Routes
from monostack.http.answers import ID, INTEGER, Record, many, since
from monostack.services.placement import dialect
from monostack.services.placement.exchange import body, by_version, dated
from monostack.services.placement.providers.table import age, get

provider_aggregates = table(
    "provider_aggregates",
    sa.Column("provider_uuid", sa.ForeignKey("resource_providers.uuid", ondelete="CASCADE"), primary_key=True),
    sa.Column("aggregate_uuid", Id(36), primary_key=True, index=True),
)

_pa = provider_aggregates.c
OF_PROVIDER = sa.select(_pa.aggregate_uuid).where(_pa.provider_uuid == sa.bindparam("the_provider")).order_by(_pa.aggregate_uuid)
_ADD = sa.insert(provider_aggregates)
_REMOVE = sa.delete(provider_aggregates).where(
    _pa.provider_uuid == sa.bindparam("the_provider"), _pa.aggregate_uuid.in_(sa.bindparam("aggregates", expanding=True))
)
_UUIDS = {"type": "array", "items": {"type": "string", "format": "uuid"}, "uniqueItems": True}
_SET = by_version(
    ((1, 1), _UUIDS),
    (
        (1, 19),
        {
            "type": "object",
            "properties": {"aggregates": _UUIDS, "resource_provider_generation": {"type": "integer"}},
            "required": ["aggregates", "resource_provider_generation"],
            "additionalProperties": False,
        },
    ),
)
routes = Routes("/resource_providers/{uuid}/aggregates")


def replace(tx: Transaction, uuid: str, wanted: Collection[str]) -> bool:
    """Put a provider into exactly these aggregates. True if that changed anything."""
    present = {row[0] for row in tx.rows(OF_PROVIDER, {"the_provider": uuid})}
    add, remove = sorted(set(wanted) - present), sorted(present - set(wanted))
    if remove:
        tx.execute(_REMOVE, {"the_provider": uuid, "aggregates": remove})
    if add:
        tx.execute(_ADD, [{"provider_uuid": uuid, "aggregate_uuid": aggregate} for aggregate in add])
    return bool(add or remove)


def _shown(request: Request, aggregates: list[str], generation: int) -> Response:
    document: dict[str, Any] = {"aggregates": aggregates}
    if request.at_least(1, 19):
        document["resource_provider_generation"] = generation
    return dated(request, document)


_AGGREGATES = Record("Aggregates", {"aggregates": many(ID), "resource_provider_generation": since((1, 19), INTEGER)})


@routes.get("", since=(1, 1), policy="placement:resource_providers:aggregates:list", answer=_AGGREGATES)
def list_aggregates(request: Request, tx: Transaction) -> Response:
    """List the aggregates a resource provider is in."""
    request.authorize("placement:resource_providers:aggregates:list")
    row = get(tx, request.params["uuid"])
    return _shown(request, [found[0] for found in tx.rows(OF_PROVIDER, {"the_provider": row.uuid})], row.generation)


@routes.put("", since=(1, 1), policy="placement:resource_providers:aggregates:update", answer=_AGGREGATES)
def set_aggregates(request: Request, tx: Transaction) -> Response:
    """Put a resource provider into exactly these aggregates. Before 1.19 that does not make it older."""
    request.authorize("placement:resource_providers:aggregates:update")
    row = get(tx, request.params["uuid"])
    data = body(request, _SET)
    wanted, generation = data, row.generation
    if request.at_least(1, 19):
        if row.generation != data["resource_provider_generation"]:
            text = "Resource provider's generation already changed. Please update the generation and try again."
            raise Conflict(text, kind=dialect.CONCURRENT_UPDATE)
        wanted = data["aggregates"]
        age(tx, row.uuid)
        generation += 1
    if replace(tx, row.uuid, wanted):
        record(tx, request, "resource_provider.update", row.uuid, None, {"changed": ["aggregates"]})
    return _shown(request, wanted, generation)
