"""Services of the catalog."""

from typing import Any

from monostack.db import Transaction
from monostack.http import Request
from monostack.resources import Field, Resource, flag, text
from monostack.resources.fields import REQUIRED
from monostack.services.identity import access
from monostack.services.identity.style import STYLE

SERVICES = Resource(
    "service", "services", STYLE, "/v3/services", table_name="catalog_services",
    fields=(
        Field("id", text(64)),
        Field("type", text(255, 1), REQUIRED, create=True, update=True),
        Field("name", text(255, 1), "", create=True, update=True),
        Field("enabled", flag(), True, create=True, update=True, filter=False),
    ),
    policy={
        "list": "identity:list_services", "show": "identity:get_service", "create": "identity:create_service",
        "update": "identity:update_service", "delete": "identity:delete_service",
    },
    unknown="extra",
)  # fmt: skip
services = SERVICES.table


def update_service(request: Request, tx: Transaction) -> dict[str, Any]:
    """Update a service."""
    row = SERVICES.allowed(request, tx, "update")
    given: dict[str, Any] = dict(request.body["service"])
    access.keep_id(row, given)
    return SERVICES.render(request, tx, SERVICES.change(tx, request, row, SERVICES.accept_update(request, given)))


_UPDATE = SERVICES.body_schema("update")
_UPDATE["properties"]["service"]["minProperties"] = 1
_CREATE = SERVICES.body_schema("create")
_CREATE["additionalProperties"] = _UPDATE["additionalProperties"] = True

routes = SERVICES.routes(only=("list", "show", "delete"))
routes.add("POST", "", SERVICES.create, "write", status=201, policy="identity:create_service", body=_CREATE, answer=SERVICES.answer_one)
routes.add("PATCH", "/{id}", update_service, "write", policy="identity:update_service", body=_UPDATE, answer=SERVICES.answer_one)
