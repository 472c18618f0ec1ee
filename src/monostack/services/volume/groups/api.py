"""The operations on groups."""

from collections.abc import Mapping
from typing import Any

from monostack.db import Row, Transaction
from monostack.http import Request, Response, Routes
from monostack.http.answers import NOTHING, envelope
from monostack.http.schema import add_format
from monostack.protocol.volumes import POOL
from monostack.services.volume.dialect import accepted
from monostack.services.volume.groups import members
from monostack.services.volume.groups import types as group_types
from monostack.services.volume.groups.table import GENERIC, GROUPS, SUMMARY, find_group, invalid_group
from monostack.services.volume.hosts import choice
from monostack.services.volume.links import linked, linked_page
from monostack.services.volume.lists import PRESENT, Listing, read
from monostack.services.volume.parameters import DESCRIPTION, TEXT_OR_NULL, enveloped, fields, trimmed
from monostack.services.volume.quotas import claims
from monostack.services.volume.types import table as types
from monostack.services.volume.words import ZONE, invalid_input

SINCE = (3, 13)
LINKS_KEY = "group_links"
NOT = "<is> False"  # what a group type says of what its groups need not have
NO_PLACE = "No host has what the group's type and the types of its volumes ask for."
_KNOWN = (
    "id", "status", "availability_zone", "created_at", "updated_at", "name", "description", "group_type_id", "group_snapshot_id",
    "source_group_id", "replication_status", "project_id", "user_id", "host",
)  # fmt: skip
LISTING = Listing(columns={name: name for name in _KNOWN}, special={"host": "pool"}, open=("name",), tenants=PRESENT)
_TYPES = {"type": "array", "minItems": 1, "items": {"type": "string", "maxLength": 255}, "uniqueItems": True}
_CREATE = fields(
    ("group_type", "volume_types"),
    description=DESCRIPTION,
    name=TEXT_OR_NULL,
    volume_types=_TYPES,
    group_type={"type": "string", "format": "group_type"},
    availability_zone={"type": ["string", "null"], "minLength": 1, "maxLength": 255},
)
_UPDATE = fields(description=DESCRIPTION, name=TEXT_OR_NULL, add_volumes=DESCRIPTION, remove_volumes=DESCRIPTION)
UPDATE = {**_UPDATE, "anyOf": [{"required": [name]} for name in ("name", "description", "add_volumes", "remove_volumes")]}
routes = Routes("/v3/groups")


def _is_type(value: Any) -> bool:
    return not isinstance(value, str) or 0 < len(value.strip()) <= 255


add_format("group_type", _is_type)


def summary(row: Row) -> dict[str, Any]:
    return {"id": row.id, "name": row.name}


def _list(request: Request, tx: Transaction, *, detail: bool) -> dict[str, Any]:
    request.authorize("group:get_all")
    query = read(request, GROUPS, LISTING, skip=("list_volume",))
    rows = GROUPS.page(request, tx, query, GENERIC, {"the_former_type": group_types.former(tx).id})
    items = GROUPS.views(request, tx, rows) if detail else [summary(row) for row in rows]
    return linked_page(request, "groups", rows, "groups", items, LINKS_KEY)


@routes.get("", since=SINCE, policy="group:get_all", answer=linked("groups", SUMMARY, LINKS_KEY))
def list_brief(request: Request, tx: Transaction) -> dict[str, Any]:
    """List groups: id and name."""
    return _list(request, tx, detail=False)


@routes.get("/detail", since=SINCE, policy="group:get_all", answer=linked("groups", GROUPS.answer, LINKS_KEY))
def list_detail(request: Request, tx: Transaction) -> dict[str, Any]:
    """List groups with details."""
    return _list(request, tx, detail=True)


@routes.post("", since=SINCE, policy="group:create", body=enveloped("group", _CREATE), status=202, answer=envelope("group", SUMMARY))
def create_group(request: Request, tx: Transaction) -> dict[str, Any]:
    """Create an empty group for volumes of some types."""
    body = trimmed(request.body["group"])
    kind = group_types.find(tx, request, body["group_type"].strip())
    group_types.require_generic(tx, kind.id)
    request.authorize("group:create")
    return {"group": summary(make(request, tx, body, kind))}


def make(request: Request, tx: Transaction, body: Mapping[str, Any], kind: Row) -> Row:
    """Write an empty group of a group type. Its back end, of all its volumes, is chosen now. Raises NotFound, BadRequest, TooLarge."""
    volume_types = [types.find(tx, request, name, anyones=True) for name in body["volume_types"]]
    if body.get("availability_zone") not in (None, ZONE):
        raise invalid_input(f"Availability zone '{body['availability_zone']}' is invalid.")
    claims.group(tx, request)
    specs = {name: value for name, value in kind.specs.items() if value != NOT}
    wanted = {name: value for one in (specs, *(each.extra_specs for each in volume_types)) for name, value in one.items()}
    place = choice.place(tx, request.cloud, 0, wanted)
    values = {
        "status": "available" if place else "error",
        "fault": None if place else NO_PLACE,
        "availability_zone": ZONE,
        "name": body.get("name"),
        "description": body.get("description"),
        "group_type": kind.id,
        "volume_types": [one.id for one in volume_types],
        "replication_status": "disabled",
        "user_id": request.caller.user_id,
        "host": place.host if place else None,
        "pool": place.pool if place else POOL,
        "updated_at": None,
    }
    return GROUPS.insert(tx, request, values)


@routes.get("/{id}", since=SINCE, policy="group:get", answer=GROUPS.answer_one)
def show_group(request: Request, tx: Transaction) -> dict[str, Any]:
    """Show a group."""
    row = find_group(tx, request, request.params["id"])
    group_types.require_generic(tx, row.group_type_id)
    return GROUPS.render(request, tx, row)


@routes.put("/{id}", since=SINCE, policy="group:update", body=enveloped("group", UPDATE), status=202, answer=NOTHING)
def update_group(request: Request, tx: Transaction) -> Response:
    """Rename or describe a group, put volumes into it and take some out."""
    row, body = find_group(tx, request, request.params["id"]), trimmed(request.body["group"])
    group_types.require_generic(tx, row.group_type_id)
    change(request, tx, row, body)
    return accepted()


def change(request: Request, tx: Transaction, row: Row, body: Mapping[str, Any]) -> None:
    """Rename or describe a group, put volumes into it and take some out. Raises BadRequest."""
    request.authorize("group:update", GROUPS.target(row))
    moves = members.moves(tx, request, row, body.get("add_volumes"), body.get("remove_volumes"))
    new = {name: body[name] for name in ("name", "description") if body.get(name) is not None and body[name] != getattr(row, name)}
    if not new and not moves:
        raise invalid_group(
            f"Cannot update group {row.id} because no valid name, description, add_volumes, or remove_volumes were provided."
        )
    if moves and row.status != "available":
        raise invalid_group("Group status must be available.")
    members.move(tx, moves)
    GROUPS.change(tx, request, row, {**new, "status": "available"})
