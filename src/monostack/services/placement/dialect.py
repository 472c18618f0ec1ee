"""How Placement words faults: a list of errors, each with a detail and, from 1.23 on, a code."""

import copy
import re
from typing import Any

from monostack.core.errors import BadRequest, Fault
from monostack.http import Dialect, Microversions, Request, Response
from monostack.http.answers import INTEGER, TEXT, Record, envelope, many, optional, since
from monostack.http.microversions import requested, text
from monostack.http.pages import PAGES, render
from monostack.http.schema import ValidationError
from monostack.http.words import UNAUTHENTICATED, middleware_401

MICROVERSIONS = Microversions(
    "placement", minimum=(1, 0), maximum=(1, 39), form=re.compile(r"^([+-]?\d+)\.([+-]?\d+)$"), vary="openstack-api-version"
)
UNDEFINED = "placement.undefined_code"
CONCURRENT_UPDATE = "placement.concurrent_update"
DUPLICATE_NAME = "placement.duplicate_name"
INVENTORY_IN_USE = "placement.inventory.inuse"
PROVIDER_IN_USE = "placement.resource_provider.inuse"
PROVIDER_HAS_CHILDREN = "placement.resource_provider.cannot_delete_parent"
PROVIDER_NOT_FOUND = "placement.resource_provider.not_found"
DUPLICATE_PARAMETER = "placement.query.duplicate_key"
BAD_PARAMETER = "placement.query.bad_value"
MISSING_PARAMETER = "placement.query.missing_value"


def _about_version(fault: Fault, request: Request) -> str | None:
    asked = requested(MICROVERSIONS, request.headers)
    if fault.kind == "InvalidGlobalAPIVersion":
        return f"Invalid microversion: Unacceptable version header: {asked}"
    if fault.kind == "InvalidAPIVersionString":
        return f"Invalid microversion: invalid version string: {asked}; {_what_is_wrong(asked or '')}"
    return None


def _what_is_wrong(version: str) -> str:
    """Why a text is no version, in the words of the library that Placement reads it with."""
    for part in version.split(".", 1):
        try:
            int(part)
        except ValueError as error:
            return str(error)
    return "Version.__new__() missing 1 required positional argument: 'minor'"


def _fault(fault: Fault, request: Request) -> Response:
    about_version = _about_version(fault, request)

    def as_json(title: str, detail: str) -> dict[str, Any]:
        error: dict[str, Any] = {"status": fault.status, "title": title, "detail": detail}
        if request.at_least(1, 23):
            error["code"] = fault.kind if fault.kind.startswith("placement.") else UNDEFINED
        error["request_id"] = request.request_id
        if fault.kind == "InvalidGlobalAPIVersion":
            error.update(max_version=text(MICROVERSIONS.maximum), min_version=text(MICROVERSIONS.minimum))
        return {"errors": [error]}

    page = copy.copy(fault)
    page.message, page.detail = "", about_version or fault.message or fault.detail
    return render(page, request, as_json)


def invalid_body(error: ValidationError, request: Request) -> Fault:
    return BadRequest(f"JSON does not validate: {error}")


def invalid_query(error: ValidationError, request: Request) -> Fault:
    return BadRequest(f"Invalid query string parameters: {error}")


LINKS = many(Record("Link", {"rel": TEXT, "href": TEXT}))
_ERROR = {
    "status": INTEGER, "title": TEXT, "detail": TEXT, "code": since((1, 23), TEXT), "request_id": TEXT,
    "max_version": optional(TEXT), "min_version": optional(TEXT),
}  # fmt: skip
FAULT = envelope("errors", many(Record("Fault", _ERROR)))
DIALECT = Dialect(
    fault=_fault,
    faults=(FAULT, UNAUTHENTICATED, *PAGES),
    invalid=invalid_body,
    invalid_query=invalid_query,
    unauthenticated=middleware_401,
    forbidden=lambda rule, request: f"Policy does not allow {rule} to be performed.",
    no_route="",
    no_method="The method specified is not allowed for this resource.",
)
