"""/v3/roles. Roles of a domain have rules of their own."""

from typing import Any

import sqlalchemy as sa

from monostack.core.errors import BadRequest
from monostack.db import Row, Transaction
from monostack.http import Request
from monostack.services.identity import access
from monostack.services.identity.application_credentials.table import credentials
from monostack.services.identity.assignments.table import assignments
from monostack.services.identity.immutable import check_mutable, merged_options
from monostack.services.identity.kinds import IDENTIFIER, query, words
from monostack.services.identity.roles.table import ROLES
from monostack.services.identity.style import STYLE

# Application credentials of users on projects on which they hold the role.
_END_CREDENTIALS = sa.delete(credentials).where(
    sa.exists().where(
        assignments.c.actor_type == "user",
        assignments.c.actor_id == credentials.c.user_id,
        assignments.c.target_type == "project",
        assignments.c.target_id == credentials.c.project_id,
        assignments.c.role_id == sa.bindparam("role"),
    )
)


def find_role(request: Request, tx: Transaction, verb: str) -> Row:
    """The role of the path, if the caller may do `verb` to it. That it does not exist is told before it is asked who may."""
    row = ROLES.get(request, tx, request.params["id"])
    rule = f"identity:{verb}_role" if row.domain_id is None else f"identity:{verb}_domain_role"
    request.authorize(rule, ROLES.target(row))
    return row


def list_roles(request: Request, tx: Transaction) -> Any:
    """List roles: those of no domain, or those of one."""
    domain_id = request.query_map.get("domain_id")
    request.authorize("identity:list_domain_roles" if domain_id else "identity:list_roles", request.query_map)
    query = STYLE.parse_list(request, ROLES)
    if not domain_id:
        query.filters["domain_id", "isnull"] = None
    rows = ROLES.page(request, tx, query)
    return STYLE.list_envelope(request, ROLES, ROLES.views(request, tx, rows), query)


def show_role(request: Request, tx: Transaction) -> dict[str, Any]:
    """Show a role."""
    return ROLES.render(request, tx, find_role(request, tx, "get"))


def create_role(request: Request, tx: Transaction) -> dict[str, Any]:
    """Create a role."""
    given: dict[str, Any] = dict(request.body["role"])
    domain_id = given.get("domain_id")
    request.authorize("identity:create_domain_role" if domain_id else "identity:create_role", {"target": {"role": given}})
    if domain_id:
        access.require_domain(tx, domain_id)
    access.free_name(ROLES, tx, given["name"], domain_id)
    access.check_lengths(ROLES, given)
    return ROLES.render(request, tx, ROLES.insert(tx, request, ROLES.accept_create(request, given)))


def update_role(request: Request, tx: Transaction) -> dict[str, Any]:
    """Update a role."""
    row = find_role(request, tx, "update")
    given: dict[str, Any] = dict(request.body["role"])
    access.keep_id(row, given)
    check_mutable(row, "role", given)
    if given.get("domain_id", row.domain_id) != row.domain_id:
        raise BadRequest("Update of `domain_id` is not allowed.")
    if "name" in given:
        access.free_name(ROLES, tx, given["name"], row.domain_id, row.id)
    access.check_lengths(ROLES, given)
    if "options" in given:
        given["options"] = merged_options(row, given["options"])
    return ROLES.render(request, tx, ROLES.change(tx, request, row, ROLES.accept_update(request, given)))


def delete_role(request: Request, tx: Transaction) -> None:
    """Delete a role and take it from all who hold it. Their application credentials for what it was held on end with it."""
    row = find_role(request, tx, "delete")
    check_mutable(row, "role", None)
    tx.execute(_END_CREDENTIALS, {"role": row.id})
    ROLES.remove(tx, request, row)


_CREATE, _UPDATE = ROLES.body_schema("create"), ROLES.body_schema("update")
for _schema in (_CREATE, _UPDATE):
    _schema["properties"]["role"]["properties"]["description"] = {"type": ["string", "null"]}
_UPDATE["properties"]["role"]["minProperties"] = 1
_UPDATE["properties"]["role"]["properties"]["domain_id"] = {**IDENTIFIER, "type": ["string", "null"]}
_QUERY = query(name=words(255), domain_id=IDENTIFIER)

routes = ROLES.routes(only=("list", "show", "delete"), list=list_roles, show=show_role, delete=delete_role, query=_QUERY)
routes.add("POST", "", create_role, "write", status=201, body=_CREATE, policy="identity:create_role", answer=ROLES.answer_one)
routes.add("PATCH", "/{id}", update_role, "write", body=_UPDATE, policy="identity:update_role", answer=ROLES.answer_one)
