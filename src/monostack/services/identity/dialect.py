"""How Keystone words what goes wrong.

Reasons for a 401 and a 403 are not told to the caller, since they would say what exists.
Source: keystone/exception.py, keystone/common/validation.
"""

from http import HTTPStatus

from jsonschema.exceptions import ValidationError

from monostack.core.errors import BadRequest, Fault
from monostack.http import Dialect, Request, Response

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
    title = HTTPStatus(fault.status).phrase
    return Response({"error": {"code": fault.status, "message": fault.message, "title": title}}, fault.status)


def unauthenticated(request: Request) -> Response:
    return Response(
        {"error": {"code": 401, "message": AUTHENTICATE, "title": "Unauthorized"}},
        401,
        {"www-authenticate": f'Keystone uri="{request.service_url}/v3"'},
    )


def invalid(error: ValidationError, request: Request) -> Fault:
    """A body or query that breaks its schema: where, and jsonschema's own account."""
    if error.relative_path:
        return BadRequest(f"Invalid input for field '{'/'.join(map(str, error.relative_path))}': {error}")
    return BadRequest(str(error))


DIALECT = Dialect(
    fault=fault,
    invalid=invalid,
    unauthenticated=unauthenticated,
    forbidden=lambda rule, request: forbidden_action(rule),
    malformed_json=f"Expecting to find valid JSON in request body.{MALFORMED}",
    no_route="The requested URL was not found on the server. If you entered the URL manually please check your spelling and try again.",
    no_method="The method is not allowed for the requested URL.",
    always={"vary": "X-Auth-Token"},
)
