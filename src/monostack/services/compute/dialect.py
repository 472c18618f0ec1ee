"""How Nova words what goes wrong."""

from typing import Any

from monostack.core.errors import BadRequest, Conflict, Fault, MethodNotAllowed, NotFound
from monostack.http import Dialect, Request, Response, pages
from monostack.http.schema import ValidationError
from monostack.http.words import UNAUTHENTICATED, WRAPPED_FAULT, middleware_401, nova_invalid, nova_invalid_query, wrapped_fault
from monostack.services.compute.parameters import BadName


def _fault(fault: Fault, request: Request) -> Response:
    """Nova's router has no 405: a wrong method is a missing route, and WebOb answers for it."""
    if isinstance(fault, MethodNotAllowed) or fault.kind == "HTTPNotFound":
        fault.headers.clear()
        request.response_headers.clear()
        return pages.render(NotFound(""), request)
    return wrapped_fault(fault, request)


def _invalid(error: ValidationError, request: Request) -> Fault:
    whole: Any = error
    while whole.parent is not None:
        whole = whole.parent  # Nova names the value that fits none of several schemas, not how it fails one of them
    if isinstance(whole.cause, BadName):
        return BadRequest(str(whole.cause))
    return nova_invalid(whole, request)


DIALECT = Dialect(
    fault=_fault,
    invalid=_invalid,
    invalid_query=nova_invalid_query,
    faults=(WRAPPED_FAULT, UNAUTHENTICATED, *pages.PAGES),
    unauthenticated=middleware_401,
    malformed_json="Malformed request body",
    foreign_project="Malformed request URL: URL's project_id '{given}' doesn't match Context's project_id '{own}'",
    empty_type="application/json",
    request_id="x-compute-request-id",
)


def bare(status: int) -> Response:
    """An empty answer that Nova leaves as WebOb makes it."""
    response = Response(None, status)
    response.content_type = "text/html; charset=UTF-8"
    return response


def server_not_found(server_id: str) -> Fault:
    return NotFound(f"Instance {server_id} could not be found.")


def wrong_state(action: str, server_id: str, attribute: str, state: Any) -> Fault:
    """The action is not allowed while vm_state, task_state or power_state is `state`."""
    if state is None:
        return Conflict(f"Instance {server_id} is in an invalid state for '{action}'")
    return Conflict(f"Cannot '{action}' instance {server_id} while it is in {attribute} {state}")


def over_quota(name: str, requested: int | str, used: int | str, allowed: int | str) -> str:
    """Nova's message when a create exceeds instances, cores or ram."""
    return f"Quota exceeded for {name}: Requested {requested}, but already used {used} of {allowed} {name}"
