"""List queries: filters, sorting and marker pagination, as statements that are built once for each shape of query."""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.elements import ColumnElement

from monostack.db import Select


@dataclass(slots=True)
class ListQuery:
    """What a list call asks for.

    Filters are (column, operator) -> value, with the operators eq, ne, in, contains, startswith, endswith (with i before
    them: whatever the case of letters), ge, le, gt, lt, isnull, isset, regex.
    """

    filters: dict[tuple[str, str], Any] = field(default_factory=dict[tuple[str, str], Any])
    sorts: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])  # (column, "asc" | "desc")
    limit: int | None = None
    marker: str | None = None
    reverse: bool = False  # page_reverse: the page before the marker
    offset: int = 0
    fields: list[str] = field(default_factory=list[str])  # attributes to show; empty: all

    def shape(self) -> tuple[Any, ...]:
        return (tuple(self.filters), tuple(self.sorts), self.limit is not None, self.marker is not None, self.reverse, bool(self.offset))


def _condition(column: ColumnElement[Any], operator: str, parameter: str) -> ColumnElement[bool]:
    bound: Any = sa.bindparam(parameter, type_=column.type)
    match operator:
        case "in":
            return column.in_(sa.bindparam(parameter, expanding=True, type_=column.type))
        case "contains":
            return column.contains(bound, autoescape=False)
        case "startswith":
            return column.startswith(bound, autoescape=False)
        case "endswith":
            return column.endswith(bound, autoescape=False)
        case "icontains":
            return column.icontains(bound, autoescape=False)
        case "istartswith":
            return column.istartswith(bound, autoescape=False)
        case "iendswith":
            return column.iendswith(bound, autoescape=False)
        case "ne":
            return column != bound
        case "ge":
            return column >= bound
        case "le":
            return column <= bound
        case "gt":
            return column > bound
        case "lt":
            return column < bound
        case "isnull":
            return column.is_(None)
        case "isset":
            return column.is_not(None)
        case "regex":
            return sa.cast(column, sa.String).regexp_match(bound) if not isinstance(column.type, sa.String) else column.regexp_match(bound)
        case _:
            return column == bound


def _sortable(column: sa.Column[Any]) -> ColumnElement[Any]:
    """NULLs have no place in a keyset; they sort as the smallest value of their type."""
    if not column.nullable:
        return column
    empty: Any = "" if isinstance(column.type, sa.String) or column.type.python_type is str else 0
    return sa.func.coalesce(column, sa.literal(empty, column.type))


@lru_cache(maxsize=512)
def both(one: Any, other: Any) -> Any:
    """Two clauses in one; the same object for the same two, since statements are remembered by it."""
    return sa.and_(one, other)


@lru_cache(maxsize=2048)
def statement(table: sa.Table, scope: Any, shape: tuple[Any, ...]) -> Select:
    """The SELECT for a shape of query. `scope` is the clause that keeps to what the caller may see, or None.

    Parameters: f0, f1 ... the filters' values in order; m0, m1 ... the marker row's sort values; `limit`; `offset`; what the scope binds.
    """
    filters, sorts, has_limit, has_marker, reverse, has_offset = shape
    query = sa.select(table)
    if scope is not None:
        query = query.where(scope)
    special: dict[str, Any] = table.info.get("conditions", {})
    columns: dict[str, sa.Column[Any]] = {column.key: column for column in table.columns}
    for index, (name, operator) in enumerate(filters):
        parameter = f"f{index}"
        clause = special[name](table, operator, parameter) if name in special else _condition(columns[name], operator, parameter)
        query = query.where(clause)
    keys = [(_sortable(columns[name]), (direction == "desc") != reverse) for name, direction in sorts]
    if has_marker:
        alternatives: list[ColumnElement[bool]] = []
        for index, (column, descending) in enumerate(keys):
            here: Any = sa.bindparam(f"m{index}", type_=column.type)
            equal = [other == sa.bindparam(f"m{i}", type_=other.type) for i, (other, _) in enumerate(keys[:index])]
            alternatives.append(sa.and_(*equal, column < here if descending else column > here))
        query = query.where(sa.or_(*alternatives))
    query = query.order_by(*[column.desc() if descending else column.asc() for column, descending in keys])
    if has_limit:
        query = query.limit(sa.bindparam("limit", type_=sa.Integer))
    if has_offset:
        query = query.offset(sa.bindparam("offset", type_=sa.Integer))
    return query


@lru_cache(maxsize=512)
def marker_statement(table: sa.Table, scope: Any, key: str, sorts: tuple[tuple[str, str], ...]) -> Select:
    """The sort values of the marker row."""
    query = sa.select(*[_sortable(table.c[name]).label(f"m{i}") for i, (name, _) in enumerate(sorts)]).where(
        table.c[key] == sa.bindparam("marker")
    )
    return query if scope is None else query.where(scope)


@lru_cache(maxsize=512)
def count_statement(table: sa.Table, scope: Any, filters: tuple[tuple[str, str], ...]) -> Select:
    """How many rows a query finds on all its pages."""
    found = statement(table, scope, (filters, (), False, False, False, False))
    return sa.select(sa.func.count()).select_from(found.order_by(None).subquery())
