"""What versions of the API there are. Source: keystone/version (v3.14)."""

from typing import Any

from monostack.http import Request, Response, Routes
from monostack.http.answers import envelope, many
from monostack.services.identity.v2.api import VERSION as _VERSION
from monostack.services.identity.v2.api import v2_version

routes = Routes()


def _v3(request: Request) -> dict[str, Any]:
    return {
        "id": "v3.14",
        "status": "stable",
        "updated": "2020-04-07T00:00:00Z",
        "links": [{"rel": "self", "href": f"{request.service_url}/v3/"}],
        "media-types": [{"base": "application/json", "type": "application/vnd.openstack.identity-v3+json"}],
    }


@routes.get("", mode="async", public=True, status=300, answer=envelope("versions", envelope("values", many(_VERSION))))
async def list_versions(request: Request) -> Response:
    """List the versions of the API."""
    versions = [_v3(request)]
    if request.cloud.config.identity.v2_api:
        versions.append(v2_version(request))
    return Response({"versions": {"values": versions}}, 300, {"location": f"{request.service_url}/v3/"})


@routes.get("/v3", mode="async", public=True, answer=envelope("version", _VERSION))
async def show_v3(request: Request) -> dict[str, Any]:
    """Show the version 3."""
    return {"version": _v3(request)}
