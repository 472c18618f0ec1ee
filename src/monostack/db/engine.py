"""Transactions as plain synchronous functions, on SQLite and PostgreSQL alike.

A unit of work is a function of a `Transaction`. Units that write run one after another in one writer thread, many to a commit (group
commit: each unit is a savepoint, so one that fails leaves no trace and does not disturb the others). Units that read run inline on SQLite,
in a thread pool on PostgreSQL. On PostgreSQL writes are SERIALIZABLE, so several controllers behave as one writer would; a unit
that loses such a race is run again. A unit must therefore have no effect but on its transaction; what is to happen afterwards is
registered with `Transaction.after_commit`.
"""

import asyncio
import logging
import queue
import random
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any, TypeVar, cast

import re2  # pyright: ignore[reportMissingTypeStubs]
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Connection, CursorResult, Engine
from sqlalchemy.exc import DBAPIError

from monostack.db.hot import HotStatements, Outcome
from monostack.db.statements import Row

T = TypeVar("T")
Params = Mapping[str, Any] | Sequence[Mapping[str, Any]] | None

log = logging.getLogger(__name__)

_NOTHING: Mapping[str, Any] = {}
BATCH = 64  # units in one commit at most
ATTEMPTS = 20  # times a unit is run before a serialization failure is given up
WAL_ATTEMPTS = 1000  # a hundredth of a second apart
RETRYABLE = {"40001", "40P01"}  # SQLSTATE serialization_failure, deadlock_detected

_PRAGMAS = (
    "PRAGMA synchronous={synchronous}",
    "PRAGMA foreign_keys=ON",
    "PRAGMA busy_timeout=30000",
    "PRAGMA cache_size=-16000",  # KiB
    "PRAGMA temp_store=MEMORY",
)


def _keep_wal(cursor: Any) -> None:
    """Switch the database to a write-ahead log, where that has not been done.

    Of several processes that open a new database one does it; the others are told at once that it is locked, whatever their timeout.
    """
    for _ in range(WAL_ATTEMPTS):
        if cursor.execute("PRAGMA journal_mode").fetchone()[0] == "wal":
            return
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            time.sleep(0.01)
    raise TimeoutError("the database cannot be switched to a write-ahead log: another process keeps it locked")


class Transaction:
    """What a unit of work sees of the database."""

    __slots__ = ("_after", "_driver", "_hot", "connection", "writable")

    def __init__(self, connection: Connection, driver: Any, writable: bool, hot: HotStatements | None = None) -> None:
        self.connection = connection
        self._driver = driver
        self.writable = writable
        self._hot = hot
        self._after: list[Callable[[], None]] = []

    def execute(self, statement: sa.Executable, params: Params = None) -> CursorResult[*tuple[Any, ...]] | Outcome:
        """Run a statement, once or for each of several sets of parameters."""
        if self._hot is not None and statement.is_dml and not isinstance(params, Sequence):
            given = params if params is not None else _NOTHING
            hot = self._hot.find(statement, given, self.connection)
            if hot is not None:
                return hot.outcome(self._driver, given)
        return self.connection.execute(statement, params)

    def rows(self, statement: sa.Executable, params: Params = None) -> Sequence[Row]:
        if self._hot is not None:
            given = cast("Mapping[str, Any]", params) if params is not None else _NOTHING
            hot = self._hot.find(statement, given, self.connection)
            if hot is not None:
                return hot.rows(self._driver, given)
        return self.connection.execute(statement, params).all()

    def row(self, statement: sa.Executable, params: Params = None) -> Row | None:
        """The first row, or None."""
        if self._hot is not None:
            given = cast("Mapping[str, Any]", params) if params is not None else _NOTHING
            hot = self._hot.find(statement, given, self.connection)
            if hot is not None:
                return hot.first(self._driver, given)
        return self.connection.execute(statement, params).first()

    def scalar(self, statement: sa.Executable, params: Params = None) -> Any:
        """The first column of the first row, or None."""
        row = self.row(statement, params)
        return None if row is None else row[0]

    def after_commit(self, action: Callable[[], None]) -> None:
        """Run `action` on the event loop once this unit is durable; never if it fails. It must not block."""
        self._after.append(action)


def _driver_of(connection: Connection) -> Any:
    """The driver's connection. BEGIN, SAVEPOINT, COMMIT and the like are run on it: through SQLAlchemy they cost more than a read."""
    return connection.connection.driver_connection


