"""GET /v2/images: the images a caller may know of, filtered, sorted, a page at a time; and one of them."""

from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

import sqlalchemy as sa

from monostack.core.errors import BadRequest
from monostack.db import Transaction
from monostack.http import Request, Routes
from monostack.http.answers import TEXT, Record, many, optional
from monostack.resources import query as list_queries
from monostack.services.image.images import filters, table
from monostack.services.image.images.image import ANSWER, Image, complete, get
from monostack.services.image.policy import allows, enforce, is_admin

routes = Routes("/v2/images")
_i = table.images.c
_caller: Any = sa.bindparam("caller_project", type_=sa.String)


@lru_cache(maxsize=256)
def _scope(admin: bool, any_status: bool, visibility: str, properties: int, tags: int) -> sa.ColumnElement[bool]:
    """The clause over other tables and the caller. `visibility` is all, given (a filter says which) or default.

    By default images of the community are listed only to their owner. Parameters: caller_project, member_status, visibility, tag0 ...,
    property0 ..., value0 ...
    """
    clauses: list[sa.ColumnElement[bool]] = [sa.true()]
    if not admin:
        shared = table.shared_with(None if any_status else "member_status")
        clauses.append(sa.or_(_i.visibility.in_(("public", "community")), _i.owner == _caller, shared))
    if visibility == "given":
        clauses.append(_i.visibility == sa.bindparam("visibility", type_=sa.String))
    elif visibility == "default":
        clauses.append(sa.or_(_i.visibility != "community", _i.owner == _caller))
    p, t = table.image_properties.c, table.image_tags.c
    for index in range(properties):
        one = sa.select(sa.literal(1)).where(
            p.image_id == _i.id,
            p.name == sa.bindparam(f"property{index}", type_=sa.String),
            p.value == sa.bindparam(f"value{index}", type_=sa.Text),
        )
        clauses.append(one.correlate(table.images).exists())
    for index in range(tags):
        one = sa.select(sa.literal(1)).where(t.image_id == _i.id, t.value == sa.bindparam(f"tag{index}", type_=sa.String))
        clauses.append(one.correlate(table.images).exists())
    return sa.and_(*clauses)


def find_all(tx: Transaction, request: Request, wanted: filters.Wanted) -> list[Image]:
    """One page of images. Raises BadRequest for a marker that the caller does not know."""
    return find_for(tx, request.caller.project_id, is_admin(request), wanted)


def find_for(tx: Transaction, project_id: str | None, admin: bool, wanted: filters.Wanted) -> list[Image]:
    """One page of the images that a project may know of, or an administrator. Raises BadRequest as above."""
    query = wanted.query
    params: dict[str, Any] = {
        "caller_project": project_id,
        "member_status": wanted.member_status,
        "visibility": wanted.visibility,
        "limit": query.limit,
    }
    for index, (name, value) in enumerate(wanted.properties.items()):
        params[f"property{index}"], params[f"value{index}"] = name, value
    params.update({f"tag{index}": tag for index, tag in enumerate(wanted.tags)})
    params.update({f"f{index}": value for index, value in enumerate(query.filters.values())})
    if query.marker is not None:
        known = None if admin else table.VISIBLE
        at = tx.row(
            list_queries.marker_statement(table.images, known, "id", tuple(query.sorts)),
            {"marker": query.marker, "caller_project": project_id},
        )
        if at is None:
            raise BadRequest(f"No image found with ID {query.marker}")
        params.update(at._mapping)
    visibility = {None: "default", "all": "all"}.get(wanted.visibility, "given")
    scope = _scope(admin, wanted.member_status == "all", visibility, len(wanted.properties), len(wanted.tags))
    return complete(tx, tx.rows(list_queries.statement(table.images, scope, query.shape()), params))


_LIST = Record("", {"images": many(ANSWER), "first": TEXT, "schema": TEXT, "next": optional(TEXT)})


@routes.get("", policy="get_images", answer=_LIST)
def list_images(request: Request, tx: Transaction) -> Any:
    """List images."""
    wanted = filters.parse(request.query)
    enforce(request, "get_images", {"project_id": request.caller.project_id})
    page = find_all(tx, request, wanted)
    shown = [image for image in page if allows(request, "get_image", image.target(request))]
    params = dict(request.query)
    params.pop("marker", None)
    answer: dict[str, Any] = {
        "images": [image.view(request.cloud) for image in shown],
        "first": "/v2/images" + (f"?{urlencode(params)}" if params else ""),
        "schema": "/v2/schemas/images",
    }
    if shown and len(page) == wanted.query.limit:
        answer["next"] = f"/v2/images?{urlencode({**params, 'marker': shown[-1].id})}"
    return answer


@routes.get("/{image_id}", policy="get_image", answer=ANSWER)
def show_image(request: Request, tx: Transaction) -> dict[str, Any]:
    """Show an image."""
    return get(tx, request, request.params["image_id"]).view(request.cloud)
