"""Statements that run again and again, on SQLite: compiled once, run on the driver's connection.

Running a statement through SQLAlchemy costs several times what SQLite needs for it. A statement object that is run a second time
(statements are built at module level, so that is every one that matters) is compiled here and its text kept; values still pass through the
types' processors both ways, rows are SQLAlchemy's Row, errors are SQLAlchemy's. The text of an IN list depends on its length: lists are
filled up to a power of two by repeating their last value, so that a statement has a handful of texts.
"""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy.engine import Connection
from sqlalchemy.engine import Row as _Row
from sqlalchemy.engine.result import SimpleResultMetaData
from sqlalchemy.exc import DBAPIError, MultipleResultsFound, NoResultFound, StatementError

from monostack.db.statements import Row

Processor = Callable[[Any], Any]
LONGEST = 4096  # values of an IN list up to which its text is kept
_MISSING: Any = object()
_make: Any = _Row  # its constructor is not in its type


class Outcome:
    """What a hot statement did: a CursorResult as far as one is needed."""

    __slots__ = ("_rows", "rowcount")

    def __init__(self, rowcount: int, rows: Sequence[Row]) -> None:
        self.rowcount = rowcount
        self._rows = rows

    def all(self) -> Sequence[Row]:
        return self._rows

    def first(self) -> Row | None:
        return self._rows[0] if self._rows else None

    def one(self) -> Row:
        """Raises what CursorResult raises when there is none, or several."""
        if len(self._rows) == 1:
            return self._rows[0]
        raise MultipleResultsFound() if self._rows else NoResultFound()


class _Text:
    """One text of a statement, with its parameters in order: name, place in a list or None, processor, default."""

    __slots__ = ("parameters", "text")

    def __init__(self, text: str, parameters: list[tuple[str, int | None, Processor | None, Any]]) -> None:
        self.text = text
        self.parameters = parameters


class HotStatement:
    """A compiled statement: its texts, and how the columns it gives are read."""

    __slots__ = ("_compiled", "_dialect", "_index", "_lists", "_metadata", "_processors", "_texts")

    def __init__(self, compiled: Any, dialect: Any) -> None:
        self._compiled = compiled
        self._dialect = dialect
        self._lists: list[str] = sorted(bind.key for bind in compiled.post_compile_params)
        self._texts: dict[Any, _Text] = {}
        columns = compiled._result_columns
        self._metadata: Any = SimpleResultMetaData([c.keyname for c in columns], extra=[tuple(o for o in c.objects) for c in columns])
        self._processors: Any = [c.type._cached_result_processor(dialect, None) for c in columns]
        if not any(self._processors):
            self._processors = None
        self._index: Any = self._metadata._key_to_index
        if not self._lists:
            self._texts[()] = self._parse(str(compiled), compiled.positiontup, {})

    def _parse(self, text: str, order: Sequence[str], places: Mapping[str, tuple[str, int]]) -> _Text:
        compiled = self._compiled
        parameters: list[tuple[str, int | None, Processor | None, Any]] = []
        for name in order:
            source, place = places.get(name, (name, None))
            bind = compiled.binds[source]
            default = _MISSING if bind.required or bind.expanding else compiled.params[source]
            parameters.append((bind.key, place, compiled._bind_processors.get(source), default))
        return _Text(text, parameters)

    def _expand(self, lengths: tuple[int, ...]) -> _Text:
        """The text for lists of these lengths."""
        compiled = self._compiled
        values: dict[str, Any] = {name: None for name in compiled.binds}
        values.update({name: [None] * length for name, length in zip(self._lists, lengths, strict=True)})
        state = compiled._process_parameters_for_postcompile(values)
        places = {one: (name, i) for name, expanded in state.parameter_expansion.items() for i, one in enumerate(expanded)}
        return self._parse(state.statement, state.positiontup, places)

    def _values(self, text: _Text, params: Mapping[str, Any], lists: Mapping[str, Sequence[Any]]) -> list[Any]:
        values: list[Any] = []
        for name, place, processor, default in text.parameters:
            value = params.get(name, default) if place is None else lists[name][place]
            if value is _MISSING:
                raise StatementError(f"a value is required for the parameter {name!r}", text.text, None, None)  # pyright: ignore
            values.append(processor(value) if processor is not None else value)
        return values

    def _run(self, driver: Any, params: Mapping[str, Any]) -> Any:
        lists: dict[str, Sequence[Any]] = {}
        key: tuple[int, ...] = ()
        if self._lists:
            lengths: list[int] = []
            for name in self._lists:
                given = list(params[name])
                length = 1 << (len(given) - 1).bit_length()
                lists[name] = given + given[-1:] * (length - len(given))
                lengths.append(length)
            key = tuple(lengths)
        text = self._texts.get(key)
        if text is None:
            text = self._texts[key] = self._expand(key)
        try:
            return driver.execute(text.text, self._values(text, params, lists))
        except sqlite3.Error as error:
            raise DBAPIError.instance(text.text, None, error, sqlite3.Error, hide_parameters=True, dialect=self._dialect) from error

    def takes(self, params: Mapping[str, Any]) -> bool:
        """Lists that are empty or very long are left to SQLAlchemy."""
        return all(0 < len(params.get(name) or ()) <= LONGEST for name in self._lists)

    def rows(self, driver: Any, params: Mapping[str, Any]) -> Sequence[Row]:
        metadata, processors, index = self._metadata, self._processors, self._index
        return [_make(metadata, processors, index, raw) for raw in self._run(driver, params).fetchall()]

    def first(self, driver: Any, params: Mapping[str, Any]) -> Row | None:
        cursor = self._run(driver, params)
        raw = cursor.fetchone()
        cursor.close()
        return None if raw is None else _make(self._metadata, self._processors, self._index, raw)

    def outcome(self, driver: Any, params: Mapping[str, Any]) -> Outcome:
        metadata, processors, index = self._metadata, self._processors, self._index
        cursor = self._run(driver, params)
        rows = [_make(metadata, processors, index, raw) for raw in cursor.fetchall()] if index else ()
        return Outcome(cursor.rowcount, rows)


def _compile(statement: Any, names: tuple[str, ...], dialect: Any) -> HotStatement | None:
    """None for what is left to SQLAlchemy: text, and what fills columns by calling Python."""
    if not (statement.is_select or statement.is_dml):
        return None
    compiled = statement.compile(dialect=dialect, column_keys=names if statement.is_dml else None)
    return None if compiled.insert_prefetch or compiled.update_prefetch else HotStatement(compiled, dialect)


class HotStatements:
    """Those of one connection. What an INSERT or UPDATE says depends on the names of its parameters."""

    def __init__(self) -> None:
        self._known: WeakKeyDictionary[Any, dict[tuple[str, ...], HotStatement | None]] = WeakKeyDictionary()

    def find(self, statement: Any, params: Mapping[str, Any], connection: Connection) -> HotStatement | None:
        """The compiled statement from its second run on; None for what is left to SQLAlchemy."""
        known = self._known.get(statement)
        if known is None:
            self._known[statement] = {}
            return None
        names = tuple(params) if statement.is_dml else ()
        try:
            hot = known[names]
        except KeyError:
            hot = known[names] = _compile(statement, names, connection.dialect)
        return hot if hot is not None and hot.takes(params) else None
