"""How plain resources of the compute API are listed and shown."""

from collections.abc import Sequence
from typing import Any

from monostack.core import ids
from monostack.core.errors import BadRequest, Fault, NotFound
from monostack.http import Request
from monostack.http.answers import optional
from monostack.resources import ListQuery, Resource, Style
from monostack.services.compute.answers import LINKS
from monostack.services.compute.links import linker, next_page
from monostack.services.compute.paging import limit_and_marker


def _parse_list(request: Request, resource: Resource) -> ListQuery:
    limit, marker = limit_and_marker(request)
    return ListQuery(limit=limit, marker=marker)


def _list_envelope(request: Request, resource: Resource, items: Sequence[dict[str, Any]], query: ListQuery) -> dict[str, Any]:
    answer: dict[str, Any] = {resource.plural: list(items)}
    more = next_page(request, resource.plural, items, query.limit or 0, items[-1][resource.key] if items else None)
    if more:
        answer[f"{resource.plural}_links"] = more
    return answer


def _not_found(resource: Resource, id: str) -> Fault:
    return NotFound(f"{resource.title} {id} could not be found.")


def _bad_marker(resource: Resource, marker: str) -> Fault:
    return BadRequest(f"marker [{marker}] not found")


def _links(request: Request, resource: Resource, item: dict[str, Any]) -> None:
    item["links"] = linker(request).both(resource.plural, item[resource.key])


def _next_key(resource: Resource) -> dict[str, Any]:
    return {f"{resource.plural}_links": optional(LINKS)}


STYLE = Style(parse_list=_parse_list, list_envelope=_list_envelope, not_found=_not_found, new_id=ids.new_uuid, bad_marker=_bad_marker)
LINKED = Style(
    parse_list=_parse_list,
    list_envelope=_list_envelope,
    not_found=_not_found,
    new_id=ids.new_uuid,
    bad_marker=_bad_marker,
    self_link=_links,
    link_keys=lambda resource: {"links": LINKS},
    list_keys=_next_key,
)
