"""Times as callers give them and as tokens and delegations show them."""

from datetime import UTC, datetime

from monostack.core import clock
from monostack.core.errors import BadRequest
from monostack.services.identity.dialect import MALFORMED

_OPERATORS = {"eq": "eq", "neq": "ne", "lt": "lt", "lte": "le", "gt": "gt", "gte": "ge"}


def _parsed(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadRequest(f"Timestamp not in expected format.{MALFORMED}") from None
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo is not None else moment


def parse_expiration(text: str) -> datetime:
    """A moment to come, in UTC without tzinfo; a text without a zone is UTC. Raises BadRequest."""
    moment = _parsed(text)
    if moment < clock.now():
        raise BadRequest(f"The 'expires_at' must not be before now.{MALFORMED}")
    return moment


def comparison(text: str) -> tuple[str, datetime]:
    """A filter by time, as in lt:2026-11-22T04:53:38Z: the operator of a list query, and the moment. Raises BadRequest."""
    operator, _, moment = text.partition(":") if ":" in text[2:4] else ("eq", "", text)
    found = _parsed(moment)
    if operator not in _OPERATORS:
        raise BadRequest(
            f"The given operator {operator} is not valid. It must be one of the following: 'eq', 'neq', 'lt', 'lte', 'gt', or 'gte'."
        )
    return _OPERATORS[operator], found


def seconds(stored: str) -> int:
    """A stored moment in whole seconds since the epoch."""
    return int(datetime.fromisoformat(stored).replace(tzinfo=UTC).timestamp())


def has_passed(stored: str | None) -> bool:
    """Whether a stored moment is over; None never is."""
    return stored is not None and clock.now() >= datetime.fromisoformat(stored)


def from_seconds(at: int) -> str:
    """2026-11-22T04:53:38.000000Z"""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.000000Z")
