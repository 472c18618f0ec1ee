"""How Keystone shows plain resources: links in every item, filters by attribute and by `attribute__comparator`."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.engine import Row

from monostack.core import ids
from monostack.core.errors import Fault, NotFound
from monostack.http import Request
from monostack.resources import ListQuery, Resource, Style

COMPARATORS = {"contains": "contains", "startswith": "startswith", "endswith": "endswith"}
NAMES = {"user_group": "group"}


def not_found(resource: Resource, id: str) -> Fault:
    return NotFound(f"Could not find {resource.title}: {id}.")


def parse_list(request: Request, resource: Resource) -> ListQuery:
    """Filters Keystone knows; what it does not know it ignores."""
    query = ListQuery()
    for name, value in request.query:
        attribute, _, comparator = name.partition("__")
        field = resource.by_name.get(attribute)
        if field is None or not field.filter or field.stored_as is None:
            continue
        if comparator:
            insensitive = comparator.startswith("i")
            operator = COMPARATORS.get(comparator[1:] if insensitive else comparator)
            if operator is None or field.kind.parse is not str:
                continue
            query.filters[field.stored_as, operator] = value
        else:
            query.filters[field.stored_as, "eq"] = _parsed(field.kind.parse, value)
    return query


def _parsed(parse: Any, value: str) -> Any:
    """Keystone takes every word but the negative ones for true."""
    if parse is str:
        return value
    return value.strip().lower() not in ("false", "0", "no", "off", "f", "n")


def list_envelope(request: Request, resource: Resource, items: Sequence[dict[str, Any]], query: ListQuery) -> Any:
    return collection(request, resource.plural, items)


def collection(request: Request, name: str, items: Sequence[Any]) -> dict[str, Any]:
    """A list as Keystone answers it."""
    suffix = f"?{request.query_string}" if request.query_string else ""
    return {name: items, "links": {"next": None, "self": f"{request.app_url}{request.path}{suffix}", "previous": None}}


def self_link(request: Request, resource: Resource, item: dict[str, Any]) -> None:
    item["links"] = {"self": f"{request.service_url}{resource.path}/{item['id']}"}


def target(resource: Resource, row: Row[Any]) -> dict[str, Any]:
    """Rules read attributes of what they are asked about as %(target.project.domain_id)s."""
    return {"target": {resource.singular: dict(row._mapping)}}


STYLE = Style(
    parse_list=parse_list,
    list_envelope=list_envelope,
    not_found=not_found,
    new_id=ids.new_hex,
    self_link=self_link,
    target=target,
    update_method="PATCH",
    create_status=201,
    additional_properties=True,
)
