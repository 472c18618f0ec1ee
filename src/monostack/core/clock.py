"""The only source of time: wall clock in UTC and a monotonic clock, both replaceable by simulation."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

_now: Callable[[], float] = time.time
_monotonic: Callable[[], float] = time.monotonic


def use(now: Callable[[], float] = time.time, monotonic: Callable[[], float] = time.monotonic) -> None:
    """Replace the clocks (simulation), or restore the system's when called without arguments."""
    global _now, _monotonic
    _now, _monotonic = now, monotonic


def now() -> datetime:
    """The time in UTC without tzinfo, as the database keeps it."""
    return datetime.fromtimestamp(_now(), UTC).replace(tzinfo=None)


def timestamp() -> float:
    """Seconds since the epoch."""
    return _now()


def monotonic() -> float:
    """Seconds of a clock that never goes back."""
    return _monotonic()
