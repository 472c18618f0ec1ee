"""The version documents at /compute, /compute/v2 and /compute/v2.1. Nobody needs a token for them."""

from typing import Any

from monostack.db import Transaction
from monostack.http import Microversions, Request, Response, Routes
from monostack.services.compute import answers

MICROVERSIONS = Microversions(
    name="compute",
    minimum=(2, 1),
    maximum=(2, 104),
    legacy_header="x-openstack-nova-api-version",
    vary="OpenStack-API-Version, X-OpenStack-Nova-API-Version",  # Nova sends two such headers; one with both means the same
    path="/v2.1",
    fixed={"v2": (2, 0)},
    echo_refused=True,
)
_MAXIMUM = "{}.{}".format(*MICROVERSIONS.maximum)
_VERSIONS: tuple[tuple[dict[str, Any], str], ...] = (
    ({"id": "v2.0", "status": "DEPRECATED", "version": "", "min_version": "", "updated": "2025-07-04T12:00:00Z"}, "v2"),
    ({"id": "v2.1", "status": "CURRENT", "version": _MAXIMUM, "min_version": "2.1", "updated": "2013-07-23T11:33:21Z"}, "v2.1"),
)

routes = Routes("")


def _self_link(request: Request, path: str) -> dict[str, str]:
    return {"rel": "self", "href": f"{request.service_url}/{path}/"}


def _document(request: Request, index: int) -> dict[str, Any]:
    about, path = _VERSIONS[index]
    links = [_self_link(request, path), {"rel": "describedby", "type": "text/html", "href": "http://docs.openstack.org/"}]
    media = {"base": "application/json", "type": f"application/vnd.openstack.compute+json;version={'2.1' if index else '2'}"}
    return {"version": {**about, "links": links, "media-types": [media]}}


@routes.get("/", public=True, answer=answers.VERSIONS)
def list_versions(request: Request, tx: Transaction) -> Response:
    """List the versions of the API."""
    return Response({"versions": [{**about, "links": [_self_link(request, path)]} for about, path in _VERSIONS]})


@routes.get("/v2", public=True, answer=answers.VERSION)
@routes.get("/v2/", public=True, answer=answers.VERSION)
def show_legacy_version(request: Request, tx: Transaction) -> Any:
    """Show the version 2.0."""
    return _document(request, 0)


@routes.get("/v2.1", public=True, answer=answers.VERSION)
@routes.get("/v2.1/", public=True, answer=answers.VERSION)
def show_version(request: Request, tx: Transaction) -> Any:
    """Show the version 2.1 and its microversions."""
    return _document(request, 1)
