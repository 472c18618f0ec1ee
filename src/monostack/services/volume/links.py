"""Links of Cinder's answers. They name the project only where the request did."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from monostack.http import Request
from monostack.http.answers import TEXT, Record, many

MAX_LIMIT = 1000
LINKS = many(Record("Link", {"rel": TEXT, "href": TEXT}))


def _project(request: Request) -> str:
    project = request.caller.project_id
    return f"/{project}" if project and f"/v3/{project}" in request.path else ""


def links(request: Request, plural: str, id: str) -> list[dict[str, str]]:
    project = _project(request)
    return [
        {"rel": "self", "href": f"{request.service_url}/v3{project}/{plural}/{id}"},
        {"rel": "bookmark", "href": f"{request.service_url}{project}/{plural}/{id}"},
    ]


def next_links(request: Request, path: str, shown: Sequence[Any], total: int | None = None) -> list[dict[str, str]]:
    """The link to the next page, when the page is as full as it could be; `total` is what was counted, which Cinder takes for the page."""
    limit = min(int(request.query_map.get("limit", MAX_LIMIT)), MAX_LIMIT)
    if not shown or limit > (total or len(shown)):
        return []
    params = [(name, value) for name, value in request.query if name != "marker"]
    query = urlencode([*params, ("marker", shown[-1].id)])
    return [{"rel": "next", "href": f"{request.service_url}/v3{_project(request)}/{path}?{query}"}]
