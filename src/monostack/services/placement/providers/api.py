"""/resource_providers: made, listed, renamed, moved in their tree, deleted."""

from typing import Any
from uuid import UUID

from monostack.core import clock, ids
from monostack.core.errors import BadRequest, Conflict, NotFound
from monostack.db import Row, Transaction
from monostack.events import record
from monostack.http import Request, Response, Routes
from monostack.http.answers import ID, INTEGER, NOTHING, TEXT, Answers, Record, envelope, many, maybe, since
from monostack.services.placement import dialect
from monostack.services.placement.allocations.rules import IN_USE
from monostack.services.placement.candidates.parameters import searched
from monostack.services.placement.candidates.search import matching
from monostack.services.placement.dialect import LINKS
from monostack.services.placement.exchange import body, by_version, dated, link, query
from monostack.services.placement.providers import table

routes = Routes("/resource_providers")
_UUID = {"type": "string", "format": "uuid"}
_NAME = {"type": "string", "maxLength": 200}
_PARENT = {"anyOf": [_UUID, {"type": "null"}]}


def _document(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": ["name"], "additionalProperties": False}


_CREATE = by_version(
    ((1, 0), _document(name=_NAME, uuid=_UUID)), ((1, 14), _document(name=_NAME, uuid=_UUID, parent_provider_uuid=_PARENT))
)
_UPDATE = by_version(((1, 0), _document(name=_NAME)), ((1, 14), _document(name=_NAME, parent_provider_uuid=_PARENT)))
_TEXT = {"type": "string"}
_FILTERS: list[tuple[tuple[int, int], dict[str, Any]]] = [
    ((1, 0), {"name": _TEXT, "uuid": _UUID}), ((1, 3), {"member_of": _TEXT}), ((1, 4), {"resources": _TEXT}), ((1, 14), {"in_tree": _UUID}),
    ((1, 18), {"required": _TEXT}),
]  # fmt: skip


def _growing() -> list[tuple[tuple[int, int], dict[str, Any]]]:
    known: dict[str, Any] = {}
    made = []
    for first, more in _FILTERS:
        known = {**known, **more}
        made.append((first, {"type": "object", "properties": known, "additionalProperties": False}))
    return made


_LIST = by_version(*_growing())
_LINKS = (("inventories", (1, 0)), ("usages", (1, 0)), ("aggregates", (1, 1)), ("traits", (1, 6)), ("allocations", (1, 11)))


def view(request: Request, row: Row) -> dict[str, Any]:
    url = link(request, f"/resource_providers/{row.uuid}")
    links = [{"rel": "self", "href": url}]
    links += [{"rel": rel, "href": f"{url}/{rel}"} for rel, since in _LINKS if request.at_least(*since)]
    shown: dict[str, Any] = {"uuid": row.uuid, "name": row.name, "generation": row.generation, "links": links}
    if request.at_least(1, 14):
        shown.update(parent_provider_uuid=row.parent_uuid, root_provider_uuid=row.root_uuid)
    return shown


_PROVIDER = Record(
    "ResourceProvider",
    {
        "uuid": ID, "name": TEXT, "generation": INTEGER, "links": LINKS, "parent_provider_uuid": since((1, 14), maybe(ID)),
        "root_provider_uuid": since((1, 14), ID),
    },
)  # fmt: skip


@routes.get("", policy="placement:resource_providers:list", answer=envelope("resource_providers", many(_PROVIDER)))
def list_providers(request: Request, tx: Transaction) -> Response:
    """List resource providers."""
    request.authorize("placement:resource_providers:list")
    given = query(request, _LIST)
    search = searched(tx, request, given)
    rows = [] if search is None else matching(tx, search)
    newest = max((row.updated_at for row in rows), default="now")
    return dated(request, {"resource_providers": [view(request, row) for row in rows]}, newest)


@routes.get("/{uuid}", policy="placement:resource_providers:show", answer=_PROVIDER)
def show_provider(request: Request, tx: Transaction) -> Response:
    """Show a resource provider."""
    request.authorize("placement:resource_providers:show")
    row = table.get(tx, request.params["uuid"])
    return dated(request, view(request, row), row.updated_at)


def _parent(tx: Transaction, uuid: str | None, own: str) -> Row | None:
    """The provider that is to be the parent. Raises BadRequest."""
    if uuid is None:
        return None
    if uuid == own:
        raise BadRequest(
            "Object action create failed because: parent provider UUID cannot be same as UUID. Please set parent provider UUID to None "
            "if there is no parent."
        )
    row = tx.row(table.BY_UUID, {"the_uuid": uuid})
    if row is None:
        raise BadRequest("Object action create failed because: parent provider UUID does not exist.")
    return row


@routes.post("", policy="placement:resource_providers:create", answer=Answers({200: _PROVIDER, 201: NOTHING}))
def create_provider(request: Request, tx: Transaction) -> Response:
    """Create a resource provider."""
    request.authorize("placement:resource_providers:create")
    data = body(request, _CREATE)
    uuid = str(UUID(data["uuid"])) if data.get("uuid") else ids.new_uuid()
    name, now = data["name"], clock.now()
    try:
        if not name:
            raise BadRequest("Object action create failed because: name is required")
        parent = _parent(tx, data.get("parent_provider_uuid"), uuid)
    except BadRequest as refused:
        raise BadRequest(f'Unable to create resource provider "{name}", {uuid}: {refused.message}') from None
    for statement, key, value in ((table.BY_UUID, "uuid", uuid), (table.BY_NAME, "name", name)):
        if tx.row(statement, {f"the_{key}": value}) is not None:
            raise Conflict(f"Conflicting resource provider {key}: {value} already exists.", kind=dialect.DUPLICATE_NAME)
    place = {"root_uuid": parent.root_uuid if parent else uuid, "parent_uuid": parent.uuid if parent else None}
    tx.execute(table.INSERT, {"uuid": uuid, "name": name, "generation": 0, **place, "created_at": now, "updated_at": now})
    record(tx, request, "resource_provider.create", uuid)
    location = f"/resource_providers/{uuid}"
    if not request.at_least(1, 20):
        return Response(None, 201, {"location": request.service_url + location})
    row = table.get(tx, uuid)
    return dated(request, view(request, row), row.updated_at, location=location)


@routes.put("/{uuid}", policy="placement:resource_providers:update", answer=_PROVIDER)
def update_provider(request: Request, tx: Transaction) -> Response:
    """Rename a resource provider, or move it in its tree."""
    request.authorize("placement:resource_providers:update")
    row = table.get(tx, request.params["uuid"])
    data = body(request, _UPDATE)
    try:
        parent, root = _place(tx, request, row, data.get("parent_provider_uuid", row.parent_uuid))
    except BadRequest as refused:
        raise BadRequest(f"Unable to save resource provider {row.uuid}: {refused.message}") from None
    other = tx.row(table.BY_NAME, {"the_name": data["name"]})
    if other is not None and other.uuid != row.uuid:
        raise Conflict(f"Conflicting resource provider {data['name']} already exists.", kind=dialect.DUPLICATE_NAME)
    if root != row.root_uuid:
        tx.execute(table.MOVE, {"the_uuids": sorted(_subtree(tx, row)), "the_root": root})
    change = {"the_uuid": row.uuid, "the_name": data["name"], "the_parent": parent, "the_root": root, "the_time": clock.now()}
    tx.execute(table.UPDATE, change)
    record(tx, request, "resource_provider.update", row.uuid)
    row = table.get(tx, row.uuid)
    return dated(request, view(request, row), row.updated_at)


def _place(tx: Transaction, request: Request, row: Row, parent_uuid: str | None) -> tuple[str | None, str]:
    """The parent and root a provider is to have. From 1.37 on it may leave its parent for another one. Raises BadRequest."""
    may_leave = request.at_least(1, 37)
    if parent_uuid is None:
        if row.parent_uuid is not None and not may_leave:
            raise BadRequest("Object action update failed because: un-parenting a provider is not currently allowed.")
        return None, row.uuid
    if parent_uuid == row.parent_uuid:
        return row.parent_uuid, row.root_uuid
    parent = tx.row(table.BY_UUID, {"the_uuid": parent_uuid})
    if parent is None:
        raise BadRequest("Object action create failed because: parent provider UUID does not exist.")
    if row.parent_uuid is not None and not may_leave:
        raise BadRequest("Object action update failed because: re-parenting a provider is not currently allowed.")
    if parent_uuid in _subtree(tx, row):
        raise BadRequest("Object action update failed because: creating loop in the provider tree is not allowed.")
    return parent_uuid, parent.root_uuid


def _subtree(tx: Transaction, row: Row) -> set[str]:
    """The provider and all below it."""
    tree = tx.rows(table.IN_TREES, {"the_roots": [row.root_uuid]})
    found = {row.uuid}
    grown = True
    while grown:
        below = {other.uuid for other in tree if other.parent_uuid in found} - found
        found |= below
        grown = bool(below)
    return found


@routes.delete("/{uuid}", policy="placement:resource_providers:delete")
def delete_provider(request: Request, tx: Transaction) -> None:
    """Delete a resource provider."""
    request.authorize("placement:resource_providers:delete")
    uuid = request.params["uuid"]
    if tx.row(table.BY_UUID, {"the_uuid": uuid}) is None:
        raise NotFound(f"No resource provider with uuid {uuid} found for delete")
    if tx.row(table.CHILDREN, {"the_uuid": uuid}) is not None:
        text = f"Unable to delete parent resource provider {uuid}: It has child resource providers."
        raise Conflict(text, kind=dialect.PROVIDER_HAS_CHILDREN)
    if tx.row(IN_USE, {"the_provider": uuid}) is not None:
        text = f"Unable to delete resource provider {uuid}: Resource provider has allocations."
        raise Conflict(text, kind=dialect.PROVIDER_IN_USE)
    tx.execute(table.DELETE, {"the_uuid": uuid})
    record(tx, request, "resource_provider.delete", uuid)
