"""What the workflows about volumes have in common: how long they wait, and when a deletion has taken over."""

from typing import Any

LONG = 3600.0  # seconds: copying a large volume takes its time


def overtaken(error: dict[str, Any]) -> bool:
    """The operation was cancelled: the deletion that did so writes the status now."""
    return error["kind"] == "cancelled"


def cause(error: dict[str, Any]) -> str:
    """Why it failed, as it is kept for operators."""
    return error["message"][:1024]
