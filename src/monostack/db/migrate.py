"""Bringing a database to the version of the code: one linear Alembic tree, run by `up`, safe to run twice."""

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

TREE = Path(__file__).parent / "migrations"
LOCK = 0x6D6F6E6F  # advisory lock of PostgreSQL, so that two controllers do not migrate at once


class NewerDatabase(Exception):
    """The database was written by a newer version of the code."""


def _config(url: str) -> AlembicConfig:
    config = AlembicConfig()
    config.set_main_option("script_location", str(TREE))
    config.attributes["url"] = url
    return config


def head() -> str | None:
    return ScriptDirectory(str(TREE)).get_current_head()


def current(url: str) -> str | None:
    """The revision a database is at; None for an empty one."""
    engine = sa.create_engine(url)
    try:
        with engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    finally:
        engine.dispose()


def upgrade(url: str) -> None:
    """Bring the database to this version. Raises NewerDatabase when it is ahead of the code."""
    known = {script.revision for script in ScriptDirectory(str(TREE)).walk_revisions()}
    engine = sa.create_engine(url)
    try:
        with engine.begin() as connection:
            if engine.dialect.name == "postgresql":
                connection.execute(sa.text("select pg_advisory_xact_lock(:key)"), {"key": LOCK})
            at = MigrationContext.configure(connection).get_current_revision()
            if at == head():
                return
            if at is not None and at not in known:
                raise NewerDatabase(
                    f"The database is at revision {at}, which this version does not know: install the version that wrote it."
                )
            config = _config(url)
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    finally:
        engine.dispose()
