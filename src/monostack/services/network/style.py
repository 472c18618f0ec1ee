"""How lists of network resources are asked for and answered: filters, fields, sorting, pages and their links."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from monostack.core import ids
from monostack.core.errors import Fault
from monostack.http import Request
from monostack.http.answers import TEXT, Record, many, optional
from monostack.resources import ListQuery, Resource, Style
from monostack.resources.style import seconds_z
from monostack.services.network import filters
from monostack.services.network.words import bad, bad_request, missing

_NOT_FILTERS = {"fields", "sort_key", "sort_dir", "limit", "marker", "page_reverse"}
_DIRECTIONS = {"asc", "desc"}


def parse_list(request: Request, resource: Resource) -> ListQuery:
    query = ListQuery(fields=[name for name in request.query_all("fields") if name])
    given: dict[str, list[str]] = {}
    for name, value in request.query:
        if name not in _NOT_FILTERS:
            given.setdefault("project_id" if name == "tenant_id" else name, []).append(value)
    _filter(resource, given, query)
    query.sorts = _sorts(request, resource)
    limit = request.query_map.get("limit", "0")
    if not limit.isascii() or not limit.isdigit():
        raise bad_request("limit", f"Limit must be an integer 0 or greater and not '{limit}'")
    if int(limit):
        query.limit = min(int(limit), 2**31 - 1)
        query.marker = request.query_map.get("marker") or None
        query.reverse = request.query_map.get("page_reverse", "").lower() == "true"
    return query


def only_fields(request: Request, items: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Items of a list that no Resource declares, each with those attributes only that `fields` asks for, if it does."""
    wanted = [name for name in request.query_all("fields") if name]
    return [{name: item[name] for name in wanted if name in item} if wanted else item for item in items]


def check_sorts(request: Request, *known: str) -> None:
    """Raises BadRequest where such a list is asked to be sorted by something else than what is `known`."""
    unknown = [key for key in request.query_all("sort_key") if key and key not in known]
    if unknown:
        raise bad(f"{unknown} is invalid attribute for sort_keys")


def other_parameters(request: Request) -> dict[str, list[str]]:
    """What is asked for beside fields, order and pages: the filters of a list."""
    return {name: request.query_all(name) for name, _ in request.query if name not in _NOT_FILTERS}


def check_filters(given: Iterable[str], *known: str) -> None:
    """Raises BadRequest where a filter is not `known`."""
    unknown = [name for name in given if name not in known]
    if unknown:
        raise bad(f"{unknown} is invalid attribute for filtering")


def _filter(resource: Resource, given: dict[str, list[str]], query: ListQuery) -> None:
    unknown = []
    for name, values in given.items():
        if name in resource.conditions and not name.startswith("_"):
            query.filters.update({(condition, operator): value for condition, operator, value in filters.read(name, values)})
            continue
        field = resource.by_name.get(name)
        if field is None or not field.filter or field.stored_as is None:
            unknown.append(name)
            continue
        query.filters[field.stored_as, "in"] = [field.kind.parse(value) for value in values]
    if unknown:
        raise bad(f"{unknown} is invalid attribute for filtering")


def _sorts(request: Request, resource: Resource) -> list[tuple[str, str]]:
    keys = [key for key in request.query_all("sort_key") if key]
    directions = [direction for direction in request.query_all("sort_dir") if direction]
    if len(keys) != len(directions):
        raise bad("The number of sort_keys and sort_dirs must be same")
    fields = [resource.by_name.get("project_id" if key == "tenant_id" else key) for key in keys]
    absent = [key for key, field in zip(keys, fields, strict=True) if field is None or not field.sort or field.stored_as is None]
    if absent:
        raise bad(f"{absent} is invalid attribute for sort_keys")
    wrong = [direction for direction in directions if direction not in _DIRECTIONS]
    if wrong:
        raise bad(f"{wrong} is invalid value for sort_dirs, valid value is 'asc' and 'desc'")
    columns = [field.stored_as for field in fields if field is not None and field.stored_as is not None]
    return list(zip(columns, directions, strict=True))


def list_envelope(request: Request, resource: Resource, items: Sequence[dict[str, Any]], query: ListQuery) -> dict[str, Any]:
    answer: dict[str, Any] = {resource.plural: items}
    if query.limit is not None:
        links = _links(request, [item[resource.key] for item in items], query)
        if links:
            answer[f"{resource.plural}_links"] = links
    return answer


def _links(request: Request, ids_shown: list[str], query: ListQuery) -> list[dict[str, str]]:
    short = len(ids_shown) < (query.limit or 0)
    kept = [(name, value) for name, value in request.query if name not in ("marker", "page_reverse")]
    base = f"{request.app_url}{request.path}"
    links = []
    if not short or query.reverse:
        pairs = [*kept, ("marker", ids_shown[-1])] if ids_shown else kept
        links.append({"rel": "next", "href": f"{base}?{urlencode(pairs)}"})
    if not short or not query.reverse:
        pairs = [*kept, ("marker", ids_shown[0])] if ids_shown else kept
        links.append({"rel": "previous", "href": f"{base}?{urlencode([*pairs, ('page_reverse', 'True')])}"})
    return links


def _owner_twice(request: Request, resource: Resource, item: dict[str, Any]) -> None:
    if "project_id" in item:
        item["tenant_id"] = item["project_id"]


def _owner_key(resource: Resource) -> dict[str, Any]:
    shown = resource.by_name.get("project_id")
    return {"tenant_id": shown.answer_key()} if shown is not None and shown.view else {}


def _bad_marker(resource: Resource, marker: str) -> Fault | None:
    """Neutron looks for what a page begins after in its oldest collections alone; others then begin at the beginning."""
    return missing(resource, marker) if resource.singular in ("network", "port", "router") else None


LINK = Record("Link", {"rel": TEXT, "href": TEXT})
STYLE = Style(
    parse_list=parse_list,
    list_envelope=list_envelope,
    not_found=missing,
    bad_marker=_bad_marker,
    new_id=ids.new_uuid,
    time=seconds_z,
    self_link=_owner_twice,
    link_keys=_owner_key,
    list_keys=lambda resource: {f"{resource.plural}_links": optional(many(LINK))},
    create_status=201,
)
