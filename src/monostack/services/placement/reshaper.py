"""POST /reshaper: inventories and the allocations of them move between providers in one go."""

from typing import Any

from monostack.core.errors import BadRequest, Conflict, NotFound
from monostack.db import Transaction
from monostack.events import record
from monostack.http import Request, Routes
from monostack.services.placement import dialect
from monostack.services.placement.allocations import schemas
from monostack.services.placement.allocations.api import apply, claims
from monostack.services.placement.exchange import body
from monostack.services.placement.inventories import rules
from monostack.services.placement.inventories.api import ALL, inventory
from monostack.services.placement.inventories.table import Inventory
from monostack.services.placement.providers.table import age, get
from monostack.services.placement.resource_classes import check_known

routes = Routes("/reshaper")
_SCHEMAS = schemas.reshapes(ALL)


def _stock(tx: Transaction, wanted: dict[str, Any]) -> dict[str, dict[str, Inventory]]:
    """The inventories by provider. Raises BadRequest and Conflict."""
    stock: dict[str, dict[str, Inventory]] = {}
    for uuid, given in wanted.items():
        try:
            provider = get(tx, uuid)
        except NotFound as missing:
            text = f"Resource provider {uuid} in inventories not found: {missing.message}"
            raise BadRequest(text, kind=dialect.PROVIDER_NOT_FOUND) from None
        generation = given["resource_provider_generation"]
        if generation != provider.generation:
            text = f"resource provider generation conflict for provider {uuid}: actual: {provider.generation}, given: {generation}"
            raise Conflict(text, kind=dialect.CONCURRENT_UPDATE)
        stock[uuid] = {name: inventory(one) for name, one in given["inventories"].items()}
    return stock


@routes.post("", since=(1, 30), status=204, policy="placement:reshaper:reshape")
def reshape(request: Request, tx: Transaction) -> None:
    """Replace the inventories of providers and the allocations of consumers, all or nothing."""
    request.authorize("placement:reshaper:reshape")
    data = body(request, _SCHEMAS)
    stock = _stock(tx, data["inventories"])
    wanted = claims(tx, request, data["allocations"])
    try:
        check_known(tx, [name for one in stock.values() for name in one])
        for uuid, one in stock.items():  # first what is new, so that the allocations can move to it
            existing = rules.present(tx, uuid)
            for name, new in one.items():
                rules.write(tx, uuid, name, new, existing.get(name))
        age(tx, *[uuid for uuid, one in stock.items() if one])
        apply(tx, request, wanted)
        for uuid, one in stock.items():
            rules.replace(tx, uuid, one)
    except NotFound as missing:
        raise BadRequest(f"malformed reshaper data: {missing.message}") from None
    except Conflict as refused:
        if refused.kind == dialect.INVENTORY_IN_USE:
            raise Conflict(f"update conflict: {refused.message}", kind=refused.kind) from None
        raise
    age(tx, *stock)
    for uuid in stock:
        record(tx, request, "resource_provider.update", uuid, None, {"changed": ["inventories"]})
