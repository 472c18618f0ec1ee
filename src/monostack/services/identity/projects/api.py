"""/v3/projects: projects and their hierarchy. A domain can be looked at as the project at the top of its hierarchy."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from monostack.core.errors import BadRequest, Forbidden
from monostack.db import Transaction
from monostack.http import Request
from monostack.services.identity import access
from monostack.services.identity.projects import tree
from monostack.services.identity.projects.table import PROJECTS, projects
from monostack.services.identity.removal import forget_target

DEPTH = 5  # levels of projects below a domain

_REVOKE = sa.update(projects).where(projects.c.id == sa.bindparam("project")).values(token_generation=projects.c.token_generation + 1)


def conflict(name: str, id: str | None) -> str:
    return (
        "Conflict occurred attempting to store project - it is not permitted to have two projects with either the same name or same id"
        f" in the same domain: name is {name}, project id {id}."
    )


def _find_parent(tx: Transaction, domain_id: str, parent_id: str) -> None:
    """Check where a project is to be. Every project above it must be enabled and in the same domain."""
    if tx.row(access.BY_ID, {"id": parent_id}) is not None:
        if parent_id != domain_id:
            raise BadRequest(
                f"Cannot create project, the parent ({parent_id}) is acting as a domain, but this project's domain id ({domain_id})"
                " does not match the parent's id."
            )
        return
    parent = tx.row(sa.select(projects).where(projects.c.id == sa.bindparam("project")), {"project": parent_id})
    if parent is None:
        raise BadRequest(f"Could not find project: {parent_id}.")
    if parent.domain_id != domain_id:
        raise BadRequest(
            f"Cannot create project, since it specifies its domain_id {domain_id}, but specifies a parent in a different domain"
            f" ({parent.domain_id})."
        )
    chain = [parent, *tree.parents(tx, parent_id)]
    for project in chain:
        if not project.enabled:
            raise BadRequest(f"cannot create a project in a branch containing a disabled project: {project.id}")
    if len(chain) >= DEPTH:
        raise Forbidden(f"Max hierarchy depth reached for {parent_id} branch.")


def create_project(request: Request, tx: Transaction) -> dict[str, Any]:
    """Create a project."""
    given: dict[str, Any] = dict(request.body["project"])
    access.authorize_create(PROJECTS, request, given)
    domain_id = given["domain_id"] = access.own_domain(request, given)
    access.require_domain(tx, domain_id)
    given["parent_id"] = given.get("parent_id") or domain_id
    _find_parent(tx, domain_id, given["parent_id"])
    given["name"] = given["name"].strip()
    access.free_name(PROJECTS, tx, given["name"], domain_id, conflict(given["name"], None))
    return PROJECTS.render(request, tx, PROJECTS.insert(tx, request, PROJECTS.accept_create(request, given)))


def update_project(request: Request, tx: Transaction) -> dict[str, Any]:
    """Update a project."""
    row = PROJECTS.allowed(request, tx, "update")
    given: dict[str, Any] = dict(request.body["project"])
    access.keep_id(row, given)
    access.keep_domain(row, given)
    access.check_mutable(row, "project", given)
    if "name" in given:
        given["name"] = given["name"].strip()
        access.free_name(PROJECTS, tx, given["name"], row.domain_id, conflict(given["name"], row.id), row.id)
    if given.get("parent_id", row.parent_id) != row.parent_id:
        raise Forbidden("Update of `parent_id` is not allowed.")
    if given.get("is_domain", row.is_domain) != row.is_domain:
        raise BadRequest("Update of `is_domain` is not allowed.")
    _check_enabling(tx, row, given.get("enabled", row.enabled))
    if "options" in given:
        given["options"] = access.merged_options(row, given["options"])
    return PROJECTS.render(request, tx, PROJECTS.change(tx, request, row, PROJECTS.accept_update(request, given)))


def _check_enabling(tx: Transaction, row: Row[Any], enabled: bool) -> None:
    if enabled and not row.enabled:
        if not all(parent.enabled for parent in tree.parents(tx, row.id)):
            raise Forbidden(f"Cannot enable project {row.id} since it has disabled parents")
    elif row.enabled and not enabled:
        if any(project.enabled for project in tree.below(tx, row.id)):
            raise Forbidden(f"Cannot disable project {row.id} since its subtree contains enabled projects.")
        tx.execute(_REVOKE, {"project": row.id})


def delete_project(request: Request, tx: Transaction) -> None:
    """Delete a project."""
    row = PROJECTS.allowed(request, tx, "delete")
    access.check_mutable(row, "project", None)
    if not tree.is_leaf(tx, row.id):
        raise Forbidden(
            f"Cannot delete the project {row.id} since it is not a leaf in the hierarchy. Use the cascade option if you want to delete"
            " a whole subtree."
        )
    forget_target(tx, "project", row.id)
    PROJECTS.remove(tx, request, row)


routes = PROJECTS.routes(
    list=access.list_in_domain(PROJECTS), create=create_project, update=update_project, delete=delete_project
)
