"""Bringing a database to the version of the code: one linear Alembic tree, run by `up`, safe to run twice.

An empty database gets the tables as they are declared, marked as being at HEAD; a test holds that the tree's migrations lead to the same
tables. So Alembic, which takes long to load, is only needed where there is something to migrate.
"""

from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event

from monostack.core.config import ConfigError
from monostack.db.columns import metadata

HEAD = "0001"  # the newest revision of the tree; a test holds it to that
TREE = Path(__file__).parent / "migrations"
LOCK = 0x6D6F6E6F  # advisory lock of PostgreSQL, so that two controllers do not migrate at once
# The columns of every table; SQLAlchemy's inspector takes six times as long, and every start would wait for it.
_COLUMNS = {
    "sqlite": "select m.name, c.name from sqlite_master m, pragma_table_info(m.name) c where m.type = 'table'",
    "postgresql": "select table_name, column_name from information_schema.columns where table_schema = current_schema()",
}
_VERSION = sa.Table("alembic_version", sa.MetaData(), sa.Column("version_num", sa.String(32), primary_key=True))


class UnusableDatabase(ConfigError):
    """The configured database was written by a newer version of the code, or by one between two releases."""


def revision_of(connection: sa.Connection) -> str | None:
    """The revision a database is at; None for an empty one."""
    if not sa.inspect(connection).has_table(_VERSION.name):
        return None
    return connection.scalar(sa.select(_VERSION.c.version_num))


def current(url: str) -> str | None:
    """The revision the database at `url` is at; None for an empty one."""
    engine = sa.create_engine(url)
    try:
        with engine.connect() as connection:
            return revision_of(connection)
    finally:
        engine.dispose()


def _engine(url: str) -> sa.Engine:
    """An engine whose transactions hold changes of the schema too. SQLite's driver would commit each by itself, synced to the disk."""
    engine = sa.create_engine(url)
    if engine.dialect.name == "sqlite":

        def leave_transactions_to_us(connection: Any, _record: Any) -> None:
            connection.isolation_level = None

        def begin(connection: sa.Connection) -> None:
            connection.exec_driver_sql("BEGIN IMMEDIATE")

        event.listen(engine, "connect", leave_transactions_to_us)
        event.listen(engine, "begin", begin)
    return engine


def upgrade(url: str) -> None:
    """Bring the database to this version. Raises UnusableDatabase."""
    engine = _engine(url)
    try:
        with engine.begin() as connection:
            if engine.dialect.name == "postgresql":
                connection.execute(sa.text("select pg_advisory_xact_lock(:key)"), {"key": LOCK})
            at = revision_of(connection)
            if at is None:
                metadata.create_all(connection, checkfirst=False)
                _VERSION.create(connection)
                connection.execute(sa.insert(_VERSION).values(version_num=HEAD))
            elif at != HEAD:
                run_tree(connection, at)
            if at is not None:
                _check(connection)
    finally:
        engine.dispose()


def _check(connection: sa.Connection) -> None:
    found = {tuple(row) for row in connection.execute(sa.text(_COLUMNS[connection.dialect.name]))}
    declared = {(table.name, column.name) for table in metadata.tables.values() for column in table.columns}
    tables = {table for table, _ in declared}
    differing = declared - found | {(table, column) for table, column in found - declared if table in tables}
    if differing:
        at, names = connection.engine.url.render_as_string(), sorted({table for table, _ in differing})
        raise UnusableDatabase(
            f"The tables of {at} are those of a development version, which no migration leads away from ({', '.join(names[:5])} and"
            f" {len(differing)} columns in all differ): use that version, or begin with an empty database."
        )


def tree_config(connection: sa.Connection | None = None) -> Any:
    """Alembic's configuration for the tree, on a connection."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(TREE))
    config.attributes["connection"] = connection
    return config


def run_tree(connection: sa.Connection, at: str | None) -> None:
    """Run the migrations after revision `at`."""
    from alembic import command
    from alembic.script import ScriptDirectory

    config = tree_config(connection)
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if at is not None and at not in known:
        raise UnusableDatabase(f"The database is at revision {at}, which this version does not know: install the version that wrote it.")
    command.upgrade(config, "head")
