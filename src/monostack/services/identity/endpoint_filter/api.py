"""/v3/OS-EP-FILTER: endpoint groups, and endpoints and groups associated with projects."""

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from monostack.core.errors import BadRequest, Conflict, NotFound
from monostack.db import Transaction
from monostack.events import record
from monostack.http import Request, Response, Routes
from monostack.http.answers import TEXT, Record, envelope
from monostack.resources import Resource
from monostack.services.identity.dialect import expecting
from monostack.services.identity.endpoint_filter.table import (
    ENDPOINT_GROUPS,
    endpoint_groups,
    endpoints_of,
    matching,
    project_endpoint_groups,
    project_endpoints,
)
from monostack.services.identity.endpoints.table import ENDPOINTS, endpoints
from monostack.services.identity.kinds import strict_query
from monostack.services.identity.projects.table import PROJECTS, projects
from monostack.services.identity.style import LINKS, collection, page_of

VALID = ("service_id", "region_id", "interface")

_ENDPOINTS = sa.select(endpoints).where(endpoints.c.id.in_(sa.bindparam("ids", expanding=True))).order_by(endpoints.c.id)


def _check_filters(given: dict[str, Any]) -> None:
    if set(given.get("filters", {})) - set(VALID):
        raise expecting(" or ".join(VALID), "endpoint_group")


def create_group(request: Request, tx: Transaction) -> dict[str, Any]:
    """Create an endpoint group."""
    request.authorize("identity:create_endpoint_group", {})
    given = request.body["endpoint_group"]
    if not given.get("filters"):
        raise BadRequest("filters field is required and cannot be empty")
    _check_filters(given)
    return ENDPOINT_GROUPS.render(request, tx, ENDPOINT_GROUPS.insert(tx, request, ENDPOINT_GROUPS.accept_create(request)))


def update_group(request: Request, tx: Transaction) -> dict[str, Any]:
    """Update an endpoint group."""
    row = ENDPOINT_GROUPS.allowed(request, tx, "update")
    given = request.body["endpoint_group"]
    _check_filters(given)
    return ENDPOINT_GROUPS.render(request, tx, ENDPOINT_GROUPS.change(tx, request, row, ENDPOINT_GROUPS.accept_update(request)))


def list_endpoints_of_group(request: Request, tx: Transaction) -> dict[str, Any]:
    """List the endpoints a group chooses."""
    request.authorize("identity:list_endpoints_associated_with_endpoint_group", {})
    group = ENDPOINT_GROUPS.get(request, tx, request.params["id"])
    return collection(request, "endpoints", ENDPOINTS.views(request, tx, matching(tx, group.filters)))


def list_endpoints_of_project(request: Request, tx: Transaction) -> dict[str, Any]:
    """List the endpoints a project is limited to."""
    request.authorize("identity:list_endpoints_for_project", {})
    project = PROJECTS.get(request, tx, request.params["id"])
    rows = tx.rows(_ENDPOINTS, {"ids": sorted(endpoints_of(tx, project.id) or ())})
    return collection(request, "endpoints", ENDPOINTS.views(request, tx, rows))


class Association:
    """Something associated with projects, and the operations on the association. `rules` are (add, check, remove)."""

    def __init__(self, resource: Resource, pairs: sa.Table, column: str, rules: tuple[str, str, str], params: tuple[str, str]) -> None:
        self.resource, self.column, self.params = resource, column, params
        self.add_rule, self.check_rule, self.remove_rule = rules
        pair = sa.and_(pairs.c.project_id == sa.bindparam("project"), pairs.c[column] == sa.bindparam("thing"))
        self._find, self._delete, self._insert = sa.select(pairs).where(pair), sa.delete(pairs).where(pair), sa.insert(pairs)
        self.projects = (
            sa.select(projects)
            .join(pairs, pairs.c.project_id == projects.c.id)
            .where(pairs.c[column] == sa.bindparam("thing"))
            .order_by(projects.c.id)
        )

    def _pair(self, request: Request, tx: Transaction, rule: str) -> dict[str, str]:
        request.authorize(rule, {})
        thing_id, project_id = request.params[self.params[0]], request.params[self.params[1]]
        self.resource.get(request, tx, thing_id)
        PROJECTS.get(request, tx, project_id)
        return {"project": project_id, "thing": thing_id}

    def _missing(self, pair: dict[str, str]) -> NotFound:
        return NotFound(f"{self.resource.title} {pair['thing']} not found in project {pair['project']}")

    def check(self, request: Request, tx: Transaction) -> Response:
        """Say whether it is associated with a project."""
        pair = self._pair(request, tx, self.check_rule)
        if tx.row(self._find, pair) is None:
            raise self._missing(pair)
        return Response(None, 204)

    def add(self, request: Request, tx: Transaction) -> None:
        """Associate it with a project."""
        pair = self._pair(request, tx, self.add_rule)
        if tx.row(self._find, pair) is not None:
            raise Conflict(f"Conflict occurred attempting to store project_{self.resource.singular} - Duplicate entry.")
        tx.execute(self._insert, {"project_id": pair["project"], self.column: pair["thing"]})
        record(tx, request, f"{self.resource.singular}.associate", pair["thing"], pair["project"])

    def remove(self, request: Request, tx: Transaction) -> None:
        """End the association with a project."""
        pair = self._pair(request, tx, self.remove_rule)
        if tx.execute(self._delete, pair).rowcount == 0:
            raise self._missing(pair)
        record(tx, request, f"{self.resource.singular}.dissociate", pair["thing"], pair["project"])

    def list_projects(self, rule: str) -> Callable[[Request, Transaction], Any]:
        def list_them(request: Request, tx: Transaction) -> dict[str, Any]:
            """List the projects it is associated with."""
            request.authorize(rule, {})
            thing = self.resource.get(request, tx, request.params["id"])
            return collection(request, "projects", PROJECTS.views(request, tx, tx.rows(self.projects, {"thing": thing.id})))

        return list_them


