"""Regions: where endpoints are. A region may be part of another."""

from typing import Any

import sqlalchemy as sa

from monostack.core.errors import BadRequest, Conflict, Forbidden
from monostack.db import Row, Transaction
from monostack.http import Request
from monostack.resources import Field, Resource, text
from monostack.services.identity import access
from monostack.services.identity.endpoints.table import endpoints
from monostack.services.identity.kinds import REGION, strict_query
from monostack.services.identity.style import STYLE

REGIONS = Resource(
    "region", "regions", STYLE, "/v3/regions",
    fields=(
        Field("id", text(255), create=True, nullable=True),
        Field("description", text(255), "", create=True, update=True, filter=False, nullable=True),
        Field("parent_region_id", text(255, 1), create=True, update=True, nullable=True, references="regions.id"),
    ),
    policy={
        "list": "identity:list_regions", "show": "identity:get_region", "create": "identity:create_region",
        "update": "identity:update_region", "delete": "identity:delete_region",
    },
    unknown="extra",
)  # fmt: skip
regions = REGIONS.table

_start = sa.select(regions.c.id).where(regions.c.id == sa.bindparam("region")).cte("within", recursive=True)
_within = _start.union(sa.select(regions.c.id).where(regions.c.parent_region_id == _start.c.id))
# UNION drops what was seen, so that even a circle ends.
_WITHIN = sa.select(_within.c.id)
_HAS_ENDPOINTS = sa.select(endpoints.c.id).where(endpoints.c.region_id.in_(sa.select(_within.c.id))).limit(1)


def create_region(request: Request, tx: Transaction) -> dict[str, Any]:
    """Create a region."""
    return _create(request, tx, dict(request.body["region"]))


def create_named_region(request: Request, tx: Transaction) -> dict[str, Any]:
    """Create a region with the id of the path."""
    given: dict[str, Any] = dict(request.body["region"])
    region_id = request.params["id"]
    if given.setdefault("id", region_id) != region_id:
        raise BadRequest(f'Conflicting region IDs specified: "{region_id}" != "{given["id"]}"')
    return _create(request, tx, given)


def _create(request: Request, tx: Transaction, given: dict[str, Any]) -> dict[str, Any]:
    request.authorize("identity:create_region", {})
    given["id"] = given.get("id") or STYLE.new_id()
    return REGIONS.render(request, tx, new_region(request, tx, given))


def new_region(request: Request, tx: Transaction, given: dict[str, Any]) -> Row:
    if access.find(REGIONS, tx, given["id"]) is not None:
        raise Conflict(f"Conflict occurred attempting to store region - Duplicate ID, {given['id']}..")
    _check_parent(tx, given)
    values = REGIONS.accept_create(request, given)
    values["description"] = values["description"] or ""
    return REGIONS.insert(tx, request, values)


def _check_parent(tx: Transaction, given: dict[str, Any]) -> None:
    parent_id = given.get("parent_region_id")
    if parent_id is not None and access.find(REGIONS, tx, parent_id) is None:
        raise STYLE.not_found(REGIONS, parent_id)


def update_region(request: Request, tx: Transaction) -> dict[str, Any]:
    """Update a region."""
    row = REGIONS.allowed(request, tx, "update")
    given: dict[str, Any] = dict(request.body["region"])
    access.keep_id(row, given)
    _check_parent(tx, given)
    parent_id = given.get("parent_region_id")
    if parent_id is not None and parent_id in {one.id for one in tx.rows(_WITHIN, {"region": row.id})}:
        raise BadRequest(f"The specified parent region {row.id} would create a circular region hierarchy.")
    if "description" in given:
        given["description"] = given["description"] or ""
    return REGIONS.render(request, tx, REGIONS.change(tx, request, row, REGIONS.accept_update(request, given)))


def delete_region(request: Request, tx: Transaction) -> None:
    """Delete a region and those in it. None of them may have endpoints."""
    row = REGIONS.allowed(request, tx, "delete")
    if tx.row(_HAS_ENDPOINTS, {"region": row.id}) is not None:
        raise Forbidden(f"Unable to delete region {row.id} because it or its child regions have associated endpoints.")
    REGIONS.remove(tx, request, row)


_CREATE = REGIONS.body_schema("create")
_UPDATE = REGIONS.body_schema("update")
_CREATE["additionalProperties"] = True
_UPDATE["properties"]["region"]["minProperties"] = 1
_UPDATE["properties"]["region"]["properties"]["id"] = REGION
_QUERY = strict_query(parent_region_id={})

routes = REGIONS.routes(only=("list", "show", "delete"), delete=delete_region, query=_QUERY)
routes.add("POST", "", create_region, "write", status=201, policy="identity:create_region", body=_CREATE, answer=REGIONS.answer_one)
routes.add(
    "PUT", "/{id}", create_named_region, "write", status=201, policy="identity:create_region", body=_CREATE, answer=REGIONS.answer_one
)
routes.add("PATCH", "/{id}", update_region, "write", policy="identity:update_region", body=_UPDATE, answer=REGIONS.answer_one)
