"""Column types, and the one MetaData every table of every service belongs to.

Times are kept as text, `2026-11-22T04:53:38.123456` in UTC: they sort as text, read the same on both databases and cost nothing to show.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.sql.schema import SchemaItem

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


def _written(value: Any) -> str | None:
    return None if value is None else _encode(value).decode()


def _read(value: str | None) -> Any:
    return None if value is None else _decode(value)


class Json(sa.TypeDecorator[Any]):
    """Any JSON value, kept as text."""

    impl = sa.Text
    cache_ok = True

    # Functions rather than methods for each value, which would be called through two others.

    def bind_processor(self, dialect: sa.Dialect) -> Callable[[Any], str | None]:  # pyright: ignore[reportIncompatibleMethodOverride]
        return _written

    def result_processor(self, dialect: sa.Dialect, coltype: object) -> Callable[[Any], Any]:  # pyright: ignore
        return _read


class Timestamp(sa.TypeDecorator[str]):
    """A moment in UTC, given as datetime or text, read as text with microseconds."""

    impl = sa.String(26)
    cache_ok = True

    def process_bind_param(self, value: datetime | str | None, dialect: sa.Dialect) -> str | None:
        return value.isoformat(timespec="microseconds") if isinstance(value, datetime) else value


def Id(length: int = 64) -> sa.String:
    """An identifier: a UUID with or without dashes, or a name that serves as one."""
    return sa.String(length)


def Name(length: int = 255) -> sa.String:
    return sa.String(length)


Flag = sa.Boolean


def table(name: str, *columns: SchemaItem) -> sa.Table[Any]:
    """Declare a table of the one schema."""
    return sa.Table(name, metadata, *columns)
