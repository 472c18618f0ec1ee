"""Reading what belongs to many rows at once."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import sqlalchemy as sa

from monostack.db import Row, Select, Transaction

MANY = 1000  # values in one IN list; SQLite and PostgreSQL bound the parameters of a statement


def chunks(values: Iterable[Any]) -> Iterator[list[Any]]:
    """The distinct values, so many at a time as one statement takes."""
    distinct = list(dict.fromkeys(values))
    for start in range(0, len(distinct), MANY):
        yield distinct[start : start + MANY]


def among(column: Any, name: str = "ids") -> Any:
    """`column IN (:ids)`, with a list as the parameter."""
    return column.in_(sa.bindparam(name, expanding=True, type_=column.type))


def read(tx: Transaction, statement: Select, ids: Iterable[Any], **params: Any) -> list[Row]:
    """The rows of a statement with an `ids` list, however long the list."""
    rows: list[Row] = []
    for some in chunks(ids):
        rows += tx.rows(statement, {"ids": some, **params})
    return rows


def values_of(tx: Transaction, statement: Select, ids: Iterable[Any]) -> Callable[[Any], list[Any]]:
    """For statements with two columns, an id and a value: a function that gives the values of an id."""
    found: dict[Any, list[Any]] = {}
    for id, value in read(tx, statement, ids):
        found.setdefault(id, []).append(value)
    return lambda id: found.get(id, [])


def grouped(tx: Transaction, statement: Select, ids: Iterable[Any], by: str = "", **params: Any) -> dict[Any, list[Row]]:
    """The same, by the column `by`, or the first; ids without rows are missing."""
    found: dict[Any, list[Row]] = {}
    for row in read(tx, statement, ids, **params):
        found.setdefault(getattr(row, by) if by else row[0], []).append(row)
    return found
