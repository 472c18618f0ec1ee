"""How Cinder's plain resources look: paging, sorting, links, times."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from monostack.core import ids
from monostack.core.errors import BadRequest, NotFound
from monostack.http import Request
from monostack.resources import ListQuery, Resource, Style
from monostack.resources.fields import TRUE
from monostack.resources.style import micros

MAX_LIMIT = 1000
PAGING = {"limit", "marker", "offset", "sort", "sort_key", "sort_dir", "all_tenants", "with_count"}


def wants_all_tenants(request: Request) -> bool:
    """An admin who asks for every project's (`all_tenants=1`)."""
    return request.query_map.get("all_tenants", "").strip().lower() in TRUE and request.allows("context_is_admin")


def whole_number(request: Request, name: str) -> int | None:
    text = request.query_map.get(name)
    if text is None:
        return None
    try:
        value = int(text)
    except ValueError:
        raise BadRequest(f"{name} param must be an integer") from None
    if value < 0:
        raise BadRequest(f"{name} param must be positive")
    return value


def parse_sorts(request: Request, resource: Resource) -> list[tuple[str, str]]:
    """`sort=name:asc,size:desc`, or the older sort_key and sort_dir."""
    query = request.query_map
    if "sort" in query:
        pairs = [(part.strip().partition(":")) for part in query["sort"].split(",") if part.strip()]
        sorts = [(name.strip(), direction.strip() or "desc") for name, _, direction in pairs]
    elif "sort_key" in query or "sort_dir" in query:
        sorts = [(query.get("sort_key", "created_at").strip(), query.get("sort_dir", "desc").strip())]
    else:
        return []
    out = []
    for name, direction in sorts:
        if direction not in ("asc", "desc"):
            raise BadRequest("Invalid input received: Unknown sort direction, must be 'desc' or 'asc'.")
        field = resource.by_name.get({"display_name": "name"}.get(name, name))
        if field is None or not field.sort or not field.stored_as:
            raise BadRequest(f"Invalid input received: Sort key supplied is invalid: {name}")
        out.append((field.stored_as, direction))
    return out


def parse_list(request: Request, resource: Resource) -> ListQuery:
    """Filters on every declared attribute; what is no attribute is ignored, as Cinder does for ordinary users."""
    query = ListQuery(sorts=parse_sorts(request, resource), marker=request.query_map.get("marker"))
    limit = whole_number(request, "limit")
    query.limit = MAX_LIMIT if limit is None else min(limit, MAX_LIMIT)
    query.offset = whole_number(request, "offset") or 0
    for name, value in request.query:
        if name in PAGING:
            continue
        partial = name.endswith("~")
        field = resource.by_name.get(name.removesuffix("~"))
        if field is None or not field.filter or not field.stored_as:
            continue
        if partial:
            query.filters[field.stored_as, "contains"] = value
            continue
        try:
            query.filters[field.stored_as, "eq"] = field.kind.parse(value.strip("'\""))
        except ValueError as error:
            raise BadRequest(f"Invalid input received: {error}") from None
    return query


def base_url(request: Request) -> str:
    """The versioned endpoint with the project, as links name it."""
    return f"{request.service_url}/v3/{request.caller.project_id}"


def links(request: Request, plural: str, id: str) -> list[dict[str, str]]:
    return [
        {"rel": "self", "href": f"{base_url(request)}/{plural}/{id}"},
        {"rel": "bookmark", "href": f"{request.service_url}/{request.caller.project_id}/{plural}/{id}"},
    ]


def next_link(request: Request, path: str, marker: str) -> list[dict[str, str]]:
    params = [(name, value) for name, value in request.query if name != "marker"]
    return [{"rel": "next", "href": f"{base_url(request)}/{path}?{urlencode([*params, ('marker', marker)])}"}]


def list_envelope(request: Request, resource: Resource, items: Sequence[dict[str, Any]], query: ListQuery) -> dict[str, Any]:
    envelope: dict[str, Any] = {resource.plural: items}
    if "limit" in request.query_map and query.limit and len(items) == query.limit:
        path = request.path.partition("/v3/")[2].partition("/")[2]
        envelope[f"{resource.plural}_links"] = next_link(request, path, items[-1]["id"])
    return envelope


def not_found(resource: Resource, id: str) -> NotFound:
    return NotFound(f"{resource.title} {id} could not be found.", kind=f"{resource.title.replace(' ', '')}NotFound")


STYLE = Style(
    parse_list=parse_list,
    list_envelope=list_envelope,
    not_found=not_found,
    bad_marker=not_found,
    new_id=ids.new_uuid,
    time=micros,
    create_status=202,
    delete_status=202,
)
