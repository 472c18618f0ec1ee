"""`limit` and `marker` as Nova reads them."""

from monostack.core.errors import BadRequest
from monostack.http import Request
from monostack.services.compute.links import MAX_LIMIT
from monostack.services.compute.parameters import MAX_INT


def integer(request: Request, name: str) -> int | None:
    """A query parameter that is a whole number from 0, or None. Raises BadRequest."""
    text = request.query_map.get(name)
    if text is None:
        return None
    try:
        value = int(text)
    except ValueError:
        raise BadRequest(f"Invalid input received: {name} must be an integer") from None
    if value < 0:
        raise BadRequest(f"Invalid input received: {name} must be >= 0")
    if value > MAX_INT:
        raise BadRequest(f"Invalid input received: {name} must be <= {MAX_INT}")
    return value


def limit_and_marker(request: Request) -> tuple[int, str | None]:
    """The page's size, at most MAX_LIMIT, and the id after which it begins. A limit of 0 is an empty page."""
    limit = integer(request, "limit")
    return (MAX_LIMIT if limit is None else min(limit, MAX_LIMIT)), request.query_map.get("marker")


def slice_of(request: Request) -> tuple[int, int]:
    """The older `limit` and `offset`: here 0 means no limit."""
    return integer(request, "offset") or 0, min(integer(request, "limit") or MAX_LIMIT, MAX_LIMIT)
