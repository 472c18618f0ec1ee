"""The migration tree leads to the declared tables, on both databases, and refuses what it does not know."""

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

import monostack.app  # noqa: F401 - declares every table
from monostack.db import metadata, migrate


def differences(connection):
    context = MigrationContext.configure(connection, opts={"compare_type": True, "target_metadata": metadata})
    return compare_metadata(context, metadata)


@pytest.fixture
def engine(tmp_path, new_database):
    engine = sa.create_engine(new_database(tmp_path))
    yield engine
    engine.dispose()


def test_the_tree_makes_the_declared_tables(engine):
    with engine.begin() as connection:
        migrate.run_tree(connection, None)
        assert differences(connection) == []
        assert migrate.revision_of(connection) == migrate.HEAD


def test_an_empty_database_is_made_at_once_and_upgrading_again_changes_nothing(engine):
    url = engine.url.render_as_string(hide_password=False)
    migrate.upgrade(url)
    migrate.upgrade(url)
    with engine.connect() as connection:
        assert differences(connection) == []
    assert migrate.current(url) == migrate.HEAD


def test_head_is_the_trees_head():
    assert ScriptDirectory.from_config(migrate.tree_config()).get_current_head() == migrate.HEAD


def test_a_newer_database_is_refused(engine):
    url = engine.url.render_as_string(hide_password=False)
    migrate.upgrade(url)
    with engine.begin() as connection:
        connection.execute(sa.text("update alembic_version set version_num = '9999'"))
    with pytest.raises(migrate.UnusableDatabase, match="9999"):
        migrate.upgrade(url)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("drop table metadef_associations cascade", "metadef_associations"),
        ("alter table flavors drop column description", "flavors"),
        ("alter table flavors add column x int", "flavors"),
    ],
)
def test_a_database_of_a_version_between_is_refused(engine, change, named):
    url = engine.url.render_as_string(hide_password=False)
    migrate.upgrade(url)
    with engine.begin() as connection:
        connection.execute(sa.text(change.removesuffix(" cascade") if engine.dialect.name == "sqlite" else change))
        connection.execute(sa.text("create table of_somebody_else (x int)"))
    with pytest.raises(migrate.UnusableDatabase, match=f"\\({named} and"):
        migrate.upgrade(url)
