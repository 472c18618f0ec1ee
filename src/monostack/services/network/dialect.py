"""How the network service words what goes wrong: `{"NeutronError": {"type": ..., "message": ..., "detail": ""}}`."""


from monostack.core.errors import BadRequest, Fault
from monostack.http import Dialect, Request, Response
from monostack.http.answers import TEXT, Record
from monostack.http.schema import ValidationError
from monostack.http.words import UNAUTHENTICATED, middleware_401
from monostack.services.network.words import UNREADABLE

_KINDS = {"MalformedRequestBody": "HTTPBadRequest", "MethodNotAllowed": "HTTPMethodNotAllowed", "InternalError": "HTTPInternalServerError"}
_INTERNAL = "Request Failed: internal server error while processing your request."


def _fault(fault: Fault, request: Request) -> Response:
    kind = _KINDS.get(fault.kind, fault.kind)
    message = _INTERNAL if fault.kind == "InternalError" else fault.message
    return Response({"NeutronError": {"type": kind, "message": message, "detail": ""}}, fault.status)


def _invalid(error: ValidationError, request: Request) -> Fault:
    return BadRequest(UNREADABLE, kind="HTTPBadRequest")


FAULT = Record("Fault", {"NeutronError": Record("", {"type": TEXT, "message": TEXT, "detail": TEXT})})
DIALECT = Dialect(
    fault=_fault,
    faults=(FAULT, UNAUTHENTICATED),
    unauthenticated=middleware_401,
    invalid=_invalid,
    malformed_json=UNREADABLE,
    no_method="The server could not comply with the request since it is either malformed or otherwise incorrect.",
)
