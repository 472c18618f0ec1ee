"""/resource_providers/{uuid}/inventories"""

from collections.abc import Mapping
from typing import Any

from monostack.core.errors import BadRequest, Conflict, MethodNotAllowed, NotFound
from monostack.db import Row, Transaction
from monostack.events import record
from monostack.http import Request, Response, Routes
from monostack.http.answers import INTEGER, NUMBER, REFUSED, Record, mapping
from monostack.services.placement import dialect
from monostack.services.placement.exchange import body, by_version, dated
from monostack.services.placement.inventories import rules
from monostack.services.placement.inventories.table import MAX_INT, NAMES, Inventory
from monostack.services.placement.providers.table import age, get
from monostack.services.placement.resource_classes import check_known

routes = Routes("/resource_providers/{uuid}/inventories")
MAX_FLOAT = 3.40282e38  # what a single-precision column holds


def _count(minimum: int) -> dict[str, Any]:
    return {"type": "integer", "maximum": MAX_INT, "minimum": minimum}


RECORD: dict[str, Any] = {
    "type": "object",
    "properties": {
        "resource_provider_generation": {"type": "integer"},
        "total": _count(1),
        "reserved": _count(0),
        "min_unit": _count(1),
        "max_unit": _count(1),
        "step_size": _count(1),
        "allocation_ratio": {"type": "number", "maximum": MAX_FLOAT},
    },
    "required": ["total"],
    "additionalProperties": False,
}
ALL: dict[str, Any] = {
    "type": "object",
    "properties": {
        "resource_provider_generation": {"type": "integer"},
        "inventories": {"type": "object", "patternProperties": {"^[A-Z0-9_]+$": RECORD}},
    },
    "required": ["resource_provider_generation", "inventories"],
    "additionalProperties": False,
}
_CLASS = {"type": "string", "pattern": "^[A-Z0-9_]+$"}
_ADD = by_version(
    ((1, 0), {**RECORD, "properties": {**RECORD["properties"], "resource_class": _CLASS}, "required": ["total", "resource_class"]})
)
_CHANGE = by_version(((1, 0), {**RECORD, "required": ["total", "resource_provider_generation"]}))
_SET = by_version(((1, 0), ALL))


# --- showing ---------------------------------------------------------------------------------------------------------


def _view(values: Any) -> dict[str, Any]:
    return {name: getattr(values, name) for name in NAMES}


def _one(request: Request, row: Row, generation: int, **how: Any) -> Response:
    shown = _view(row)
    if generation:
        shown["resource_provider_generation"] = generation
    return dated(request, shown, row.updated_at, **how)


def _all(request: Request, tx: Transaction, uuid: str, generation: int) -> Response:
    rows = rules.present(tx, uuid)
    document = {"resource_provider_generation": generation, "inventories": {name: _view(row) for name, row in rows.items()}}
    return dated(request, document, max((row.updated_at for row in rows.values()), default=None))


def _shown_provider(tx: Transaction, request: Request) -> Row:
    uuid = request.params["uuid"]
    try:
        return get(tx, uuid)
    except NotFound as missing:
        raise NotFound(f"No resource provider with uuid {uuid} found : {missing.message}") from None


_AMOUNT = Record(
    "Inventory",
    {
        "total": INTEGER, "reserved": INTEGER, "min_unit": INTEGER, "max_unit": INTEGER, "step_size": INTEGER, "allocation_ratio": NUMBER,
    },
)  # fmt: skip
_INVENTORY = _AMOUNT.with_keys("InventoryOfProvider", {"resource_provider_generation": INTEGER})
_INVENTORIES = Record("Inventories", {"resource_provider_generation": INTEGER, "inventories": mapping(_AMOUNT)})


@routes.get("", policy="placement:resource_providers:inventories:list", answer=_INVENTORIES)
def list_inventories(request: Request, tx: Transaction) -> Response:
    """List the inventories of a resource provider."""
    request.authorize("placement:resource_providers:inventories:list")
    row = _shown_provider(tx, request)
    return _all(request, tx, row.uuid, row.generation)


@routes.get("/{resource_class}", policy="placement:resource_providers:inventories:show", answer=_INVENTORY)
def show_inventory(request: Request, tx: Transaction) -> Response:
    """Show one inventory."""
    request.authorize("placement:resource_providers:inventories:show")
    provider, name = _shown_provider(tx, request), request.params["resource_class"]
    row = rules.present(tx, provider.uuid).get(name)
    if row is None:
        raise NotFound(f"No inventory of class {name} for {provider.uuid}")
    return _one(request, row, provider.generation)


# --- changing --------------------------------------------------------------------------------------------------------


def inventory(given: Mapping[str, Any]) -> Inventory:
    return Inventory(**{name: given[name] for name in NAMES if name in given})


def check_capacity(request: Request, uuid: str, stock: Mapping[str, Inventory]) -> None:
    """Raises BadRequest for an inventory of which nothing is left; from 1.26 on all of it may be reserved."""
    least = 0 if request.at_least(1, 26) else 1
    relation = "greater than" if request.at_least(1, 26) else "greater than or equal to"
    for name, one in stock.items():
        if int(one.capacity) < least:
            raise BadRequest(f"Invalid inventory for '{name}' on resource provider '{uuid}'. The reserved value is {relation} total.")


