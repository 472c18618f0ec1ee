"""Links in Nova's answers: `self` with the API's version, `bookmark` without, `next` for the following page."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from monostack.http import Request

MAX_LIMIT = 1000  # items of one page at most


@dataclass(frozen=True, slots=True)
class Linker:
    """Makes links as this request's caller reached the API (with the project in the path, or without)."""

    own: str  # http://host/compute/v2.1
    bookmark: str  # http://host/compute
    _named: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict[tuple[str, str], dict[str, Any]])

    def both(self, collection: str, id: str) -> list[dict[str, str]]:
        return [
            {"rel": "self", "href": f"{self.own}/{collection}/{id}"},
            {"rel": "bookmark", "href": f"{self.bookmark}/{collection}/{id}"},
        ]

    def named(self, collection: str, id: str) -> dict[str, Any]:
        """An id with its bookmark: the same object for the same id, since the servers of a page share few images and flavors."""
        key = collection, id
        named = self._named.get(key)
        if named is None:
            named = self._named[key] = {"id": id, "links": [{"rel": "bookmark", "href": f"{self.bookmark}/{collection}/{id}"}]}
        return named


def linker(request: Request) -> Linker:
    project = request.caller.project_id
    inside = f"/{project}" if project and project in request.path else ""
    version = "v2" if request.microversion == (2, 0) else "v2.1"
    return Linker(f"{request.service_url}/{version}{inside}", f"{request.service_url}{inside}")


def next_page(request: Request, collection: str, items: Sequence[Any], limit: int, last: str | None) -> list[dict[str, str]]:
    """The link to the following page: present when this one is full."""
    if not limit or len(items) != limit or last is None:
        return []
    params = dict(sorted(request.query_map.items()))
    params["marker"] = last
    return [{"rel": "next", "href": f"{linker(request).own}/{collection}?{urlencode(params)}"}]
