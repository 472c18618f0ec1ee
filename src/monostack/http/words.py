"""Wordings several services share: Nova's and Cinder's fault envelope, keystonemiddleware's 401, JSON schema errors in Nova's form."""

from typing import Any

from monostack.core.errors import BadRequest, Fault
from monostack.http.answers import INTEGER, TEXT, Record, Schema, envelope, optional
from monostack.http.request import Request
from monostack.http.response import Response
from monostack.http.schema import ValidationError

FAULT_NAMES = {
    400: "badRequest", 401: "unauthorized", 403: "forbidden", 404: "itemNotFound", 405: "badMethod", 409: "conflictingRequest",
    413: "overLimit", 415: "badMediaType", 429: "overLimit", 501: "notImplemented", 503: "serviceUnavailable",
}  # fmt: skip


WRAPPED_FAULT: Schema = {
    "type": "object",
    "additionalProperties": Record("Fault", {"code": INTEGER, "message": TEXT, "retryAfter": optional(TEXT)}),
    "minProperties": 1,
    "maxProperties": 1,
}
UNAUTHENTICATED = envelope("error", Record("Unauthenticated", {"code": INTEGER, "title": TEXT, "message": TEXT}))


def wrapped_fault(fault: Fault, request: Request) -> Response:
    """`{"itemNotFound": {"code": 404, "message": ...}}`, as Nova and Cinder answer."""
    name = FAULT_NAMES.get(fault.status, "computeFault")
    told: dict[str, Any] = {"code": fault.status, "message": fault.message}
    if fault.status in (413, 429) and "retry-after" in fault.headers:
        told["retryAfter"] = fault.headers["retry-after"]
    return Response({name: told}, fault.status, content_type="application/json; charset=UTF-8")


def middleware_401(request: Request) -> Response:
    """What keystonemiddleware answers in front of every service but Keystone."""
    return Response(
        {"error": {"code": 401, "title": "Unauthorized", "message": "The request you have made requires authentication."}},
        401,
        {"www-authenticate": f'Keystone uri="{request.app_url}/identity"'},
    )


def nova_invalid(error: ValidationError, request: Request) -> Fault:
    """Nova's and Cinder's text for a body that breaks its schema."""
    detail: Any = error.message
    if error.path:
        if error.validator in ("additionalProperties", "required") and not isinstance(error.instance, (str, int)):
            where = error.path[-1] if error.path else ""
        else:
            where = error.path[-1]
        detail = f"Invalid input for field/attribute {where}. Value: {error.instance}. {error.message}"
    return BadRequest(detail)


def nova_invalid_query(error: ValidationError, request: Request) -> Fault:
    """Nova's and Cinder's text for a query parameter that breaks its schema."""
    if error.path:
        return BadRequest(f"Invalid input for query parameters {error.path[0]}. Value: {error.instance}. {error.message}")
    return BadRequest(str(error.message))
