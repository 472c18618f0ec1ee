"""Log output: one readable line an event, or one JSON object an event. Secrets never reach a logger."""

import json
import logging
from datetime import UTC, datetime
from typing import Literal

EXTRA = ("request_id", "global_request_id", "project_id", "user_id")


class JsonFormatter(logging.Formatter):
    """time, level, logger, message, the request's ids where there are any, and the traceback of an exception."""

    def format(self, record: logging.LogRecord) -> str:
        event = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        event.update({name: value for name in EXTRA if (value := getattr(record, name, None))})
        if record.exc_info:
            event["exception"] = self.formatException(record.exc_info)
        return json.dumps(event)


class HumanFormatter(logging.Formatter):
    """`2026-11-22 04:53:38.123 INFO monostack.app: message [req-…]`"""

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        request_id = getattr(record, "request_id", None)
        return f"{line} [{request_id}]" if request_id else line


def configure(kind: Literal["human", "json"] = "human", level: str = "info") -> None:
    """Send every logger's events of at least `level` to standard error."""
    handler = logging.StreamHandler()
    if kind == "json":
        handler.setFormatter(JsonFormatter())
    else:
        handler.setFormatter(HumanFormatter("%(asctime)s.%(msecs)03d %(levelname)s %(name)s: %(message)s", "%Y-%m-%d %H:%M:%S"))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for noisy in ("websockets", "uvicorn", "alembic", "pyroute2"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, getattr(logging, level.upper())))


def levels(prefix: str) -> dict[str, str]:
    """The level of each logger of this process whose name begins so: DEBUG, INFO, WARNING, ERROR."""
    return {name: logging.getLevelName(logging.getLogger(name).getEffectiveLevel()) for name in _loggers(prefix)}


def set_level(prefix: str, level: str) -> None:
    """Have these loggers say what is of at least this level, until the process ends."""
    for name in _loggers(prefix):
        logging.getLogger(name).setLevel(level)


def _loggers(prefix: str) -> list[str]:
    known = logging.Logger.manager.loggerDict
    return sorted(name for name, kept in known.items() if isinstance(kept, logging.Logger) and name.startswith(prefix))
