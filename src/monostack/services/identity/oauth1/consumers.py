"""/v3/OS-OAUTH1/consumers: programs that may ask users for access. A consumer's secret is shown when it is made, and never again."""

from typing import Any

from monostack.core import ids
from monostack.core.errors import BadRequest, NotFound
from monostack.db import Row, Transaction
from monostack.http import Request
from monostack.http.answers import TEXT, envelope
from monostack.http.schema import Schema
from monostack.services.identity import access
from monostack.services.identity.credentials.table import sealed
from monostack.services.identity.dialect import invalid_in_full
from monostack.services.identity.oauth1.table import CONSUMERS

_PROPERTIES = {"description": {"type": ["string", "null"]}}
_CREATE = {"type": "object", "properties": _PROPERTIES, "additionalProperties": True}
_UPDATE = {
    "type": "object", "properties": _PROPERTIES, "not": {"required": ["secret"]}, "minProperties": 1, "additionalProperties": True,
}  # fmt: skip
_CREATED, _UPDATED = Schema(_CREATE), Schema(_UPDATE)


def _given(request: Request, schema: Schema) -> dict[str, Any]:
    given = (request.body or {}).get("consumer", {})
    error = schema.error(given)
    if error is not None:
        raise invalid_in_full(error)
    return given


def _find(request: Request, tx: Transaction, action: str) -> Row:
    request.authorize(CONSUMERS.policy[action], {})
    row = access.find(CONSUMERS, tx, request.params["id"])
    if row is None:
        raise NotFound("Consumer not found")
    return row


def create_consumer(request: Request, tx: Transaction) -> dict[str, Any]:
    """Create a consumer."""
    request.authorize("identity:create_consumer", {})
    given, secret = _given(request, _CREATED), ids.new_hex()
    row = CONSUMERS.insert(tx, request, {**CONSUMERS.accept_create(request, given), "sealed_secret": sealed(request.cloud, secret)})
    answer = CONSUMERS.render(request, tx, row)
    answer["consumer"]["secret"] = secret
    return answer


def show_consumer(request: Request, tx: Transaction) -> dict[str, Any]:
    """Show a consumer."""
    return CONSUMERS.render(request, tx, _find(request, tx, "show"))


def update_consumer(request: Request, tx: Transaction) -> dict[str, Any]:
    """Update a consumer."""
    request.authorize("identity:update_consumer", {})
    given = _given(request, _UPDATED)
    if given.get("id") not in (None, request.params["id"]):
        raise BadRequest("Cannot change ID")
    row = _find(request, tx, "update")
    return CONSUMERS.render(request, tx, CONSUMERS.change(tx, request, row, CONSUMERS.accept_update(request, given)))


def delete_consumer(request: Request, tx: Transaction) -> None:
    """Delete a consumer with all its tokens."""
    CONSUMERS.remove(tx, request, _find(request, tx, "delete"))


def _document(inside: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": {"consumer": inside}}


routes = CONSUMERS.routes(only=("list", "show", "delete"), show=show_consumer, delete=delete_consumer)
_NEW = envelope("consumer", CONSUMERS.answer.with_keys("NewConsumer", {"secret": TEXT}))
routes.add(
    "POST", "", create_consumer, "write", status=201, policy="identity:create_consumer", body_document=_document(_CREATE), answer=_NEW
)  # fmt: skip
routes.add(
    "PATCH", "/{id}", update_consumer, "write",
    policy="identity:update_consumer", body_document=_document(_UPDATE), answer=CONSUMERS.answer_one,
)  # fmt: skip
