"""Group types (3.11): what kinds of groups there are, and what they ask of the back end in their specs."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from monostack.core.errors import BadRequest, Conflict, NotFound
from monostack.db import Row, Transaction
from monostack.http import Request, Response, Routes
from monostack.http.answers import NOTHING, TEXT, mapping, optional
from monostack.resources import Field, Resource, Scopes, flag, json_value, text, time, uuid
from monostack.services.volume.dialect import accepted
from monostack.services.volume.links import linked, linked_page
from monostack.services.volume.lists import is_admin, page, public_filter, sorts
from monostack.services.volume.parameters import DESCRIPTION, FLAG, METADATA_OR_NULL, NAME, TEXT_OR_NULL, as_flag, enveloped, fields
from monostack.services.volume.style import STYLE_OF_TYPES

SINCE = (3, 11)
LINKS_KEY = "group_type_links"
FORMER = "default_cgsnapshot_type"  # of groups that were consistency groups once: only the calls about those may use them
COLUMNS: dict[str, str | None] = {name: name for name in ("id", "name", "description", "is_public", "created_at", "updated_at")}
RULES = "group:group_types"
routes = Routes("/v3/group_types")


def _expand(tx: Transaction, request: Request, rows: Sequence[Row]) -> list[dict[str, Any]]:
    if not request.allows("group:access_group_types_specs"):
        return [{} for _ in rows]
    return [{"group_specs": row.specs} for row in rows]


def _public(table: sa.Table) -> Any:
    return table.c.is_public.is_(True)


GROUP_TYPES = Resource(
    "group_type",
    "group_types",
    STYLE_OF_TYPES,
    path="/v3/group_types",
    title="Group type",
    fields=(
        Field("id", uuid()),
        Field("name", text(255, 1), unique=True),
        Field("description", text(255), nullable=True),
        Field("is_public", flag(), default=True),
        Field("specs", json_value(), default=dict, view=False),
        Field("created_at", time(), view=False),
        Field("updated_at", time(), view=False),
    ),
    scopes=Scopes(lambda request: "all" if is_admin(request) else "public", {"all": None, "public": _public}),
    table_name="volume_group_types",
    expand=_expand,
    adds={"group_specs": optional(mapping(TEXT))},
)
_t = GROUP_TYPES.table
BY_NAME = sa.select(_t).where(_t.c.name == sa.bindparam("the_name"))
BY_ID = sa.select(_t).where(_t.c.id == sa.bindparam("the_id"))


def by_id(tx: Transaction, request: Request, type_id: str) -> Row:
    """A group type the caller may use. Raises NotFound."""
    return GROUP_TYPES.get(request, tx, type_id)


def find(tx: Transaction, request: Request, name_or_id: str) -> Row:
    """A group type by id or name. Raises NotFound."""
    row = tx.row(BY_ID, {"the_id": name_or_id}) or tx.row(BY_NAME, {"the_name": name_or_id})
    if row is None or not (row.is_public or is_admin(request)):
        raise NotFound(f"Group type with name {name_or_id} could not be found.", kind="GroupTypeNotFoundByName")
    return row


def former(tx: Transaction) -> Row:
    """The type of what the calls about consistency groups make."""
    return tx.execute(BY_NAME, {"the_name": FORMER}).one()


def require_generic(tx: Transaction, type_id: str, what: str = "group", calls: str = "CG") -> None:
    """Raises BadRequest for a group, or a snapshot of one, that only the calls about consistency groups may touch."""
    if type_id == former(tx).id:
        reserved = f"Group_type {type_id} is reserved for migrating CGs to groups."
        raise BadRequest(f"{reserved} Migrated {what} can only be operated by {calls} APIs.")


def bootstrap(tx: Transaction) -> None:
    """The type of what were consistency groups, as every Cinder has it."""
    if tx.row(BY_NAME, {"the_name": FORMER}) is None:
        specs = {"consistent_group_snapshot_enabled": "<is> True"}
        values = {"name": FORMER, "description": "Default group type for migrating cgsnapshot", "is_public": True, "specs": specs}
        GROUP_TYPES.insert(tx, None, values)


def _exists(name: str) -> Conflict:
    return Conflict(f"Group Type {name} already exists.", kind="GroupTypeExists")


@routes.get("", since=SINCE, answer=linked("group_types", GROUP_TYPES.answer, LINKS_KEY))
def list_types(request: Request, tx: Transaction) -> dict[str, Any]:
    """List group types."""
    query = page(request.query_map)
    query.sorts = sorts(request.query_map, COLUMNS)
    public = public_filter(request)
    if public is not None:
        query.filters["is_public", "eq"] = public
    rows = GROUP_TYPES.page(request, tx, query)
    return linked_page(request, "group_types", rows, "group_types", GROUP_TYPES.views(request, tx, rows), LINKS_KEY)


_CREATE = fields(("name",), name=NAME, description=DESCRIPTION, is_public=FLAG, group_specs=METADATA_OR_NULL)


@routes.post(
    "",
    since=SINCE,
    policy=f"{RULES}:create",
    body=enveloped("group_type", _CREATE),
    enforce=True,
    status=202,
    answer=GROUP_TYPES.answer_one,
)
def create_type(request: Request, tx: Transaction) -> dict[str, Any]:
    """Create a group type."""
    body = request.body["group_type"]
    if tx.row(BY_NAME, {"the_name": body["name"]}) is not None:
        raise _exists(body["name"])
    values = {"name": body["name"], "description": body.get("description"), "specs": body.get("group_specs") or {}}
    row = GROUP_TYPES.insert(tx, request, {**values, "is_public": as_flag(body.get("is_public", True)), "updated_at": None})
    return GROUP_TYPES.render(request, tx, row)


@routes.get("/{id}", since=SINCE, answer=GROUP_TYPES.answer_one)
def show_type(request: Request, tx: Transaction) -> dict[str, Any]:
    """Show a group type. There is no default one."""
    if request.params["id"] == "default":
        raise NotFound("Default group type can not be found.")
    return GROUP_TYPES.render(request, tx, by_id(tx, request, request.params["id"]))


_UPDATE = fields(name=TEXT_OR_NULL, description=DESCRIPTION, is_public=FLAG)


@routes.put(
    "/{id}", since=SINCE, policy=f"{RULES}:update", body=enveloped("group_type", _UPDATE), enforce=True, answer=GROUP_TYPES.answer_one
)
def update_type(request: Request, tx: Transaction) -> dict[str, Any]:
    """Rename, describe, publish or hide a group type."""
    body = {name: value for name, value in request.body["group_type"].items() if value is not None}
    if body.get("name") and not body["name"].strip():
        raise BadRequest("Group type name can not be empty.")
    if not body:
        raise BadRequest("Specify group type name, description or a combination thereof.")
    row = by_id(tx, request, request.params["id"])
    other = tx.row(BY_NAME, {"the_name": body.get("name", row.name)})
    if other is not None and other.id != row.id:
        raise _exists(body["name"])
    if "is_public" in body:
        body["is_public"] = as_flag(body["is_public"])
    return GROUP_TYPES.render(request, tx, GROUP_TYPES.change(tx, request, row, body))


@routes.delete("/{id}", since=SINCE, policy=f"{RULES}:delete", enforce=True, status=202, answer=NOTHING)
def delete_type(request: Request, tx: Transaction) -> Response:
    """Delete a group type that no group has."""
    from monostack.services.volume.groups.table import OF_GROUP_TYPE

    row = by_id(tx, request, request.params["id"])
    if tx.row(OF_GROUP_TYPE, {"the_type": row.id}) is not None:
        why = f"Group Type {row.id} deletion is not allowed with groups present with the type."
        raise BadRequest(f"Target group type is still in use. {why}")
    GROUP_TYPES.remove(tx, request, row)
    return accepted()
