"""Version discovery. The list is for everybody, version 3 itself for those with a token, as Cinder has it."""

from typing import Any

from monostack.http import Microversions, Request, Response, Routes
from monostack.http.answers import TEXT, Media, Record, envelope, many, optional
from monostack.http.microversions import answer_headers

MICROVERSIONS = Microversions("volume", (3, 0), (3, 71), path="/v3", echo_refused=True)
routes = Routes("")


def _document(request: Request) -> dict[str, Any]:
    return {
        "id": "v3.0",
        "status": "CURRENT",
        "version": "3.71",
        "min_version": "3.0",
        "updated": "2023-08-31T00:00:00Z",
        "links": [
            {"rel": "describedby", "type": "text/html", "href": "https://docs.openstack.org/"},
            {"rel": "self", "href": f"{request.service_url}/v3/"},
        ],
        "media-types": [{"base": "application/json", "type": "application/vnd.openstack.volume+json;version=3"}],
    }


_LINK = Record("VersionLink", {"rel": TEXT, "type": optional(TEXT), "href": TEXT})
_VERSION = {
    "id": TEXT, "status": TEXT, "version": TEXT, "min_version": TEXT, "updated": TEXT, "links": many(_LINK),
    "media-types": many(Record("MediaType", {"base": TEXT, "type": TEXT})),
}  # fmt: skip
_VERSIONS = envelope("versions", many(Record("Version", _VERSION)))


@routes.get("/", public=True, mode="async", status=300, answer=_VERSIONS)
async def choices(request: Request) -> Response:
    """List the versions."""
    return Response({"versions": [_document(request)]}, 300, answer_headers(MICROVERSIONS, MICROVERSIONS.minimum))


@routes.get("/v3/", mode="async", answer=_VERSIONS)
@routes.get("/v3", mode="async", status=302, answer=Media("text/plain"))
async def version(request: Request) -> Response:
    """Show version 3."""
    if not request.path.endswith("/"):
        request.response_headers.clear()
        return Response(b"", 302, {"location": f"{request.service_url}/v3/"}, content_type="text/plain; charset=utf8")
    return Response({"versions": [_document(request)]})
