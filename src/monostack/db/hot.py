"""Statements that run again and again, on SQLite: compiled once, run on the driver's connection.

Running a SELECT through SQLAlchemy costs several times what SQLite needs for it. A statement object that is run a second time (statements
are built at module level, so that is every one that matters) is compiled here and its text kept; values still pass through the types'
processors both ways, and rows are SQLAlchemy's Row.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.engine import Row as _Row
from sqlalchemy.engine.result import SimpleResultMetaData

Processor = Callable[[Any], Any]
_MISSING: Any = object()
_make: Any = _Row  # its constructor is not in its type


class HotStatement:
    """The text of a SELECT, the order and processors of its parameters, and the processors of its columns."""

    __slots__ = ("_key_to_index", "_metadata", "_parameters", "_processors", "text")

    def __init__(self, compiled: Any, dialect: Any) -> None:
        self.text = str(compiled)
        self._parameters: list[tuple[str, Processor | None, Any]] = []
        for name in compiled.positiontup or ():
            bind = compiled.binds[name]
            default = _MISSING if bind.required else compiled.params[name]
            self._parameters.append((bind.key, compiled._bind_processors.get(name), default))
        columns = compiled._result_columns
        self._metadata: Any = SimpleResultMetaData([c.keyname for c in columns], extra=[tuple(o for o in c.objects) for c in columns])
        self._processors: Any = [c.type._cached_result_processor(dialect, None) for c in columns]
        if not any(self._processors):
            self._processors = None
        self._key_to_index: Any = self._metadata._key_to_index

    def run(self, driver: Any, params: Mapping[str, Any] | None) -> Any:
        """A cursor over raw rows."""
        given = params or {}
        values: list[Any] = []
        for name, processor, default in self._parameters:
            value = given.get(name, default)
            if value is _MISSING:
                raise sa.exc.StatementError(f"a value is required for the parameter {name!r}", self.text, None, None)  # pyright: ignore
            values.append(processor(value) if processor is not None else value)
        return driver.execute(self.text, values)

    def rows(self, connection: Connection, params: Any) -> Sequence[_Row[Any]]:
        driver: Any = connection.connection.driver_connection
        metadata, processors, index = self._metadata, self._processors, self._key_to_index
        return [_make(metadata, processors, index, raw) for raw in self.run(driver, params).fetchall()]

    def first(self, connection: Connection, params: Any) -> _Row[Any] | None:
        driver: Any = connection.connection.driver_connection
        cursor = self.run(driver, params)
        raw = cursor.fetchone()
        cursor.close()
        return None if raw is None else _make(self._metadata, self._processors, self._key_to_index, raw)


class HotStatements:
    """Those of one database."""

    def __init__(self) -> None:
        self._known: WeakKeyDictionary[Any, HotStatement | int] = WeakKeyDictionary()

    def find(self, statement: Any, connection: Connection) -> HotStatement | None:
        """The compiled statement from its second run on; None for what cannot be run so (IN lists, whose text depends on the values)."""
        known = self._known.get(statement)
        if known.__class__ is HotStatement:
            return known  # type: ignore[return-value]
        if known is None:
            self._known[statement] = 1
        elif known == 1:
            compiled: Any = statement.compile(dialect=connection.dialect)
            if not isinstance(statement, sa.Select) or compiled.post_compile_params or compiled.positiontup is None:
                self._known[statement] = 2
                return None
            hot = self._known[statement] = HotStatement(compiled, connection.dialect)
            return hot
        return None
