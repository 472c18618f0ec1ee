"""How Keystone shows plain resources: links in every item, filters by attribute and by `attribute__comparator`."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from monostack.core import ids
from monostack.core.errors import BadRequest, Fault, NotFound
from monostack.db import Row
from monostack.http import Request
from monostack.http.answers import FLAG, TEXT, Record, envelope, many, maybe, optional
from monostack.resources import ListQuery, Resource, Style
from monostack.services.identity.moments import comparison

COMPARATORS = {"contains": "contains", "startswith": "startswith", "endswith": "endswith"}
MAXIMUM = 1000  # items of a page at most


def not_found(resource: Resource, id: str) -> Fault:
    title = resource.singular if resource.title == resource.singular.capitalize() else resource.title
    return NotFound(f"Could not find {title} {id}." if title.endswith(" for") else f"Could not find {title}: {id}.")


def parse_list(request: Request, resource: Resource) -> ListQuery:
    """Filters and the page Keystone knows; what it does not know it ignores."""
    query = ListQuery()
    for name, value in request.query:
        attribute, _, comparator = name.partition("__")
        field = resource.by_name.get(attribute)
        if field is None or not field.filter or field.stored_as is None:
            continue
        if field.kind.is_time:
            operator, moment = comparison(value)
            query.filters[field.stored_as, operator] = moment
        elif not comparator:
            query.filters[field.stored_as, "eq"] = value if field.kind.parse is str else field.kind.parse(value)
        elif field.kind.parse is str:
            folded = "i" if comparator.startswith("i") else ""
            operator = COMPARATORS.get(comparator.removeprefix("i"))
            if operator is not None:
                query.filters[field.stored_as, folded + operator] = value
    query.marker = request.query_map.get("marker") or None
    limit = request.query_map.get("limit")
    if limit:
        query.limit = min(parse_limit(limit), MAXIMUM)
    return query


def parse_limit(value: str) -> int:
    if not value.isdecimal():
        raise BadRequest(f"Invalid input for field 'limit': {value!r} is not a number of items")
    return int(value)


def list_envelope(request: Request, resource: Resource, items: Sequence[dict[str, Any]], query: ListQuery) -> Any:
    return collection(request, resource.plural, items, query.limit)


def collection(request: Request, name: str, items: Sequence[Any], limit: int | None = None) -> dict[str, Any]:
    """A list as Keystone answers it. A page that is full may have a next one."""
    suffix = f"?{request.query_string}" if request.query_string else ""
    links: dict[str, Any] = {"next": None, "self": f"{request.app_url}{request.path}{suffix}", "previous": None}
    answer: dict[str, Any] = {name: items, "links": links}
    if limit is not None and len(items) >= limit > 0:
        following = urlencode({**request.query_map, "marker": items[-1]["id"], "limit": limit})
        links["next"] = f"{request.app_url}{request.path}?{following}"
        answer["truncated"] = True
    return answer


def query_flag(request: Request, name: str) -> bool:
    """A parameter that is set by being there, with whatever value but 0."""
    return request.query_map.get(name, "0") != "0"


def self_link(request: Request, resource: Resource, item: dict[str, Any]) -> None:
    item["links"] = {"self": f"{request.service_url}{resource.path}/{item['id']}"}


def target(resource: Resource, row: Row) -> dict[str, Any]:
    """Rules read attributes of what they are asked about as %(target.project.domain_id)s."""
    return {"target": {resource.singular: dict(row._mapping)}}


def bad_marker(resource: Resource, marker: str) -> Fault:
    return NotFound(f"Marker {marker} could not be found.")


LINKS = envelope("self", TEXT)
PAGE_LINKS = Record("PageLinks", {"next": maybe(TEXT), "self": TEXT, "previous": maybe(TEXT)})
PAGE_KEYS = {"links": PAGE_LINKS, "truncated": optional(FLAG)}


def page_of(resource: Resource, more: Record | None = None) -> Record:
    """What `collection` answers."""
    return Record("", {resource.plural: many(more or resource.answer), **PAGE_KEYS})


STYLE = Style(
    bad_marker=bad_marker,
    parse_list=parse_list,
    list_envelope=list_envelope,
    not_found=not_found,
    new_id=ids.new_hex,
    self_link=self_link,
    link_keys=lambda resource: {"links": LINKS},
    list_keys=lambda resource: PAGE_KEYS,
    target=target,
    update_method="PATCH",
    create_status=201,
    rule_before_existence=True,
    additional_properties=True,
)
