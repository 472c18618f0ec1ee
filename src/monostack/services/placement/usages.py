"""Usages: sums of allocations, of a provider and of a project."""

from typing import Any

import sqlalchemy as sa

from monostack.core.errors import NotFound
from monostack.db import Transaction
from monostack.http import Request, Response, Routes
from monostack.http.answers import INTEGER, Record, changing, envelope, mapping
from monostack.services.placement.allocations.consumers import consumers
from monostack.services.placement.allocations.rules import allocations
from monostack.services.placement.exchange import by_version, dated, query
from monostack.services.placement.inventories.table import inventories
from monostack.services.placement.providers.table import get

routes = Routes("/usages")
provider_routes = Routes("/resource_providers/{uuid}/usages")
_a, _c, _i = allocations.c, consumers.c, inventories.c
_USED = sa.func.coalesce(sa.func.sum(_a.used), 0)
_OF_PROVIDER = (
    sa.select(_i.resource_class, _USED.label("used"))
    .select_from(inventories.outerjoin(allocations, sa.and_(_a.provider_uuid == _i.provider_uuid, _a.resource_class == _i.resource_class)))
    .where(_i.provider_uuid == sa.bindparam("the_provider"))
    .group_by(_i.resource_class)
)
_user: Any = sa.bindparam("the_user", type_=sa.String)
_OWNED = sa.and_(_c.project_id == sa.bindparam("the_project"), sa.or_(_user.is_(None), _c.user_id == _user))
_OF_PROJECT = (
    sa.select(_a.resource_class, _c.consumer_type, _USED.label("used"))
    .join(consumers, _c.uuid == _a.consumer_uuid)
    .where(_OWNED)
    .group_by(_a.resource_class, _c.consumer_type)
)
_CONSUMERS = sa.select(_c.consumer_type, sa.func.count().label("many")).where(_OWNED).group_by(_c.consumer_type)
_OWNER = {"type": "string", "minLength": 1, "maxLength": 255}
_TYPE = {"type": "string", "pattern": "^[A-Z0-9_]+$|^all|^unknown$", "minLength": 1, "maxLength": 255}


def _document(**more: Any) -> dict[str, Any]:
    known = {"project_id": _OWNER, "user_id": _OWNER, **more}
    return {"type": "object", "properties": known, "required": ["project_id"], "additionalProperties": False}


_LIST = by_version(((1, 9), _document()), ((1, 38), _document(consumer_type=_TYPE)))


AMOUNTS = mapping(INTEGER)
_PROVIDER_USAGES = Record("ProviderUsages", {"resource_provider_generation": INTEGER, "usages": AMOUNTS})


@provider_routes.get("", policy="placement:resource_providers:usages", answer=_PROVIDER_USAGES)
def list_of_provider(request: Request, tx: Transaction) -> Response:
    """List how much of each inventory of a resource provider is used."""
    request.authorize("placement:resource_providers:usages")
    try:
        provider = get(tx, request.params["uuid"])
    except NotFound as missing:
        raise NotFound(f"No resource provider with uuid {request.params['uuid']} found: {missing.message}") from None
    used = {row.resource_class: int(row.used) for row in tx.rows(_OF_PROVIDER, {"the_provider": provider.uuid})}
    return dated(request, {"resource_provider_generation": provider.generation, "usages": used})


@routes.get(
    "",
    since=(1, 9),
    policy="placement:usages",
    answer=envelope("usages", changing(((1, 9), AMOUNTS), ((1, 38), mapping(mapping(INTEGER))))),
)
def list_of_project(request: Request, tx: Transaction) -> Response:
    """List how much a project, or a user in it, uses; from 1.38 on by the type of consumer."""
    request.authorize("placement:usages", {"project_id": request.query_map.get("project_id")})
    given = query(request, _LIST)
    params = {"the_project": given["project_id"], "the_user": given.get("user_id")}
    rows = tx.rows(_OF_PROJECT, params)
    if not request.at_least(1, 38):
        total: dict[str, int] = {}
        for row in rows:
            total[row.resource_class] = total.get(row.resource_class, 0) + int(row.used)
        return dated(request, {"usages": total})
    many = {row.consumer_type: row.many for row in tx.rows(_CONSUMERS, params)}
    wanted = given.get("consumer_type")
    by_type: dict[str, dict[str, int]] = {}
    for row in rows:
        name = row.consumer_type or "unknown"
        if wanted not in (None, "all", name):
            continue
        one = by_type.setdefault("all" if wanted == "all" else name, {})
        one[row.resource_class] = one.get(row.resource_class, 0) + int(row.used)
        one["consumer_count"] = sum(many.values()) if wanted == "all" else many[row.consumer_type]
    return dated(request, {"usages": by_type})
