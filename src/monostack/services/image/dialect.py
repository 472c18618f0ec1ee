"""How Glance words faults: WebOb's pages, with the cause as their explanation."""

from monostack.core.errors import BadRequest, Fault, Unauthorized
from monostack.http import Dialect, Request, Response
from monostack.http.pages import PAGES, render
from monostack.http.schema import ValidationError
from monostack.services.image.policy import refusal


def _unauthenticated(request: Request) -> Response:
    response = render(Unauthorized(), request)
    response.headers["www-authenticate"] = f'Keystone uri="{request.app_url}/identity"'
    return response


class Gone(Fault):
    """What was being written to has been deleted meanwhile."""

    status = 410


def does_not_match(schema: str, error: ValidationError) -> BadRequest:
    """The text for a document that breaks its schema."""
    return BadRequest(f"Provided object does not match schema '{schema}': {error}")


DIALECT = Dialect(
    fault=render,
    faults=PAGES,
    invalid=lambda error, request: does_not_match("image", error),
    unauthenticated=_unauthenticated,
    empty_type="text/html; charset=UTF-8",
    forbidden=lambda rule, request: refusal(rule).message,
    malformed_json="Malformed JSON in request body.",
    no_route="",
    no_method="",
)
