"""/v3/groups: groups and their members."""

from typing import Any

import sqlalchemy as sa

from monostack.core.errors import NotFound
from monostack.db import Row, Transaction
from monostack.events import record
from monostack.http import Request, Response
from monostack.resources import Resource
from monostack.resources.query import both
from monostack.services.identity import access
from monostack.services.identity.groups.table import GROUPS, groups, members
from monostack.services.identity.kinds import IDENTIFIER, ORDER, query, words
from monostack.services.identity.removal import forget_group
from monostack.services.identity.style import STYLE, page_of
from monostack.services.identity.users.table import USERS, users

_MEMBER = sa.and_(members.c.user_id == sa.bindparam("user"), members.c.group_id == sa.bindparam("group"))
_IS_MEMBER = sa.select(members).where(_MEMBER)
_ADD = sa.insert(members)
_TAKE = sa.delete(members).where(_MEMBER)
_IN_GROUP = users.c.id.in_(sa.select(members.c.user_id).where(members.c.group_id == sa.bindparam("group")))
_OF_USER = groups.c.id.in_(sa.select(members.c.group_id).where(members.c.user_id == sa.bindparam("user")))

# A token scoped to a domain sees what is in the domain.
_OWN_USERS = users.c.domain_id == sa.bindparam("caller_domain")
_OWN_GROUPS = groups.c.domain_id == sa.bindparam("caller_domain")


def create_group(request: Request, tx: Transaction) -> dict[str, Any]:
    """Create a group."""
    given: dict[str, Any] = dict(request.body["group"])
    access.authorize_create(GROUPS, request, given)
    domain_id = given["domain_id"] = access.own_domain(request, given)
    access.require_domain(tx, domain_id)
    given["name"] = given["name"].strip()
    access.free_name(GROUPS, tx, given["name"], domain_id)
    access.check_lengths(GROUPS, given)
    return GROUPS.render(request, tx, GROUPS.insert(tx, request, GROUPS.accept_create(request, given)))


def update_group(request: Request, tx: Transaction) -> dict[str, Any]:
    """Update a group."""
    row = GROUPS.allowed(request, tx, "update")
    given: dict[str, Any] = dict(request.body["group"])
    access.keep_id(row, given)
    access.keep_domain(row, given)
    if "name" in given:
        given["name"] = given["name"].strip()
        access.free_name(GROUPS, tx, given["name"], row.domain_id, row.id)
    access.check_lengths(GROUPS, given)
    return GROUPS.render(request, tx, GROUPS.change(tx, request, row, GROUPS.accept_update(request, given)))


def delete_group(request: Request, tx: Transaction) -> None:
    """Delete a group."""
    row = GROUPS.get(request, tx, request.params["id"])
    GROUPS.authorize(request, "delete", row)
    forget_group(tx, row.id)
    GROUPS.remove(tx, request, row)


def list_of(resource: Resource, request: Request, tx: Transaction, clause: Any, params: dict[str, Any]) -> dict[str, Any]:
    """A page of those rows of a resource that a clause with its own parameters chooses."""
    query = STYLE.parse_list(request, resource)
    rows = resource.page(request, tx, query, clause, params)
    return STYLE.list_envelope(request, resource, resource.views(request, tx, rows), query)


def list_members(request: Request, tx: Transaction) -> dict[str, Any]:
    """List the users in a group."""
    group_id = request.params["id"]
    group = access.find(GROUPS, tx, group_id)
    request.authorize("identity:list_users_in_group", GROUPS.target(group) if group is not None else {})
    if group is None:
        raise STYLE.not_found(GROUPS, group_id)
    clause = both(_IN_GROUP, _OWN_USERS) if request.caller.domain_id else _IN_GROUP
    return list_of(USERS, request, tx, clause, {"group": group_id})


def list_groups_of_user(request: Request, tx: Transaction) -> dict[str, Any]:
    """List the groups a user is in."""
    user_id = request.params["id"]
    user = access.find(USERS, tx, user_id)
    about = {"target": {"user": dict(user._mapping)}} if user is not None else {}
    request.authorize("identity:list_groups_for_user", {"user_id": user_id, **about})
    if user is None:
        raise STYLE.not_found(USERS, user_id)
    clause = both(_OF_USER, _OWN_GROUPS) if request.caller.domain_id else _OF_USER
    answer = list_of(GROUPS, request, tx, clause, {"user": user_id})
    for group in answer["groups"]:
        group["membership_expires_at"] = None
    return answer


def _find_pair(request: Request, tx: Transaction, rule: str) -> tuple[Row, Row]:
    group_id, user_id = request.params["id"], request.params["user_id"]
    group, user = access.find(GROUPS, tx, group_id), access.find(USERS, tx, user_id)
    target = {name: dict(row._mapping) for name, row in (("group", group), ("user", user)) if row is not None}
    request.authorize(rule, {"target": target})
    if group is None:
        raise STYLE.not_found(GROUPS, group_id)
    if user is None:
        raise STYLE.not_found(USERS, user_id)
    return group, user


def _not_in(group: Row, user: Row) -> NotFound:
    return NotFound(f"User '{user.id}' not found in group '{group.id}'")


def check_member(request: Request, tx: Transaction) -> Response:
    """Say whether a user is in a group."""
    group, user = _find_pair(request, tx, "identity:check_user_in_group")
    if tx.row(_IS_MEMBER, {"user": user.id, "group": group.id}) is None:
        raise _not_in(group, user)
    return Response(None, 204)


def add_member(request: Request, tx: Transaction) -> None:
    """Put a user into a group."""
    group, user = _find_pair(request, tx, "identity:add_user_to_group")
    if tx.row(_IS_MEMBER, {"user": user.id, "group": group.id}) is None:
        tx.execute(_ADD, {"user_id": user.id, "group_id": group.id})
        record(tx, request, "group.add_user", group.id, details={"user": user.id})


def take_member(request: Request, tx: Transaction) -> None:
    """Take a user out of a group."""
    group, user = _find_pair(request, tx, "identity:remove_user_from_group")
    if tx.execute(_TAKE, {"user": user.id, "group": group.id}).rowcount == 0:
        raise _not_in(group, user)
    record(tx, request, "group.remove_user", group.id, details={"user": user.id})


_CREATE, _UPDATE = GROUPS.body_schema("create"), GROUPS.body_schema("update")
_UPDATE["properties"]["group"]["minProperties"] = 1
for _schema in (_CREATE, _UPDATE):
    _schema["properties"]["group"]["properties"]["name"] = words(255)

_QUERY = query(name=words(255), domain_id=IDENTIFIER, sort_dir=ORDER)

routes = GROUPS.routes(only=("list", "show", "delete"), list=access.list_in_domain(GROUPS), delete=delete_group, query=_QUERY)
routes.add("POST", "", create_group, "write", status=201, body=_CREATE, policy="identity:create_group", answer=GROUPS.answer_one)
routes.add("PATCH", "/{id}", update_group, "write", body=_UPDATE, policy="identity:update_group", answer=GROUPS.answer_one)
routes.add("GET", "/{id}/users", list_members, "read", policy="identity:list_users_in_group", answer=page_of(USERS))
routes.add("GET", "/{id}/users/{user_id}", check_member, "read", policy="identity:check_user_in_group", status=204)
routes.add("PUT", "/{id}/users/{user_id}", add_member, "write", policy="identity:add_user_to_group", status=204)
routes.add("DELETE", "/{id}/users/{user_id}", take_member, "write", policy="identity:remove_user_from_group", status=204)
