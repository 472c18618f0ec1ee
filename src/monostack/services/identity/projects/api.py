"""/v3/projects: projects and their hierarchy."""

from typing import Any

import sqlalchemy as sa

from monostack.core import ids
from monostack.core.errors import BadRequest, Forbidden
from monostack.db import Row, Transaction
from monostack.http import Request
from monostack.services.identity import access, domains
from monostack.services.identity.immutable import check_mutable, merged_options
from monostack.services.identity.kinds import is_true
from monostack.services.identity.projects import as_domain, tree
from monostack.services.identity.projects.table import PROJECTS, projects
from monostack.services.identity.removal import forget_project
from monostack.services.identity.style import STYLE

DEPTH = 5  # levels of projects below a domain: Keystone's max_project_tree_depth

_REVOKE = sa.update(projects).where(projects.c.id == sa.bindparam("project")).values(token_generation=projects.c.token_generation + 1)


def find(request: Request, tx: Transaction, action: str) -> tuple[Row, bool]:
    """The project or domain of the path, authorized, and whether it is a domain."""
    project_id = request.params["id"]
    row = access.find(PROJECTS, tx, project_id)
    domain = as_domain.find(tx, project_id) if row is None else None
    target = PROJECTS.target(row) if row is not None else as_domain.target(domain) if domain is not None else {}
    request.authorize(PROJECTS.policy[action], target)
    found = row if row is not None else domain
    if found is None:
        raise STYLE.not_found(PROJECTS, project_id)
    return found, domain is not None


def create_project(request: Request, tx: Transaction) -> dict[str, Any]:
    """Create a project."""
    given: dict[str, Any] = dict(request.body["project"])
    access.authorize_create(PROJECTS, request, given)
    if is_true(given.pop("is_domain", False)):
        return as_domain.create(request, tx, given)
    domain_id = given["domain_id"] = access.own_domain(request, given)
    access.require_domain(tx, domain_id, BadRequest)
    given["parent_id"] = given.get("parent_id") or domain_id
    _check_place(tx, domain_id, given["parent_id"])
    given["name"] = given["name"].strip()
    values = PROJECTS.accept_create(request, given)
    values["id"], values["enabled"] = ids.new_hex(), is_true(values["enabled"])
    access.free_name(PROJECTS, tx, given["name"], domain_id, message=_conflict(given["name"], values["id"]))
    return PROJECTS.render(request, tx, PROJECTS.insert(tx, request, values))


def _conflict(name: str, id: str) -> str:
    return (
        "it is not permitted to have two projects with either the same name or same id in the same domain:"
        f" name is {name}, project id {id}."
    )


def _check_place(tx: Transaction, domain_id: str, parent_id: str) -> None:
    """Every project above a new one must be enabled and in the same domain."""
    if tx.row(domains.BY_ID, {"id": parent_id}) is not None:
        if parent_id != domain_id:
            raise BadRequest(
                f"Cannot create project, the parent ({parent_id}) is acting as a domain, but this project's domain id ({domain_id})"
                " does not match the parent's id."
            )
        return
    parent = access.find(PROJECTS, tx, parent_id)
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


def update_project(request: Request, tx: Transaction) -> dict[str, Any]:
    """Update a project."""
    row, acts_as_domain = find(request, tx, "update")
    given: dict[str, Any] = dict(request.body["project"])
    if acts_as_domain:
        return as_domain.update(request, tx, row, given)
    access.keep_id(row, given)
    access.keep_domain(row, given)
    check_mutable(row, "project", given)
    if given.get("parent_id", row.parent_id) != row.parent_id:
        raise Forbidden("Update of `parent_id` is not allowed.")
    is_domain = given.get("is_domain", row.is_domain)
    if is_domain is None or is_true(is_domain) != row.is_domain:
        raise BadRequest("Update of `is_domain` is not allowed.")
    if "name" in given:
        given["name"] = given["name"].strip()
        access.free_name(PROJECTS, tx, given["name"], row.domain_id, row.id, _conflict(given["name"], row.id))
    if "enabled" in given:
        given["enabled"] = is_true(given["enabled"])
        _check_enabling(tx, row, given["enabled"])
    if "options" in given:
        given["options"] = merged_options(row, given["options"])
    changed = PROJECTS.change(tx, request, row, PROJECTS.accept_update(request, given))
    answer = PROJECTS.render(request, tx, changed)
    answer["project"]["extra"] = changed.extra or {}  # an update shows them twice, as Keystone's always has
    return answer


def _check_enabling(tx: Transaction, row: Row, enabled: bool) -> None:
    if enabled and not row.enabled:
        if not all(parent.enabled for parent in tree.parents(tx, row.id)):
            raise Forbidden(f"Cannot enable project {row.id} since it has disabled parents")
    elif row.enabled and not enabled:
        if any(project.enabled for project in tree.below(tx, row.id)):
            raise Forbidden(f"Cannot disable project {row.id} since its subtree contains enabled projects.")
        tx.execute(_REVOKE, {"project": row.id})


def delete_project(request: Request, tx: Transaction) -> None:
    """Delete a project."""
    row, acts_as_domain = find(request, tx, "delete")
    if acts_as_domain:
        return domains.remove_domain(request, tx, row)
    check_mutable(row, "project", None)
    if not tree.is_leaf(tx, row.id):
        raise Forbidden(
            f"Cannot delete the project {row.id} since it is not a leaf in the hierarchy. Use the cascade option if you want to delete"
            " a whole subtree."
        )
    forget_project(tx, row.id)
    PROJECTS.remove(tx, request, row)
    return None


routes = PROJECTS.routes(only=("create", "update", "delete"), create=create_project, update=update_project, delete=delete_project)
