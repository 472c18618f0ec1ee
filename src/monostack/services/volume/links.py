"""Links of Cinder's answers. They name the project only where the request did."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from monostack.http import Request
from monostack.http.answers import TEXT, Record, Schema, many, optional

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


def linked(plural: str, schema: Schema, key: str = "") -> Record:
    """A page of a list, with the link to the next one under `key`, which is `things_links` where Cinder keeps to its custom."""
    return Record("", {plural: many(schema), key or f"{plural}_links": optional(LINKS)})


def linked_page(
    request: Request, path: str, rows: Sequence[Any], plural: str, items: list[dict[str, Any]], key: str = ""
) -> dict[str, Any]:
    """The page as `linked` declares it: `items` show the `rows`, `path` is where the list is asked for."""
    following = next_links(request, path, rows)
    return {plural: items} | ({key or f"{plural}_links": following} if following else {})
