"""Version discovery: what the service speaks, readable without a token."""

from typing import Any

from monostack.http import Microversions, Request, Response, Routes

MICROVERSIONS = Microversions("volume", (3, 0), (3, 71), path="/v3")
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


async def choices(request: Request) -> Response:
    """List the versions."""
    return Response({"versions": [_document(request)]}, 300)


async def version(request: Request) -> Response:
    """Show version 3."""
    return Response({"versions": [_document(request)]})


routes.get("/", public=True, mode="async")(choices)
routes.get("/v3", public=True, mode="async")(version)
