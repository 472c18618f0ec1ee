"""How Nova words what goes wrong."""

from typing import Any

from jsonschema.exceptions import ValidationError

from monostack.core.errors import BadRequest, Conflict, Fault, MethodNotAllowed, NotFound
from monostack.http import Dialect, Request, Response
from monostack.http.words import nova_invalid, nova_invalid_query, wrapped_fault
from monostack.services.compute.parameters import BadName

# What WebOb answers where Nova's router finds no route; Nova has no 405, a wrong method is a missing route.
_NO_ROUTE = """<html>
 <head>
  <title>404 Not Found</title>
 </head>
 <body>
  <h1>404 Not Found</h1>
  The resource could not be found.<br /><br />



 </body>
</html>"""


_NO_ROUTE_JSON = {"message": "The resource could not be found.<br /><br />\n\n\n", "code": "404 Not Found", "title": "Not Found"}


def _fault(fault: Fault, request: Request) -> Response:
    if isinstance(fault, MethodNotAllowed) or fault.kind == "HTTPNotFound":
        fault.headers.clear()
        request.response_headers.clear()
        if "json" in request.headers.get("accept", ""):
            return Response(_NO_ROUTE_JSON, 404)
        return Response(_NO_ROUTE.encode(), 404, content_type="text/html; charset=UTF-8")
    return wrapped_fault(fault, request)


def _invalid(error: ValidationError, request: Request) -> Fault:
    if isinstance(error.cause, BadName):
        return BadRequest(str(error.cause))
    return nova_invalid(error, request)


DIALECT = Dialect(
    fault=_fault,
    invalid=_invalid, invalid_query=nova_invalid_query, malformed_json="Malformed request body",
    request_id="x-compute-request-id",
)


def server_not_found(server_id: str) -> Fault:
    return NotFound(f"Instance {server_id} could not be found.")


def wrong_state(action: str, server_id: str, attribute: str, state: Any) -> Fault:
    """The action is not allowed while vm_state, task_state or power_state is `state`."""
    return Conflict(f"Cannot '{action}' instance {server_id} while it is in {attribute} {state}")


def over_quota(name: str, requested: int | str, used: int | str, allowed: int | str) -> str:
    """Nova's message when a create exceeds instances, cores or ram."""
    return f"Quota exceeded for {name}: Requested {requested}, but already used {used} of {allowed} {name}"
