"""What a check found."""

from dataclasses import dataclass
from enum import IntEnum


class Level(IntEnum):
    """How bad it is. WARN: the cloud runs, with less. FAIL: it does not."""

    OK = 0
    WARN = 1
    FAIL = 2


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report. `found` is the fact or the cause, `remedy` what to do about it."""

    level: Level
    subject: str
    found: str
    remedy: str = ""


def ok(subject: str, found: str) -> Finding:
    return Finding(Level.OK, subject, found)


def warn(subject: str, found: str, remedy: str) -> Finding:
    return Finding(Level.WARN, subject, found, remedy)


def fail(subject: str, found: str, remedy: str) -> Finding:
    return Finding(Level.FAIL, subject, found, remedy)
