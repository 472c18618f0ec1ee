"""How Cinder words what goes wrong."""

from jsonschema.exceptions import ValidationError

from monostack.core.errors import BadRequest, Fault
from monostack.http import Dialect, Request, Response
from monostack.http.words import middleware_401, nova_invalid_query, wrapped_fault

MALFORMED = "The server could not comply with the request since it is either malformed or otherwise incorrect."
_NO_ROUTE = (
    b"<html>\n <head>\n  <title>404 Not Found</title>\n </head>\n <body>\n  <h1>404 Not Found</h1>\n"
    b"  The resource could not be found.<br /><br />\n\n\n\n </body>\n</html>"
)


def fault(fault: Fault, request: Request) -> Response:
    """The envelope Cinder shares with Nova; an unknown path or method never reaches Cinder's own code and is answered in HTML."""
    if fault.status == 405 or fault.kind == "HTTPNotFound":
        return Response(_NO_ROUTE, 404, content_type="text/html; charset=UTF-8")
    response = wrapped_fault(fault, request)
    response.content_type = "application/json"
    return response


def invalid(error: ValidationError, request: Request) -> Fault:
    """A body that breaks its schema."""
    if error.path and error.validator not in ("additionalProperties", "required", "minProperties"):
        return BadRequest(f"Invalid input for field/attribute {error.path[-1]}. Value: {error.instance}. {error.message}")
    if error.path and error.validator == "additionalProperties":
        return BadRequest(f"Invalid input for field/attribute {error.path[-1]}. Value: {error.instance}. {error.message}")
    return BadRequest(error.message)


def forbidden(rule: str, request: Request) -> str:
    return f"Policy doesn't allow {rule} to be performed."


DIALECT = Dialect(
    fault=fault,
    invalid=invalid,
    invalid_query=nova_invalid_query,
    unauthenticated=middleware_401,
    forbidden=forbidden,
    malformed_json=MALFORMED,
)
