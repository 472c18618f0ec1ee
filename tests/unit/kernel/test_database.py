"""Transactions: group commit isolates its units, losers of a race run again, actions follow commits."""

import asyncio

import pytest
import sqlalchemy as sa

from monostack.db import Database

counters = sa.Table(
    "test_counters", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True), sa.Column("value", sa.Integer, nullable=False)
)
READ = sa.select(counters.c.value).where(counters.c.id == sa.bindparam("key"))
SET = sa.update(counters).where(counters.c.id == sa.bindparam("key")).values(value=sa.bindparam("to"))


@pytest.fixture
def url(tmp_path, new_database):
    url = new_database(tmp_path)
    engine = sa.create_engine(url)
    counters.metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(sa.insert(counters), [{"id": 1, "value": 0}])
    engine.dispose()
    return url


def increment(tx):
    value = tx.scalar(READ, {"key": 1})
    tx.execute(SET, {"key": 1, "to": value + 1})


def test_a_failing_unit_leaves_nothing_and_disturbs_no_other(url):
    async def scenario():
        db = Database(url)

        def fail(tx):
            increment(tx)
            raise KeyError("on purpose")

        results = await asyncio.gather(*[db.write(fail if i % 3 == 0 else increment) for i in range(30)], return_exceptions=True)
        value = await db.read(lambda tx: tx.scalar(READ, {"key": 1}))
        await db.close()
        return results, value

    results, value = asyncio.run(scenario())
    assert [isinstance(r, KeyError) for r in results] == [i % 3 == 0 for i in range(30)]
    assert value == 20


def test_two_controllers_lose_no_update(url):
    async def scenario():
        first, second = Database(url), Database(url)
        await asyncio.gather(*[db.write(increment) for _ in range(40) for db in (first, second)])
        value = await first.read(lambda tx: tx.scalar(READ, {"key": 1}))
        await first.close()
        await second.close()
        return value

    assert asyncio.run(scenario()) == 80


def test_actions_run_after_the_commit_only(url):
    async def scenario():
        db = Database(url)
        seen = []

        def good(tx):
            increment(tx)
            tx.after_commit(lambda: seen.append("good"))

        def bad(tx):
            tx.after_commit(lambda: seen.append("bad"))
            raise KeyError("on purpose")

        await db.write(good)
        with pytest.raises(KeyError):
            await db.write(bad)
        await db.close()
        return seen

    assert asyncio.run(scenario()) == ["good"]


def test_a_database_error_reaches_its_caller_only(url):
    async def scenario():
        db = Database(url)
        duplicate = sa.insert(counters)
        results = await asyncio.gather(
            db.write(increment),
            db.write(lambda tx: tx.execute(duplicate, {"id": 1, "value": 5})),
            db.write(increment),
            return_exceptions=True,
        )
        value = await db.read(lambda tx: tx.scalar(READ, {"key": 1}))
        await db.close()
        return results, value

    results, value = asyncio.run(scenario())
    assert isinstance(results[1], sa.exc.IntegrityError)
    assert value == 2
