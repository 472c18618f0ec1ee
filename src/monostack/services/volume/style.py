"""How Cinder's plain resources look, and which of them a caller finds."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from monostack.core import ids
from monostack.core.errors import NotFound
from monostack.http import Request
from monostack.resources import ListQuery, Resource, Scopes, Style
from monostack.resources.style import micros
from monostack.services.volume.lists import Tenants, all_tenants, is_admin, page
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
STYLE_OF_TYPES = replace(STYLE, bad_marker=lambda resource, id: None)  # what they show after something that is not there is the first page


def own(table: sa.Table) -> Any:
    """What is the caller's project's."""
    return table.c.project_id == sa.bindparam("caller_project")


def of_project(tenants: Tenants | None = None) -> Scopes:
    """Administrators find every project's by id, and in lists when they ask for it (with no `tenants`, always); others their project's."""

    def scope(request: Request) -> str:
        route = request.route
        if tenants is not None and route is not None and route.method == "GET" and "{" not in route.path:
            return "all" if all_tenants(request, tenants) else "project"
        return "all" if is_admin(request) else "project"

    return Scopes(scope, {"all": None, "project": own})
