"""The version documents. Whatever is asked for outside of v2 is answered with the choice of versions."""

from typing import Any

from monostack.core.errors import NotFound
from monostack.http import Request, Response, Routes
from monostack.http.answers import REFUSED, TEXT, Record, envelope, many

# In Glance's order. 2.10 to 2.13 and 2.15 speak of several stores; 2.14, 2.16 and 2.18 of the cache, which is not served.
NUMBERS = (
    "2.15", "2.13", "2.12", "2.11", "2.10", "2.9", "2.8", "2.17", "2.7", "2.6", "2.5", "2.4", "2.3", "2.2", "2.1", "2.0",
)  # fmt: skip
CURRENT = "2.17"
routes = Routes("")


def _document(request: Request) -> dict[str, Any]:
    links = [{"rel": "self", "href": f"{request.service_url}/v2/"}]
    return {
        "versions": [{"id": f"v{number}", "status": "CURRENT" if number == CURRENT else "SUPPORTED", "links": links} for number in NUMBERS]
    }


async def show_choices(request: Request) -> Response:
    """Choose a version."""
    return Response(_document(request), 300)


_LINKS = many(Record("Link", {"rel": TEXT, "href": TEXT}))
_VERSIONS = envelope("versions", many(Record("Version", {"id": TEXT, "status": TEXT, "links": _LINKS})))


@routes.get("/versions", mode="async", public=True, answer=_VERSIONS)
async def list_versions(request: Request) -> Response:
    """List the versions."""
    return Response(_document(request))


async def refuse(request: Request) -> Response:
    """There is nothing here."""
    raise NotFound()


for _method in ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"):
    for _path in ("/", "/{unversioned:path}"):
        routes.add(_method, _path, show_choices, "async", public=True, status=300, answer=_VERSIONS)
    for _path in ("/v2", "/v2/{unknown:path}"):
        routes.add(_method, _path, refuse, "async", raw_body=True, answer=REFUSED)
