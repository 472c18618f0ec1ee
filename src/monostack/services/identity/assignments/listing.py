"""GET /v3/role_assignments."""

from typing import Any

from monostack.core.errors import BadRequest
from monostack.db import Transaction
from monostack.http import Request, Routes
from monostack.http.answers import Record, many
from monostack.services.identity import access
from monostack.services.identity.assignments import effective
from monostack.services.identity.assignments.effective import Assignment, Filters
from monostack.services.identity.assignments.view import ANSWER, Names, shown
from monostack.services.identity.kinds import IDENTIFIER, query
from monostack.services.identity.projects import tree
from monostack.services.identity.projects.table import PROJECTS
from monostack.services.identity.style import PAGE_KEYS, STYLE, collection, query_flag

INHERITED_TO = "scope.OS-INHERIT:inherited_to"
_QUERY = {
    **query(**{name: IDENTIFIER for name in ("group.id", "role.id", "scope.domain.id", "scope.project.id")}),
    "dependentRequired": {"include_subtree": ["scope.project.id"]},
}

routes = Routes("/v3")


@routes.get(
    "/role_assignments",
    policy="identity:list_role_assignments",
    query=_QUERY,
    answer=Record("", {"role_assignments": many(ANSWER), **PAGE_KEYS}),
)
def list_role_assignments(request: Request, tx: Transaction) -> dict[str, Any]:
    """List role assignments."""
    of_tree = query_flag(request, "include_subtree")
    if of_tree:
        _authorize_tree(request, tx)
    else:
        domain_id = request.caller.domain_id
        target = {"target": {"domain_id": domain_id}} if domain_id else request.query_map
        request.authorize("identity:list_role_assignments", target)
    is_effective = query_flag(request, "effective")
    _check_filters(request, is_effective)
    filters = _filters(request, tx, of_tree)
    found = effective.effective(tx, filters) if is_effective else effective.direct(tx, filters)
    names = Names(tx, found) if query_flag(request, "include_names") or (request.caller.domain_id and not of_tree) else None
    if request.caller.domain_id and not of_tree:
        assert names is not None
        found = [one for one in found if names.domain_of_target(one) == request.caller.domain_id]
    with_names = names if query_flag(request, "include_names") else None
    return collection(request, "role_assignments", [shown(request, one, with_names) for one in found])


def _authorize_tree(request: Request, tx: Transaction) -> None:
    project_id = request.query_map["scope.project.id"]
    project = access.find(PROJECTS, tx, project_id)
    if project is None:
        raise STYLE.not_found(PROJECTS, project_id)
    target = {"target": {"project": dict(project._mapping), "domain_id": project.domain_id}}
    request.authorize("identity:list_role_assignments_for_tree", target)


def _check_filters(request: Request, is_effective: bool) -> None:
    """Combinations that mean nothing or could never find anything."""
    given = request.query_map
    for one, other, complaint in (
        ("scope.domain.id", "scope.project.id", "Specify a domain or project, not both"),
        ("scope.domain.id", "scope.system", "Specify system or domain, not both"),
        ("scope.project.id", "scope.system", "Specify system or project, not both"),
        ("user.id", "group.id", "Specify a user or group, not both"),
    ):
        if given.get(one) and given.get(other):
            raise BadRequest(complaint)
    if is_effective and given.get("group.id"):
        raise BadRequest("Combining effective and group filter will always result in an empty list.")
    if is_effective and given.get(INHERITED_TO) == "projects" and given.get("scope.domain.id"):
        raise BadRequest("Combining effective, domain and inherited filters will always result in an empty list.")


def _filters(request: Request, tx: Transaction, of_tree: bool) -> Filters:
    given = request.query_map
    project_id = given.get("scope.project.id") or None
    projects: tuple[str, ...] | None = None
    above: tuple[str, ...] = ()
    if project_id is not None:
        project = access.find(PROJECTS, tx, project_id)
        projects = (project_id,)
        if of_tree:
            projects += tuple(row.id for row in tree.below(tx, project_id))
        if project is not None:
            above = (project.domain_id, *(row.id for row in tree.parents(tx, project_id)), *(projects if of_tree else ()))
    return Filters(
        role=given.get("role.id") or None,
        user=given.get("user.id") or None,
        group=given.get("group.id") or None,
        system=given.get("scope.system") == "all",
        domain=given.get("scope.domain.id") or None,
        projects=projects,
        above=above,
        inherited=given[INHERITED_TO] == "projects" if INHERITED_TO in given else None,
    )


def projects_of_user(tx: Transaction, user_id: str) -> set[str]:
    """The projects a user holds a role on, in whatever way."""
    return {one.target_id for one in _of_user(tx, user_id) if one.target_type == "project"}


def domains_of_user(tx: Transaction, user_id: str) -> set[str]:
    """The domains a user holds a role on."""
    return {one.target_id for one in _of_user(tx, user_id) if one.target_type == "domain"}


def _of_user(tx: Transaction, user_id: str) -> list[Assignment]:
    return effective.effective(tx, Filters(user=user_id))
