"""How Cinder words what goes wrong."""

from monostack.core.errors import BadRequest, Fault, NotFound
from monostack.http import Dialect, Request, Response
from monostack.http.pages import PAGES, render
from monostack.http.schema import ValidationError
from monostack.http.words import UNAUTHENTICATED, WRAPPED_FAULT, middleware_401, wrapped_fault
from monostack.services.volume.parameters import Refusal
from monostack.services.volume.words import MALFORMED

CONTENT_TYPES = frozenset({"application/json", "application/vnd.openstack.volume+json"})


def _fault(fault: Fault, request: Request) -> Response:
    """The envelope Cinder shares with Nova. An unknown path or method never reaches Cinder's own code: WebOb answers."""
    if fault.status == 405 or fault.kind == "HTTPNotFound":
        fault.headers.clear()
        request.response_headers.clear()
        return render(NotFound(), request)
    if fault.status == 406 and "2.0" in fault.headers.get("openstack-api-version", ""):
        fault.headers.clear()  # Cinder takes the version for that of its former API, which has no such headers
    response = wrapped_fault(fault, request)
    response.content_type = "application/json"
    return response


def _invalid(error: ValidationError, request: Request) -> Fault:
    """A body that breaks its schema."""
    if isinstance(error.cause, Refusal):
        return BadRequest(str(error.cause))
    if error.path:
        return BadRequest(f"Invalid input for field/attribute {error.path[-1]}. Value: {error.instance}. {error.message}")
    return BadRequest(MALFORMED if error.instance is None else error.message)


def _forbidden(rule: str, request: Request) -> str:
    return f"Policy doesn't allow {rule} to be performed."


DIALECT = Dialect(
    fault=_fault,
    invalid=_invalid,
    faults=(WRAPPED_FAULT, UNAUTHENTICATED, *PAGES),
    unauthenticated=middleware_401,
    forbidden=_forbidden,
    first_error=True,
    malformed_json="Malformed request body",
    content_types=CONTENT_TYPES,
    empty_type="application/json",
    request_id="x-compute-request-id",
)


def accepted(status: int = 202) -> Response:
    """The empty answer of calls that Cinder leaves to WebOb: it says that nothing is HTML."""
    return Response(b"", status, content_type="text/html; charset=UTF-8")