class _Unit:
    __slots__ = ("after", "call", "error", "future", "loop", "result")

    def __init__(self, call: Callable[[Transaction], Any], loop: asyncio.AbstractEventLoop) -> None:
        self.call = call
        self.loop = loop
        self.future: asyncio.Future[Any] = loop.create_future()
        self.result: Any = None
        self.error: BaseException | None = None
        self.after: list[Callable[[], None]] = []

    def deliver(self) -> None:
        for action in self.after:
            try:
                action()
            except Exception:
                log.exception("an action after a commit failed")
        if self.future.cancelled():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> Any:
    options = cast(Any, re2).Options()
    options.log_errors = False
    return cast(Any, re2).compile(pattern, options)


def _matches(pattern: str, text: Any) -> bool:
    """SQLite's `text REGEXP pattern`."""
    return text is not None and _compiled(pattern).search(str(text)) is not None


def _sqlstate(error: BaseException) -> str | None:
    return getattr(getattr(error, "orig", None), "sqlstate", None)


class Database:
    """One database. Open it on the event loop that will use it; `close` it there.

    `inline` writes on the event loop itself instead of in the writer thread: deterministic, for simulations.
    """

    def __init__(self, url: str, *, readers: int = 8, synchronous: str = "FULL", inline: bool = False) -> None:
        self.url = sa.make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self._synchronous = synchronous
        self.engine = self._create_engine()
        self._hot = HotStatements() if self.is_sqlite else None
        self._hot_for_writing = HotStatements() if self.is_sqlite else None  # the writer is another thread
        self._queue: queue.SimpleQueue[_Unit | None] = queue.SimpleQueue()
        self._begin = "BEGIN IMMEDIATE" if self.is_sqlite else "BEGIN ISOLATION LEVEL SERIALIZABLE"
        self._reader: Connection | None = None
        self._pool = None if self.is_sqlite else ThreadPoolExecutor(readers, thread_name_prefix="db-read")
        self._local = threading.local()
        self._held: list[Connection] = []  # one a reading thread
        self._inline: Connection | None = self._connect() if inline else None
        self._writer = threading.Thread(target=self._write_loop, name="db-write", daemon=True)
        self._writer.start()

    def _create_engine(self) -> Engine:
        if not self.is_sqlite:
            return sa.create_engine(self.url, pool_size=16, max_overflow=8, pool_pre_ping=True, isolation_level="AUTOCOMMIT")
        # check_same_thread off: the read connection moves with the loop; each connection is used by one thread at a time.
        engine = sa.create_engine(
            self.url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool, connect_args={"check_same_thread": False, "timeout": 30}
        )
        event.listen(engine, "connect", self._configure_sqlite)
        return engine

    def _connect(self) -> Connection:
        """A connection to be held. Transactions are ours: to SQLAlchemy it is in one for ever, so that it never rolls back by itself."""
        connection = self.engine.connect()
        connection.begin()
        return connection

    def _configure_sqlite(self, connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        _keep_wal(cursor)
        for pragma in _PRAGMAS:
            cursor.execute(pragma.format(synchronous=self._synchronous))
        cursor.close()
        # SQLAlchemy gives SQLite Python's re, which some patterns can keep busy for ever; RE2 takes time in proportion to the text.
        connection.create_function("regexp", 2, _matches, deterministic=True)

    # --- reading ---------------------------------------------------------------------------------------------------

    async def read(self, unit: Callable[[Transaction], T]) -> T:
        """Run a unit that only reads, on one consistent snapshot."""
        if self._pool is None:
            return self.read_now(unit)
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._read_in_thread, unit)

    def read_now(self, unit: Callable[[Transaction], T]) -> T:
        """SQLite only: run a reading unit inline. The read connection is held, since connecting costs more than the read."""
        if self._reader is None:
            self._reader = self._connect()
        return self._snapshot(self._reader, "BEGIN", unit)

    def _read_in_thread(self, unit: Callable[[Transaction], T]) -> T:
        connection: Connection | None = getattr(self._local, "connection", None)
        if connection is None or connection.invalidated or connection.closed:
            connection = self._local.connection = self._connect()
            self._held.append(connection)
        return self._snapshot(connection, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", unit)

    def _snapshot(self, connection: Connection, begin: str, unit: Callable[[Transaction], T]) -> T:
        driver = _driver_of(connection)
        driver.execute(begin)
        try:
            return unit(Transaction(connection, driver, writable=False, hot=self._hot))
        finally:
            if not connection.invalidated:
                driver.execute("ROLLBACK")

    # --- writing ---------------------------------------------------------------------------------------------------

    async def write(self, unit: Callable[[Transaction], T]) -> T:
        """Run a unit that may write. Returns once it is durable; raises what it raised, with nothing written."""
        job = _Unit(unit, asyncio.get_running_loop())
        if self._inline is not None:
            self._commit(self._inline, [job])
            job.deliver()
            return await job.future
        self._queue.put(job)
        return await job.future

    def _write_loop(self) -> None:
        connection: Connection | None = None
        while True:
            first = self._queue.get()
            if first is None:
                break
            batch = [first]
            last = False
            while len(batch) < BATCH and not self._queue.empty():
                job = self._queue.get()
                if job is None:
                    last = True
                    break
                batch.append(job)
            try:
                if connection is None or connection.invalidated or connection.closed:
                    connection = self._connect()
                self._commit(connection, batch)
            except BaseException as error:  # noqa: BLE001 - every unit of the batch must hear of it; the writer goes on
                for job in batch:
                    job.error, job.after = error, []
                connection = self._discard(connection)
            self._deliver(batch)
            if last:
                break
        if connection is not None:
            connection.close()

    @staticmethod
    def _discard(connection: Connection | None) -> None:
        if connection is not None:
            connection.invalidate()
            connection.close()

    def _commit(self, connection: Connection, batch: list[_Unit]) -> None:
        """Run the batch in one transaction; if another controller's commit is in the way, unit by unit until each has had its turn."""
        try:
            self._run(connection, batch)
        except DBAPIError as error:
            if _sqlstate(error) not in RETRYABLE:
                raise
            for job in batch:
                self._run_alone(connection, job)

    def _run_alone(self, connection: Connection, job: _Unit) -> None:
        for attempt in range(ATTEMPTS):
            try:
                return self._run(connection, [job])
            except DBAPIError as error:
                if _sqlstate(error) not in RETRYABLE or attempt == ATTEMPTS - 1:
                    job.error, job.after = error, []
                    return None
                time.sleep(random.uniform(0, 0.002 * 2 ** min(attempt, 6)))
        return None

    def _run(self, connection: Connection, batch: list[_Unit]) -> None:
        driver = _driver_of(connection)
        driver.execute(self._begin)
        try:
            for job in batch:
                self._run_unit(connection, driver, job)
            driver.execute("COMMIT")
        except BaseException:
            if not connection.invalidated:
                driver.execute("ROLLBACK")
            raise

    def _run_unit(self, connection: Connection, driver: Any, job: _Unit) -> None:
        tx = Transaction(connection, driver, writable=True, hot=self._hot_for_writing)
        job.error = None
        driver.execute("SAVEPOINT unit")
        try:
            job.result = job.call(tx)
            driver.execute("RELEASE SAVEPOINT unit")
            job.after = tx._after  # pyright: ignore[reportPrivateUsage]
        except DBAPIError as error:
            if connection.invalidated or _sqlstate(error) in RETRYABLE:
                raise
            self._undo(driver, job, error)
        except Exception as error:  # noqa: BLE001 - delivered to the caller, whose unit it is
            self._undo(driver, job, error)

    @staticmethod
    def _undo(driver: Any, job: _Unit, error: BaseException) -> None:
        driver.execute("ROLLBACK TO SAVEPOINT unit")
        driver.execute("RELEASE SAVEPOINT unit")
        job.error, job.after = error, []

    @staticmethod
    def _deliver(batch: list[_Unit]) -> None:
        def deliver_all() -> None:
            for job in batch:
                job.deliver()

        loop = batch[0].loop
        if not loop.is_closed():
            loop.call_soon_threadsafe(deliver_all)

    async def close(self) -> None:
        """Finish the writes under way and let go of every connection."""
        self._queue.put(None)
        await asyncio.to_thread(self._writer.join)
        if self._pool is not None:
            self._pool.shutdown(wait=True)
        for connection in self._held:
            connection.close()
        for connection in (self._reader, self._inline):
            if connection is not None:
                connection.close()
        self._reader = None
        self.engine.dispose()
