"""Times as callers give them and as tokens and delegations show them."""

from datetime import UTC, datetime
from typing import Any

from monostack.core import clock
from monostack.core.errors import BadRequest
from monostack.http import Request
from monostack.services.identity.dialect import MALFORMED


def parse_expiration(text: str) -> datetime:
    """A moment to come, in UTC without tzinfo; a text without a zone is UTC. Raises BadRequest."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadRequest(f"Timestamp not in expected format.{MALFORMED}") from None
    moment = moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo is not None else moment
    if moment < clock.now():
        raise BadRequest(f"The 'expires_at' must not be before now.{MALFORMED}")
    return moment


def check_comparison(text: str) -> None:
    """A filter by time, as in lt:2026-11-22T04:53:38Z. Raises BadRequest for one that is none."""
    operator, _, moment = text.partition(":") if ":" in text[2:4] else ("eq", "", text)
    try:
        datetime.fromisoformat(moment)
    except ValueError:
        raise BadRequest(f"Timestamp not in expected format.{MALFORMED}") from None
    if operator not in ("eq", "neq", "lt", "lte", "gt", "gte"):
        raise BadRequest(
            f"The given operator {operator} is not valid. It must be one of the following: 'eq', 'neq', 'lt', 'lte', 'gt', or 'gte'."
        )


def without_expiring(request: Request, answer: dict[str, Any]) -> dict[str, Any]:
    """A list of users, which is empty when it is asked for passwords that expire at some time: none of this cloud does."""
    if "password_expires_at" in request.query_map:
        check_comparison(request.query_map["password_expires_at"])
        answer["users"] = []
    return answer


def seconds(stored: str) -> int:
    """A stored moment in whole seconds since the epoch."""
    return int(datetime.fromisoformat(stored).replace(tzinfo=UTC).timestamp())


def has_passed(stored: str | None) -> bool:
    """Whether a stored moment is over; None never is."""
    return stored is not None and clock.now() >= datetime.fromisoformat(stored)


def from_seconds(at: int) -> str:
    """2026-11-22T04:53:38.000000Z"""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.000000Z")
