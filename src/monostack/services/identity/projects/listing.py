"""Showing projects: one with what is above and below it, lists by tag, and the projects of a user."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from monostack.core.errors import BadRequest
from monostack.db import Row, Transaction
from monostack.http import Request, Routes
from monostack.resources.query import both
from monostack.services.identity import access
from monostack.services.identity.assignments.listing import projects_of_user
from monostack.services.identity.kinds import BOOLEAN, IDENTIFIER, UUID, is_true, query, words
from monostack.services.identity.projects import as_domain, tree
from monostack.services.identity.projects.api import find
from monostack.services.identity.projects.table import PROJECTS, projects
from monostack.services.identity.style import STYLE, query_flag
from monostack.services.identity.users.table import USERS

_OWN = projects.c.domain_id == sa.bindparam("caller_domain")
_AMONG = projects.c.id.in_(sa.bindparam("projects", expanding=True))
_NOT_AMONG = projects.c.id.not_in(sa.bindparam("not_projects", expanding=True))
_TAGGED = sa.select(projects.c.id, projects.c.tags).where(projects.c.tags != [])


def list_projects(request: Request, tx: Transaction) -> Any:
    """List projects."""
    access.authorize_list(request, "identity:list_projects")
    given = request.query_map
    if "is_domain" in given and is_true(given["is_domain"]):
        return as_domain.listed(request, tx)
    listed = STYLE.parse_list(request, PROJECTS)
    clause, params = _tag_clause(request, tx)
    if request.caller.domain_id:
        clause = _OWN if clause is None else both(clause, _OWN)
    rows = PROJECTS.page(request, tx, listed, clause, params)
    return STYLE.list_envelope(request, PROJECTS, PROJECTS.views(request, tx, rows), listed)


def _tag_clause(request: Request, tx: Transaction) -> tuple[Any, dict[str, Any]]:
    """The clause for the filters by tag: having all or any of some tags, or not."""
    wanted = {name: set(request.query_map[name].split(",")) for name in ("tags", "tags-any", "not-tags", "not-tags-any")
              if name in request.query_map}  # fmt: skip
    if not wanted:
        return None, {}
    tagged = {row.id: set(row.tags) for row in tx.rows(_TAGGED)}
    having = set(tagged)
    if "tags" in wanted:
        having = {id for id in having if wanted["tags"] <= tagged[id]}
    if "tags-any" in wanted:
        having = {id for id in having if wanted["tags-any"] & tagged[id]}
    lacking: set[str] = set()
    if "not-tags" in wanted:
        lacking |= {id for id, tags in tagged.items() if wanted["not-tags"] <= tags}
    if "not-tags-any" in wanted:
        lacking |= {id for id, tags in tagged.items() if wanted["not-tags-any"] & tags}
    if "tags" in wanted or "tags-any" in wanted:
        return _AMONG, {"projects": sorted(having - lacking)}
    return _NOT_AMONG, {"not_projects": sorted(lacking)}


def show_project(request: Request, tx: Transaction) -> dict[str, Any]:
    """Show a project, if asked for with those above and below it."""
    row, acts_as_domain = find(request, tx, "show")
    for kind in ("parents", "subtree"):
        if query_flag(request, f"{kind}_as_list") and query_flag(request, f"{kind}_as_ids"):
            raise BadRequest(f"Cannot use {kind}_as_list and {kind}_as_ids query params at the same time.")
    if acts_as_domain:
        shown = as_domain.views(request, tx, [row])[0]
        top: Row | None = None
    else:
        shown = PROJECTS.views(request, tx, [row])[0]
        top = as_domain.find(tx, row.domain_id)
    own: set[str] | None = None
    if query_flag(request, "parents_as_list"):
        own = projects_of_user(tx, request.caller.user_id)
        shown["parents"] = _wrapped(request, tx, tree.parents(tx, row.id), own)
    elif query_flag(request, "parents_as_ids"):
        shown["parents"] = _nested([*(p.id for p in tree.parents(tx, row.id)), *([top.id] if top is not None else [])])
    if query_flag(request, "subtree_as_list"):
        shown["subtree"] = _wrapped(request, tx, tree.below(tx, row.id), own or projects_of_user(tx, request.caller.user_id))
    elif query_flag(request, "subtree_as_ids"):
        shown["subtree"] = _tree_of_ids(row.id, tree.below(tx, row.id))
    return {"project": shown}


def _wrapped(request: Request, tx: Transaction, rows: Sequence[Row], own: set[str]) -> list[dict[str, Any]]:
    """Those of the projects on which the caller holds a role."""
    return [{"project": view} for view in PROJECTS.views(request, tx, [row for row in rows if row.id in own])]


def _nested(ids: list[str]) -> dict[str, Any] | None:
    nested: dict[str, Any] | None = None
    for id in reversed(ids):
        nested = {id: nested}
    return nested


def _tree_of_ids(project_id: str, rows: Sequence[Row]) -> dict[str, Any] | None:
    children: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        children[row.parent_id].append(row.id)

    def branch(id: str) -> dict[str, Any] | None:
        return {child: branch(child) for child in children[id]} or None

    return branch(project_id)


def list_projects_of_user(request: Request, tx: Transaction) -> Any:
    """List the projects a user holds a role on."""
    user_id = request.params["id"]
    user = access.find(USERS, tx, user_id)
    request.authorize("identity:list_user_projects", USERS.target(user) if user is not None else {})
    if user is None:
        raise STYLE.not_found(USERS, user_id)
    return page_of(request, tx, projects_of_user(tx, user_id))


def page_of(request: Request, tx: Transaction, project_ids: set[str]) -> Any:
    """The list of the given projects."""
    listed = STYLE.parse_list(request, PROJECTS)
    rows = PROJECTS.page(request, tx, listed, _AMONG, {"projects": sorted(project_ids)})
    return STYLE.list_envelope(request, PROJECTS, PROJECTS.views(request, tx, rows), listed)


routes = Routes("/v3")
_QUERY = query(name=words(64), domain_id=IDENTIFIER, enabled=BOOLEAN, is_domain=BOOLEAN, parent_id=UUID)
routes.add("GET", "/projects", list_projects, "read", policy="identity:list_projects", query=_QUERY, answer=PROJECTS.answer_list)
routes.add("GET", "/projects/{id}", show_project, "read", policy="identity:get_project", answer=PROJECTS.answer_one)
routes.add("GET", "/users/{id}/projects", list_projects_of_user, "read", policy="identity:list_user_projects", answer=PROJECTS.answer_list)
