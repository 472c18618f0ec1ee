"""What a list call of metadata definitions asks for."""

from collections.abc import Collection
from dataclasses import dataclass

from monostack.core.errors import BadRequest
from monostack.http import Request

DEFAULT_LIMIT, MOST = 25, 1000


@dataclass(frozen=True, slots=True)
class Wanted:
    sort_key: str
    descending: bool
    limit: int | None
    marker: str | None
    visibility: str | None


def read(request: Request, *, least: int, visibilities: Collection[str]) -> Wanted:
    """Raises BadRequest for what makes no sense. `least` is the smallest limit."""
    query = request.query_map
    direction = query.get("sort_dir", "desc")
    if direction not in ("asc", "desc"):
        raise BadRequest(f"Invalid sort direction: {direction}")
    visibility = query.get("visibility") or None
    if visibility is not None and visibility not in visibilities:
        raise BadRequest(f"Invalid visibility value: {visibility}")
    limit = _limit(query.get("limit"), least)
    return Wanted(query.get("sort_key", "created_at"), direction == "desc", limit, query.get("marker"), visibility)


def _limit(given: str | None, least: int) -> int | None:
    if given is None:
        return None
    try:
        limit = int(given)
    except ValueError:
        raise BadRequest("limit param must be an integer") from None
    if limit < least:
        raise BadRequest("limit param must be positive")
    return min(limit, MOST)
