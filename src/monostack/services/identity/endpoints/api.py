"""/v3/endpoints."""

from typing import Any

from monostack.core.errors import BadRequest
from monostack.db import Transaction
from monostack.http import Request
from monostack.services.identity import access, regions
from monostack.services.identity.dialect import expecting
from monostack.services.identity.endpoints.table import ENDPOINTS
from monostack.services.identity.endpoints.urls import is_valid
from monostack.services.identity.kinds import query
from monostack.services.identity.regions import REGIONS
from monostack.services.identity.services import SERVICES

_REGION = {"type": ["string", "null"]}


def create_endpoint(request: Request, tx: Transaction) -> dict[str, Any]:
    """Create an endpoint."""
    request.authorize("identity:create_endpoint", {})
    given = _checked(request, tx)
    return ENDPOINTS.render(request, tx, ENDPOINTS.insert(tx, request, ENDPOINTS.accept_create(request, given)))


def update_endpoint(request: Request, tx: Transaction) -> dict[str, Any]:
    """Update an endpoint."""
    row = ENDPOINTS.allowed(request, tx, "update")
    given = _checked(request, tx)
    access.keep_id(row, given)
    return ENDPOINTS.render(request, tx, ENDPOINTS.change(tx, request, row, ENDPOINTS.accept_update(request, given)))


def _checked(request: Request, tx: Transaction) -> dict[str, Any]:
    """What the body gives. Region and service must be there; a region under its old name is made."""
    given: dict[str, Any] = dict(request.body["endpoint"])
    if "url" in given and not is_valid(given["url"]):
        raise BadRequest(f"Cannot create an endpoint with an invalid URL: {given['url']}.")
    region = given.pop("region", None)
    if given.get("region_id") is None and region is not None:
        given["region_id"] = region
        if access.find(REGIONS, tx, region) is None:
            regions.new_region(request, tx, {"id": region})
    if given.get("region_id") is not None and access.find(REGIONS, tx, given["region_id"]) is None:
        raise expecting("endpoint region_id", "region table")
    if given.get("service_id") is not None and access.find(SERVICES, tx, given["service_id"]) is None:
        raise expecting("endpoint service_id", "service table")
    return given


def _body(method: str) -> dict[str, Any]:
    schema = ENDPOINTS.body_schema(method)
    text = {"type": "string"}
    schema["properties"]["endpoint"]["properties"].update(region=_REGION, name=text, description=_REGION)
    if method == "create":
        schema["properties"]["endpoint"]["properties"]["id"] = text
    if method == "update":
        schema["properties"]["endpoint"]["minProperties"] = 1
    return schema


_QUERY = query(interface={"enum": ["admin", "internal", "public"]})
routes = ENDPOINTS.routes(only=("list", "show", "delete"), query=_QUERY)
routes.add(
    "POST", "", create_endpoint, "write", status=201, policy="identity:create_endpoint", body=_body("create"), answer=ENDPOINTS.answer_one
)
routes.add("PATCH", "/{id}", update_endpoint, "write", policy="identity:update_endpoint", body=_body("update"), answer=ENDPOINTS.answer_one)
