"""/os-server-groups: servers that shall share a host, or shall not."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from monostack.core import clock, ids
from monostack.core.errors import BadRequest, Fault, NotFound
from monostack.db import Id, Json, Name, Row, Timestamp, Transaction, table
from monostack.events import record
from monostack.http import Request, Routes
from monostack.http.answers import envelope, many
from monostack.services.compute import answers, quotas
from monostack.services.compute.paging import slice_of
from monostack.services.compute.parameters import NAME, NON_NEGATIVE, POSITIVE, TEXT, fields, one, queries
from monostack.services.compute.servers.table import servers

server_groups = table(
    "server_groups",
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("id", Id(36), nullable=False, unique=True),
    sa.Column("name", Name(), nullable=False),
    sa.Column("project_id", Id(), nullable=False, index=True),
    sa.Column("user_id", Id(), nullable=False),
    sa.Column("policy", Name(32), nullable=False),
    sa.Column("rules", Json, nullable=False),
    sa.Column("created_at", Timestamp, nullable=False),
)
members = table(
    "server_group_members",
    sa.Column("group_id", sa.ForeignKey("server_groups.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("server_id", Id(36), primary_key=True, index=True),
)

_g, _m = server_groups.c, members.c
_BY_ID = sa.select(server_groups).where(_g.id == sa.bindparam("the_id"))
_COUNT = sa.select(sa.func.count()).where(_g.project_id == sa.bindparam("the_project"))
_LIST = sa.select(server_groups).order_by(_g.number).limit(sa.bindparam("many")).offset(sa.bindparam("skip"))
_OF_PROJECT = _LIST.where(_g.project_id == sa.bindparam("the_project"))
_INSERT = sa.insert(server_groups).returning(server_groups)
_DELETE = sa.delete(server_groups).where(_g.id == sa.bindparam("the_id"))
_LIVING = (
    sa.select(_m.group_id, _m.server_id, servers.c.host, servers.c.user_id)
    .join(servers, sa.and_(servers.c.id == _m.server_id, servers.c.deleted_at.is_(None)))
    .where(_m.group_id.in_(sa.bindparam("the_groups", expanding=True)))
    .order_by(servers.c.number)
)
_GROUPS_OF = sa.select(_m.server_id, _m.group_id).where(_m.server_id.in_(sa.bindparam("the_servers", expanding=True)))
_JOIN = sa.insert(members)
_LEAVE = sa.delete(members).where(_m.server_id == sa.bindparam("the_server"))

_OLD = ("anti-affinity", "affinity")
_POLICIES = ("anti-affinity", "affinity", "soft-anti-affinity", "soft-affinity")


def _policies(names: Sequence[str]) -> dict[str, Any]:
    policies = {"type": "array", "items": {"enum": list(names)}, "uniqueItems": True, "minItems": 1, "maxItems": 1}
    return one("server_group", fields({"name": NAME, "policies": policies}, ("name", "policies")))


_RULES = fields({"max_server_per_host": POSITIVE})
_CREATE = [
    ((0, 0), _policies(_OLD)),
    ((2, 15), _policies(_POLICIES)),
    (
        (2, 64),
        one(
            "server_group",
            fields({"name": NAME, "policy": {"type": "string", "enum": list(_POLICIES)}, "rules": _RULES}, ("name", "policy")),
        ),
    ),
]

routes = Routes("/v2.1/os-server-groups")


# --- what servers need ---------------------------------------------------------------------------------------------------


def group_not_found(group_id: str) -> Fault:
    return NotFound(f"Instance group {group_id} could not be found.")


def find(tx: Transaction, group_id: str) -> Row | None:
    return tx.row(_BY_ID, {"the_id": group_id})


def members_of(tx: Transaction, group_id: str) -> Sequence[Row]:
    """The group's living servers: server_id, host, user_id."""
    return tx.rows(_LIVING, {"the_groups": [group_id]})


def groups_of(tx: Transaction, server_ids: Sequence[str]) -> dict[str, list[str]]:
    """The group of each server that is in one, as a list."""
    return {row.server_id: [row.group_id] for row in tx.rows(_GROUPS_OF, {"the_servers": list(server_ids)})}


