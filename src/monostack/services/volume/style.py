"""How Cinder's plain resources look, and which of them a caller finds."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from monostack.core import ids
from monostack.core.errors import NotFound
from monostack.http import Request
from monostack.resources import ListQuery, Resource, Scopes, Style
from monostack.resources.style import micros
from monostack.services.volume.lists import all_tenants, is_admin, page
from monostack.services.volume.words import missing


def _not_found(resource: Resource, id: str) -> NotFound:
    return missing(resource.title, id)


def _parse_list(request: Request, resource: Resource) -> ListQuery:
    return page(request.query_map)


def _envelope(request: Request, resource: Resource, items: Sequence[dict[str, Any]], query: ListQuery) -> dict[str, Any]:
    return {resource.plural: items}


STYLE = Style(
    parse_list=_parse_list,
    list_envelope=_envelope,
    not_found=_not_found,
    bad_marker=_not_found,
    new_id=ids.new_uuid,
    time=micros,
    create_status=202,
    delete_status=202,
)


def _scope(request: Request) -> str:
    """Administrators find every project's by id, and in lists when they ask for all_tenants."""
    route = request.route
    if route is not None and route.method == "GET" and "{" not in route.path:
        return "all" if all_tenants(request) else "project"
    return "all" if is_admin(request) else "project"


OF_PROJECT = Scopes(_scope, {"all": None, "project": lambda table: table.c.project_id == sa.bindparam("caller_project")})
