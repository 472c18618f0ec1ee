"""How Keystone words what goes wrong.

Reasons for a 401 and a 403 are not told to the caller, since they would say what exists.
Source: keystone/exception.py, keystone/common/validation.
"""

from http import HTTPStatus
from typing import Any

from monostack.core.errors import BadRequest, Fault
from monostack.http import Dialect, Request, Response
from monostack.http.answers import INTEGER, OBJECT, TEXT, TEXTS, Media, Record, envelope, many, optional
from monostack.http.schema import ValidationError

AUTHENTICATE = "The request you have made requires authentication."
FORBIDDEN = "You are not authorized to perform the requested action."
MALFORMED = (
    " The server could not comply with the request since it is either malformed or otherwise incorrect."
    " The client is assumed to be in error."
)


def expecting(attribute: str, target: str) -> BadRequest:
    """A body that lacks something."""
    return BadRequest(f"Expecting to find {attribute} in {target}.{MALFORMED}")


def forbidden_action(action: str) -> str:
    return f"You are not authorized to perform the requested action: {action}."


def fault(fault: Fault, request: Request) -> Response:
    """Keystone's error body; paths and methods it does not have are told by the web framework below it."""
    if fault.kind == "HTTPNotFound":
        return Response(_PAGE_404, 404, content_type="text/html; charset=utf-8")
    if fault.status == 405:
        return Response({"message": fault.message}, 405)
    title = HTTPStatus(fault.status).phrase
    return Response({"error": {"code": fault.status, "message": fault.message, "title": title}}, fault.status)


def unauthenticated(request: Request, message: str = AUTHENTICATE) -> Response:
    """A 401; the few messages that are not AUTHENTICATE are for those who have shown the right password."""
    return _unauthorized(request, {"code": 401, "message": message, "title": "Unauthorized"})


def wrong_method(request: Request, message: str, identity: dict[str, Any]) -> Response:
    """The 401 for a way to log in that cannot be used; what can be is in `identity`."""
    return _unauthorized(request, {"code": 401, "identity": identity, "message": message, "title": "Unauthorized"})


def _unauthorized(request: Request, error: dict[str, Any]) -> Response:
    return Response({"error": error}, 401, {"www-authenticate": f'Keystone uri="{request.service_url}/v3"'})


def invalid(error: ValidationError, request: Request) -> Fault:
    """A body that breaks its schema. An empty one is taken for an empty object."""
    if request.body is None and request.route is not None and request.route.body:
        error = request.route.body[0][1].error({}) or error
    elif not isinstance(request.body, dict):
        return expecting("valid JSON", "request body")
    if error.path:
        return BadRequest(f"Invalid input for field/attribute {error.path[-1]}. Value: {error.instance}. {error.message}")
    return BadRequest(error.message)


def invalid_query(error: ValidationError, request: Request) -> Fault:
    if error.path:
        return BadRequest(f"Invalid input for field/attribute {error.path[0]}. Value: {error.instance}. {error.message}")
    return BadRequest(error.message)


def invalid_in_full(error: ValidationError) -> Fault:
    """How the calls word it that Keystone checks by an older way: logging in, changing passwords, tags."""
    if error.path:
        return BadRequest(f"Invalid input for field '{'/'.join(map(str, error.path))}': {error}")
    return BadRequest(str(error))


_PAGE_404 = (
    b"<!doctype html>\n<html lang=en>\n<title>404 Not Found</title>\n<h1>Not Found</h1>\n<p>The requested URL was not found on the"
    b" server. If you entered the URL manually please check your spelling and try again.</p>\n"
)

_NAMED = {"id": TEXT, "name": TEXT}
_RECEIPT_USER = Record("ReceiptUser", {**_NAMED, "domain": Record("ReceiptDomain", _NAMED)})
_RECEIPT = Record("Receipt", {"methods": TEXTS, "user": _RECEIPT_USER, "expires_at": TEXT, "issued_at": TEXT})
RECEIPT = Record("", {"receipt": _RECEIPT, "required_auth_methods": many(TEXTS)})  # what else a 401 may be (tokens.receipts)
FAULT = envelope("error", Record("Fault", {"code": INTEGER, "message": TEXT, "title": TEXT, "identity": optional(OBJECT)}))
DIALECT = Dialect(
    fault=fault,
    faults=(FAULT, RECEIPT, envelope("message", TEXT), Media("text/html")),
    invalid=invalid,
    invalid_query=invalid_query,
    unauthenticated=unauthenticated,
    forbidden=lambda rule, request: forbidden_action(rule),
    malformed_json=f"Expecting to find valid JSON in request body.{MALFORMED}",
    no_method="The method is not allowed for the requested URL.",
    path_first=True,
    always={"vary": "X-Auth-Token"},
)