def _check_generation(row: Row, data: Mapping[str, Any]) -> None:
    if data["resource_provider_generation"] != row.generation:
        raise Conflict("resource provider generation conflict", kind=dialect.CONCURRENT_UPDATE)


def _changed(tx: Transaction, request: Request, uuid: str) -> None:
    age(tx, uuid)
    record(tx, request, "resource_provider.update", uuid, None, {"changed": ["inventories"]})


@routes.post("", status=201, policy="placement:resource_providers:inventories:create", answer=_INVENTORY)
def create_inventory(request: Request, tx: Transaction) -> Response:
    """Add an inventory."""
    request.authorize("placement:resource_providers:inventories:create")
    provider = get(tx, request.params["uuid"])
    data = body(request, _ADD)
    name, one = data["resource_class"], inventory(data)
    try:
        check_capacity(request, provider.uuid, {name: one})
        check_known(tx, [name])
    except (BadRequest, NotFound) as refused:
        raise BadRequest(f"Unable to create inventory for resource provider {provider.uuid}: {refused.message}") from None
    if name in rules.present(tx, provider.uuid):
        text = f"Update conflict: resource provider {provider.uuid} already has an inventory of class {name}."
        raise Conflict(text, kind=dialect.CONCURRENT_UPDATE)
    rules.write(tx, provider.uuid, name, one, None)
    _changed(tx, request, provider.uuid)
    row = rules.present(tx, provider.uuid)[name]
    location = f"/resource_providers/{provider.uuid}/inventories/{name}"
    return _one(request, row, provider.generation + 1, status=201, location=location)


@routes.put("", policy="placement:resource_providers:inventories:update", answer=_INVENTORIES)
def set_inventories(request: Request, tx: Transaction) -> Response:
    """Replace the inventories of a resource provider."""
    request.authorize("placement:resource_providers:inventories:update")
    provider = get(tx, request.params["uuid"])
    data = body(request, _SET)
    _check_generation(provider, data)
    stock = {name: inventory(given) for name, given in data["inventories"].items()}
    try:
        check_capacity(request, provider.uuid, stock)
    except BadRequest as refused:
        raise BadRequest(f"Unable to update inventory for resource provider {provider.uuid}: {refused.message}") from None
    try:
        check_known(tx, stock)
    except NotFound as missing:
        text = f"Unknown resource class in inventory for resource provider {provider.uuid}: {missing.message}"
        raise BadRequest(text) from None
    try:
        rules.replace(tx, provider.uuid, stock)
    except Conflict as refused:
        raise Conflict(f"update conflict: {refused.message}", kind=refused.kind) from None
    _changed(tx, request, provider.uuid)
    return _all(request, tx, provider.uuid, provider.generation + 1)


@routes.put("/{resource_class}", policy="placement:resource_providers:inventories:update", answer=_INVENTORY)
def update_inventory(request: Request, tx: Transaction) -> Response:
    """Change one inventory."""
    request.authorize("placement:resource_providers:inventories:update")
    provider, name = get(tx, request.params["uuid"]), request.params["resource_class"]
    data = body(request, _CHANGE)
    _check_generation(provider, data)
    one = inventory(data)
    try:
        check_capacity(request, provider.uuid, {name: one})
    except BadRequest as refused:
        raise BadRequest(f"Unable to update inventory for resource provider {provider.uuid}: {refused.message}") from None
    check_known(tx, [name])
    existing = rules.present(tx, provider.uuid).get(name)
    if existing is None:
        raise BadRequest(
            f"No inventory record with resource class for resource provider {provider.uuid}: No inventory of class {name} found."
        )
    rules.write(tx, provider.uuid, name, one, existing)
    _changed(tx, request, provider.uuid)
    return _one(request, rules.present(tx, provider.uuid)[name], provider.generation + 1)


@routes.delete("", until=(1, 4), answer=REFUSED)
def refuse_to_delete_all(request: Request, tx: Transaction) -> None:
    """All inventories at once are deleted from 1.5 on."""
    raise MethodNotAllowed()


@routes.delete("", since=(1, 5), policy="placement:resource_providers:inventories:delete")
def delete_inventories(request: Request, tx: Transaction) -> None:
    """Delete all inventories of a resource provider."""
    request.authorize("placement:resource_providers:inventories:delete")
    provider = get(tx, request.params["uuid"])
    rules.replace(tx, provider.uuid, {})
    _changed(tx, request, provider.uuid)


@routes.delete("/{resource_class}", policy="placement:resource_providers:inventories:delete")
def delete_inventory(request: Request, tx: Transaction) -> None:
    """Delete one inventory."""
    request.authorize("placement:resource_providers:inventories:delete")
    provider, name = get(tx, request.params["uuid"]), request.params["resource_class"]
    try:
        check_known(tx, [name])
        if name not in rules.present(tx, provider.uuid):
            raise NotFound(f"No inventory of class {name} found for delete")
    except NotFound as missing:
        raise NotFound(f"No inventory of class {name} found for delete: {missing.message}") from None
    try:
        rules.remove(tx, provider.uuid, {name})
    except Conflict as refused:
        text = f"Unable to delete inventory of class {name}: {refused.message}"
        raise Conflict(text, kind=dialect.CONCURRENT_UPDATE) from None
    _changed(tx, request, provider.uuid)
