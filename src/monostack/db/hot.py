"""Statements that run again and again, on SQLite: compiled once, run on the driver's connection.

Running a SELECT through SQLAlchemy costs several times what SQLite needs for it. A statement object that is run a second time (statements
are built at module level, so that is every one that matters) is compiled here and its text kept; values still pass through the types'
processors both ways, and rows are SQLAlchemy's Row. The text of an IN list depends on its length: lists are filled up to a power of two by
repeating their last value, so that a statement has a handful of texts.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.engine import Row as _Row
from sqlalchemy.engine.result import SimpleResultMetaData

Processor = Callable[[Any], Any]
LONGEST = 4096  # values of an IN list up to which its text is kept
_MISSING: Any = object()
_make: Any = _Row  # its constructor is not in its type


class _Text:
    """One text of a statement, with its parameters in order: name, place in a list or None, processor, default."""

    __slots__ = ("parameters", "text")

    def __init__(self, text: str, parameters: list[tuple[str, int | None, Processor | None, Any]]) -> None:
        self.text = text
        self.parameters = parameters


class HotStatement:
    """A compiled SELECT: its texts, and how its columns are read."""

    __slots__ = ("_compiled", "_index", "_lists", "_metadata", "_processors", "_texts")

    def __init__(self, compiled: Any, dialect: Any) -> None:
        self._compiled = compiled
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

    def _run(self, connection: Connection, params: Mapping[str, Any]) -> Any:
        lists: dict[str, Sequence[Any]] = {}
        if self._lists:
            lengths: list[int] = []
            for name in self._lists:
                given = list(params[name])
                length = 1 << (len(given) - 1).bit_length()
                lists[name] = given + given[-1:] * (length - len(given))
                lengths.append(length)
            key = tuple(lengths)
        else:
            key = ()
        text = self._texts.get(key)
        if text is None:
            text = self._texts[key] = self._expand(key)
        values: list[Any] = []
        for name, place, processor, default in text.parameters:
            value = params.get(name, default) if place is None else lists[name][place]
            if value is _MISSING:
                raise sa.exc.StatementError(f"a value is required for the parameter {name!r}", text.text, None, None)  # pyright: ignore
            values.append(processor(value) if processor is not None else value)
        driver: Any = connection.connection.driver_connection
        return driver.execute(text.text, values)

    def takes(self, params: Mapping[str, Any]) -> bool:
        """Lists that are empty or very long are left to SQLAlchemy."""
        return all(0 < len(params.get(name) or ()) <= LONGEST for name in self._lists)

    def rows(self, connection: Connection, params: Mapping[str, Any]) -> Sequence[_Row[Any]]:
        metadata, processors, index = self._metadata, self._processors, self._index
        return [_make(metadata, processors, index, raw) for raw in self._run(connection, params).fetchall()]

    def first(self, connection: Connection, params: Mapping[str, Any]) -> _Row[Any] | None:
        cursor = self._run(connection, params)
        raw = cursor.fetchone()
        cursor.close()
        return None if raw is None else _make(self._metadata, self._processors, self._index, raw)


class HotStatements:
    """Those of one connection."""

    def __init__(self) -> None:
        self._known: WeakKeyDictionary[Any, HotStatement | int] = WeakKeyDictionary()

    def find(self, statement: Any, params: Mapping[str, Any], connection: Connection) -> HotStatement | None:
        """The compiled statement from its second run on; None for what is left to SQLAlchemy."""
        known = self._known.get(statement)
        if known is None:
            self._known[statement] = 1
            return None
        if known == 1:
            if not isinstance(statement, sa.Select):
                self._known[statement] = 2
                return None
            known = self._known[statement] = HotStatement(statement.compile(dialect=connection.dialect), connection.dialect)
        if known == 2 or not known.takes(params):  # type: ignore[union-attr]
            return None
        return known  # type: ignore[return-value]
