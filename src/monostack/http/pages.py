"""WebOb's pages for faults, as HTML, JSON or text by what the client accepts: what many services answer before their own code is reached.

A fault's `message` is the explanation (the status' own when empty), its `detail` the line below it.
"""

import html
import http
import re
from collections.abc import Callable
from typing import Any

from falcon.errors import InvalidMediaRange
from falcon.util import mediatypes

from monostack.core.errors import Fault
from monostack.http.answers import TEXT, Media, Record
from monostack.http.request import Request
from monostack.http.response import Response

PAGES = (Media("text/html"), Media("text/plain"), Record("Page", {"message": TEXT, "code": TEXT, "title": TEXT}))
"""What faults look like that are told by a page."""

_TITLES = {413: "Request Entity Too Large", 416: "Request Range Not Satisfiable", 300: "Multiple Choices"}
_EXPLANATIONS = {
    400: "The server could not comply with the request since it is either malformed or otherwise incorrect.",
    401: (
        "This server could not verify that you are authorized to access the document you requested. Either you supplied the wrong "
        "credentials (e.g., bad password), or your browser does not understand how to supply the credentials required."
    ),
    403: "Access was denied to this resource.",
    404: "The resource could not be found.",
    409: "There was a conflict when trying to complete your request.",
    410: "This resource is no longer available.  No forwarding address is given.",
    413: "The body of your request was too large for this server.",
    416: "The Range requested is not available.",
    500: "The server has either erred or is incapable of performing the requested operation.",
    503: "The server is currently unavailable. Please try again at a later time.",
}
_BREAK = re.compile(r"<br.*?>", re.I)
_TAG = re.compile(r"<.*?>", re.S)


def _body(fault: Fault, request: Request, escape: bool) -> str:
    def quoted(text: str) -> str:
        return html.escape(text).encode("ascii", "xmlcharrefreplace").decode() if escape else text

    if fault.status == 415:
        media_type = quoted(request.headers.get("content-type") or "${CONTENT_TYPE}")
        return f"The request media type {media_type} is not supported by this server.\n<br /><br />\n{quoted(fault.detail)}"
    if fault.status == 405:
        default = f"The method {request.method} is not allowed for this resource. <br /><br />\n{quoted(fault.detail)}"
        return quoted(fault.message) or default
    if fault.status == 406:
        accepted = quoted(request.headers.get("accept", ""))
        explanation = f"The resource could not be generated that was acceptable to your browser\n(content of type {accepted}. <br /><br />"
        return f"{explanation}\n{quoted(fault.detail)}"
    detail = "" if fault.kind == "MalformedRequestBody" else fault.detail  # where the JSON is wrong is not said
    explanation = quoted(fault.message or _EXPLANATIONS.get(fault.status, ""))
    return f"{explanation}<br /><br />\n{quoted(detail)}\n\n"


def _plain(body: str) -> str:
    return _TAG.sub("", _BREAK.sub("\n", body.replace("\n", " ")))


def accepted(request: Request, *offers: str) -> str:
    """Which of the media types the client wants most, or nothing. A header that makes no sense accepts everything."""
    try:
        return mediatypes.best_match(offers, request.headers.get("accept") or "*/*")
    except InvalidMediaRange:
        return offers[0]


def render(fault: Fault, request: Request, as_json: Callable[[str, str], Any] | None = None) -> Response:
    """The fault in the form the client accepts: HTML unless it prefers JSON; text when it accepts neither.

    `as_json` makes the service's own JSON of the title and the text without tags; JSON is then what a client gets that does not mind.
    """
    title = _TITLES.get(fault.status) or http.HTTPStatus(fault.status).phrase
    status = f"{fault.status} {title}"
    offers = ("text/html", "application/json")
    match accepted(request, *(offers[::-1] if as_json else offers)):
        case "application/json" if as_json is not None:
            return Response(as_json(title, _plain(_body(fault, request, escape=False))), fault.status)
        case "application/json":
            return Response({"message": _body(fault, request, escape=False), "code": status, "title": title}, fault.status)
        case "text/html":
            body = _body(fault, request, escape=True)
            page = f"<html>\n <head>\n  <title>{status}</title>\n </head>\n <body>\n  <h1>{status}</h1>\n  {body}\n </body>\n</html>"
            return Response(page.encode(), fault.status, content_type="text/html; charset=UTF-8")
        case _:
            page = f"{status}\n\n{_plain(_body(fault, request, escape=False))}"
            return Response(page.encode(), fault.status, content_type="text/plain; charset=UTF-8")