_GROUPS_OF_PROJECT = (
    sa.select(endpoint_groups)
    .join(project_endpoint_groups, project_endpoint_groups.c.group_id == endpoint_groups.c.id)
    .where(project_endpoint_groups.c.project_id == sa.bindparam("project"))
    .order_by(endpoint_groups.c.id)
)


def list_groups_of_project(request: Request, tx: Transaction) -> dict[str, Any]:
    """List the endpoint groups associated with a project."""
    request.authorize("identity:list_endpoint_groups_for_project", {})
    project = PROJECTS.get(request, tx, request.params["id"])
    rows = tx.rows(_GROUPS_OF_PROJECT, {"project": project.id})
    return collection(request, "endpoint_groups", ENDPOINT_GROUPS.views(request, tx, rows))


OF_ENDPOINTS = Association(
    ENDPOINTS, project_endpoints, "endpoint_id",
    ("identity:add_endpoint_to_project", "identity:check_endpoint_in_project", "identity:remove_endpoint_from_project"),
    ("endpoint_id", "id"),
)  # fmt: skip
OF_GROUPS = Association(
    ENDPOINT_GROUPS, project_endpoint_groups, "group_id",
    ("identity:add_endpoint_group_to_project", "identity:get_endpoint_group_in_project", "identity:remove_endpoint_group_from_project"),
    ("id", "project_id"),
)  # fmt: skip


def show_group_in_project(request: Request, tx: Transaction) -> dict[str, Any]:
    """Show the association of an endpoint group with a project."""
    OF_GROUPS.check(request, tx)
    group_id, project_id = request.params["id"], request.params["project_id"]
    link = f"/OS-EP-FILTER/endpoint_groups/{group_id}/projects/{project_id}"
    return {"project_endpoint_group": {"endpoint_group_id": group_id, "project_id": project_id, "links": {"self": link}}}


def _body(method: str) -> dict[str, Any]:
    schema = ENDPOINT_GROUPS.body_schema(method)
    schema["properties"]["endpoint_group"].update(additionalProperties=False, **({"minProperties": 1} if method == "update" else {}))
    return schema


group_routes = ENDPOINT_GROUPS.routes(only=("list", "show", "delete"), query=strict_query(name={}))
group_routes.add(
    "POST",
    "",
    create_group,
    "write",
    status=201,
    body=_body("create"),
    policy="identity:create_endpoint_group",
    answer=ENDPOINT_GROUPS.answer_one,
)
group_routes.add(
    "PATCH",
    "/{id}",
    update_group,
    "write",
    body=_body("update"),
    policy="identity:update_endpoint_group",
    answer=ENDPOINT_GROUPS.answer_one,
)

_IN_GROUP = Record("ProjectEndpointGroup", {"endpoint_group_id": TEXT, "project_id": TEXT, "links": LINKS})
_ASSOCIATION = envelope("project_endpoint_group", _IN_GROUP)
routes = Routes("/v3/OS-EP-FILTER")
_GROUP_IN_PROJECT = "/endpoint_groups/{id}/projects/{project_id}"
_IN_PROJECT = "/projects/{id}/endpoints/{endpoint_id}"
_ENDPOINTS_RULE = "identity:list_endpoints_associated_with_endpoint_group"
_PROJECTS_RULE = "identity:list_projects_associated_with_endpoint_group"
routes.add("GET", "/endpoint_groups/{id}/endpoints", list_endpoints_of_group, "read", policy=_ENDPOINTS_RULE, answer=page_of(ENDPOINTS))
routes.add(
    "GET",
    "/endpoint_groups/{id}/projects",
    OF_GROUPS.list_projects(_PROJECTS_RULE),
    "read",
    policy=_PROJECTS_RULE,
    answer=page_of(PROJECTS),
)
routes.add("GET", _GROUP_IN_PROJECT, show_group_in_project, "read", policy=OF_GROUPS.check_rule, answer=_ASSOCIATION)
routes.add("PUT", _GROUP_IN_PROJECT, OF_GROUPS.add, "write", status=204, policy=OF_GROUPS.add_rule)
routes.add("DELETE", _GROUP_IN_PROJECT, OF_GROUPS.remove, "write", status=204, policy=OF_GROUPS.remove_rule)
_ENDPOINT_PROJECTS = "identity:list_projects_for_endpoint"
routes.add(
    "GET",
    "/endpoints/{id}/projects",
    OF_ENDPOINTS.list_projects(_ENDPOINT_PROJECTS),
    "read",
    policy=_ENDPOINT_PROJECTS,
    answer=page_of(PROJECTS),
)
routes.add(
    "GET",
    "/projects/{id}/endpoints",
    list_endpoints_of_project,
    "read",
    policy="identity:list_endpoints_for_project",
    answer=page_of(ENDPOINTS),
)
routes.add(
    "GET",
    "/projects/{id}/endpoint_groups",
    list_groups_of_project,
    "read",
    policy="identity:list_endpoint_groups_for_project",
    answer=page_of(ENDPOINT_GROUPS),
)
routes.add("GET", _IN_PROJECT, OF_ENDPOINTS.check, "read", status=204, policy=OF_ENDPOINTS.check_rule)
routes.add("PUT", _IN_PROJECT, OF_ENDPOINTS.add, "write", status=204, policy=OF_ENDPOINTS.add_rule)
routes.add("DELETE", _IN_PROJECT, OF_ENDPOINTS.remove, "write", status=204, policy=OF_ENDPOINTS.remove_rule)
