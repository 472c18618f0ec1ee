"""Resource classes: the kinds of quantities. Standard ones are those of os-resource-classes; CUSTOM_* ones are made by users."""

from collections.abc import Iterable
from typing import Any

import os_resource_classes
import sqlalchemy as sa

from monostack.core import clock
from monostack.core.errors import BadRequest, Conflict, NotFound
from monostack.db import Name, Timestamp, Transaction, table
from monostack.events import record
from monostack.http import Request, Response, Routes
from monostack.http.answers import NOTHING, TEXT, Answers, Record, envelope, many
from monostack.http.schema import Schema
from monostack.services.placement.allocations.rules import allocations
from monostack.services.placement.dialect import LINKS, invalid_body
from monostack.services.placement.exchange import body, by_version, dated, link, receive
from monostack.services.placement.inventories.table import inventories

_NUMBERS: dict[str, int] = {name: number for number, name in enumerate(os_resource_classes.STANDARDS)}
STANDARD = frozenset(_NUMBERS)
custom_resource_classes = table(
    "custom_resource_classes",
    sa.Column("name", Name(), primary_key=True),
    sa.Column("created_at", Timestamp, nullable=False),
    sa.Column("updated_at", Timestamp, nullable=False),
)
_c = custom_resource_classes.c
_name = sa.bindparam("the_name")
_ALL = sa.select(custom_resource_classes).order_by(_c.name)
_ONE = sa.select(custom_resource_classes).where(_c.name == _name)
_KNOWN = sa.select(_c.name).where(_c.name.in_(sa.bindparam("names", expanding=True)))
_ADD = sa.insert(custom_resource_classes)
_REMOVE = sa.delete(custom_resource_classes).where(_c.name == _name)
_IN_STOCK = sa.select(inventories.c.provider_uuid).where(inventories.c.resource_class == _name).limit(1)
_RENAMES = [
    sa.update(one).where(column == _name).values({column.name: sa.bindparam("new_name")})
    for one, column in (
        (custom_resource_classes, _c.name),
        (inventories, inventories.c.resource_class),
        (allocations, allocations.c.resource_class),
    )
]


def in_order(names: Iterable[str]) -> list[str]:
    """Names as Placement numbers them: the standard classes first, oldest to newest."""
    return sorted(names, key=lambda name: (_NUMBERS.get(name, len(_NUMBERS)), name))


def check_known(tx: Transaction, names: Iterable[str]) -> None:
    """Raises NotFound unless all names are resource classes."""
    rest = [name for name in names if name not in STANDARD]
    known = {row[0] for row in tx.rows(_KNOWN, {"names": rest})} if rest else set()
    for name in rest:
        if name not in known:
            raise NotFound(f"No such resource class {name}.")


routes = Routes("/resource_classes")
_DOCUMENT = {
    "type": "object",
    "properties": {"name": {"type": "string", "pattern": "^CUSTOM_[A-Z0-9_]+$", "maxLength": 255}},
    "required": ["name"],
    "additionalProperties": False,
}
_SCHEMA = by_version(((1, 2), _DOCUMENT))
_CHECKED = Schema(_DOCUMENT)


def _checked(name: str, request: Request) -> str:
    """A name for a new class. Raises BadRequest, also for one ending in a newline, which Python lets a schema's `$` pass."""
    error = _CHECKED.error({"name": name.replace("\n", "-")})
    if error is not None:
        raise invalid_body(error, request)
    return name


def _view(request: Request, name: str) -> dict[str, Any]:
    return {"name": name, "links": [{"rel": "self", "href": link(request, f"/resource_classes/{name}")}]}


_CLASS = Record("ResourceClass", {"name": TEXT, "links": LINKS})


@routes.get("", since=(1, 2), policy="placement:resource_classes:list", answer=envelope("resource_classes", many(_CLASS)))
def list_classes(request: Request, tx: Transaction) -> Response:
    """List resource classes."""
    request.authorize("placement:resource_classes:list")
    custom = tx.rows(_ALL)
    names = [*os_resource_classes.STANDARDS, *[row.name for row in custom]]
    newest = max((row.updated_at for row in custom), default="now")
    return dated(request, {"resource_classes": [_view(request, name) for name in names]}, newest)


def _add(tx: Transaction, request: Request, name: str) -> None:
    now = clock.now()
    tx.execute(_ADD, {"name": name, "created_at": now, "updated_at": now})
    record(tx, request, "resource_class.create", name[:64])


@routes.post("", since=(1, 2), policy="placement:resource_classes:create", status=201, answer=NOTHING)
def create_class(request: Request, tx: Transaction) -> Response:
    """Create a resource class."""
    request.authorize("placement:resource_classes:create")
    name = _checked(body(request, _SCHEMA)["name"], request)
    if tx.row(_ONE, {"the_name": name}) is not None:
        raise Conflict(f"Conflicting resource class already exists: {name}")
    _add(tx, request, name)
    return Response(None, 201, {"location": f"{request.service_url}/resource_classes/{name}"})


@routes.get("/{name}", since=(1, 2), policy="placement:resource_classes:show", answer=_CLASS)
def show_class(request: Request, tx: Transaction) -> Response:
    """Show a resource class."""
    request.authorize("placement:resource_classes:show")
    name = request.params["name"]
    check_known(tx, [name])
    row = tx.row(_ONE, {"the_name": name})
    return dated(request, _view(request, name), row.updated_at if row else "now")


@routes.put(
    "/{name}", since=(1, 2), until=(1, 6), raw_body=True, prepare=receive, policy="placement:resource_classes:update", answer=_CLASS
)
def rename_class(request: Request, tx: Transaction) -> Response:
    """Rename a custom resource class."""
    request.authorize("placement:resource_classes:update")
    old, new = request.params["name"], _checked(body(request, _SCHEMA)["name"], request)
    check_known(tx, [old])
    if old in STANDARD:
        raise BadRequest(f"Cannot update standard resource class {old}")
    if new != old and tx.row(_ONE, {"the_name": new}) is not None:
        raise Conflict(f"Resource class already exists: {new}")
    for statement in _RENAMES:
        tx.execute(statement, {"the_name": old, "new_name": new})
    record(tx, request, "resource_class.update", new[:64])
    return dated(request, _view(request, new))


@routes.put(
    "/{name}", since=(1, 7), raw_body=True, policy="placement:resource_classes:update", answer=Answers({201: NOTHING, 204: NOTHING})
)
def ensure_class(request: Request, tx: Transaction) -> Response:
    """Make a custom resource class unless it exists."""
    request.authorize("placement:resource_classes:update")
    name = _checked(request.params["name"], request)
    made = tx.row(_ONE, {"the_name": name}) is None
    if made:
        _add(tx, request, name)
    return Response(None, 201 if made else 204, {"location": f"{request.service_url}/resource_classes/{name}"})


@routes.delete("/{name}", since=(1, 2), policy="placement:resource_classes:delete")
def delete_class(request: Request, tx: Transaction) -> None:
    """Delete a custom resource class."""
    request.authorize("placement:resource_classes:delete")
    name = request.params["name"]
    check_known(tx, [name])
    if name in STANDARD:
        raise BadRequest(f"Error in delete resource class: Cannot delete standard resource class {name}.")
    if tx.row(_IN_STOCK, {"the_name": name}) is not None:
        raise Conflict(f"Error in delete resource class: Cannot delete resource class {name}. Class is in use in inventory.")
    tx.execute(_REMOVE, {"the_name": name})
    record(tx, request, "resource_class.delete", name[:64])