def join(tx: Transaction, group_id: str, server_id: str) -> None:
    tx.execute(_JOIN, {"group_id": group_id, "server_id": server_id})


def leave(tx: Transaction, server_id: str) -> None:
    tx.execute(_LEAVE, {"the_server": server_id})


# --- the API -------------------------------------------------------------------------------------------------------------


def _views(request: Request, tx: Transaction, rows: Sequence[Row]) -> list[dict[str, Any]]:
    living: dict[str, list[str]] = {row.id: [] for row in rows}
    if rows:
        for member in tx.rows(_LIVING, {"the_groups": list(living)}):
            living[member.group_id].append(member.server_id)
    shown = []
    for row in rows:
        view: dict[str, Any] = {"id": row.id, "name": row.name}
        if request.at_least(2, 64):
            view.update(policy=row.policy, rules=row.rules)
        else:
            view.update(policies=[row.policy], metadata={})
        view["members"] = living[row.id]
        if request.at_least(2, 13):
            view.update(project_id=row.project_id, user_id=row.user_id)
        shown.append(view)
    return shown


def _existing(request: Request, tx: Transaction, action: str) -> Row:
    row = find(tx, request.params["id"])
    if row is None:
        raise group_not_found(request.params["id"])
    request.authorize(f"os_compute_api:os-server-groups:{action}", {"project_id": row.project_id})
    return row


_LIST_QUERY = queries({"all_projects": TEXT, "limit": NON_NEGATIVE, "offset": NON_NEGATIVE})


@routes.get(
    "", policy="os_compute_api:os-server-groups:index", query=_LIST_QUERY, answer=envelope("server_groups", many(answers.SERVER_GROUP))
)
def list_server_groups(request: Request, tx: Transaction) -> Any:
    """List server groups."""
    request.authorize("os_compute_api:os-server-groups:index")
    offset, limit = slice_of(request)
    page = {"many": limit, "skip": offset}
    if "all_projects" in request.query_map and request.caller.is_admin:
        request.authorize("os_compute_api:os-server-groups:index:all_projects")
        rows = tx.rows(_LIST, page)
    else:
        rows = tx.rows(_OF_PROJECT, {"the_project": request.caller.project_id, **page})
    return {"server_groups": _views(request, tx, rows)}


@routes.get("/{id}", policy="os_compute_api:os-server-groups:show", answer=envelope("server_group", answers.SERVER_GROUP))
def show_server_group(request: Request, tx: Transaction) -> Any:
    """Show a server group."""
    return {"server_group": _views(request, tx, [_existing(request, tx, "show")])[0]}


@routes.post("", policy="os_compute_api:os-server-groups:create", body=_CREATE, answer=envelope("server_group", answers.SERVER_GROUP))
def create_server_group(request: Request, tx: Transaction) -> Any:
    """Create a server group."""
    request.authorize("os_compute_api:os-server-groups:create")
    held = tx.scalar(_COUNT, {"the_project": request.project_id})
    quotas.Budget(tx, request.cloud, request.project_id).require("server_groups", 1, "Quota exceeded, too many server groups.", held)
    given = request.body["server_group"]
    policy, rules = given.get("policy") or given["policies"][0], given.get("rules", {})
    if rules and policy != "anti-affinity":
        raise BadRequest("Only anti-affinity policy supports rules.")
    row = tx.execute(
        _INSERT,
        {
            "id": ids.new_uuid(), "name": given["name"].strip(), "project_id": request.project_id, "user_id": request.caller.user_id,
            "policy": policy, "rules": {name: int(value) for name, value in rules.items()}, "created_at": clock.now(),
        },
    ).one()  # fmt: skip
    record(tx, request, "server_group.create", row.id, row.project_id)
    return {"server_group": _views(request, tx, [row])[0]}


@routes.delete("/{id}", policy="os_compute_api:os-server-groups:delete")
def delete_server_group(request: Request, tx: Transaction) -> None:
    """Delete a server group; its servers stay."""
    row = _existing(request, tx, "delete")
    tx.execute(_DELETE, {"the_id": row.id})
    record(tx, request, "server_group.delete", row.id, row.project_id)
