"""Statements run on the driver give what SQLAlchemy gives: values, types, names, lists of every length."""

import asyncio

import pytest
import sqlalchemy as sa

from monostack.db import Database, Json, Timestamp

things = sa.Table(
    "hot_things",
    sa.MetaData(),
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("flag", sa.Boolean),
    sa.Column("data", Json),
    sa.Column("at", Timestamp),
)
ONE = sa.select(things).where(things.c.id == sa.bindparam("the_id"))
MANY = sa.select(things.c.id, things.c.flag.label("set")).where(things.c.id.in_(sa.bindparam("ids", expanding=True))).order_by(things.c.id)
TWO_LISTS = sa.select(things.c.id).where(
    things.c.id.in_(sa.bindparam("ids", expanding=True)),
    things.c.flag.in_(sa.bindparam("flags", expanding=True)),
    things.c.id > sa.bindparam("least"),
)
LITERAL = sa.select(things.c.id, sa.literal("x").label("word")).where(things.c.id < 3).order_by(things.c.id)
COUNT = sa.select(sa.func.count()).select_from(things)
EITHER = (
    sa.select(things.c.id)
    .where(things.c.id == sa.bindparam("a"))
    .union_all(sa.select(things.c.id).where(things.c.id == sa.bindparam("b")))
)
ADD = sa.insert(things)
ADD_AND_TELL = sa.insert(things).returning(things)
SET = sa.update(things).where(things.c.id.in_(sa.bindparam("ids", expanding=True))).values(data=sa.bindparam("new"), flag=True)
DROP = sa.delete(things).where(things.c.id >= sa.bindparam("least")).returning(things.c.id, things.c.data)


@pytest.fixture
def url(tmp_path):
    url = f"sqlite:///{tmp_path}/hot.db"
    engine = sa.create_engine(url)
    things.metadata.create_all(engine)
    with engine.begin() as connection:
        rows = [{"id": i, "flag": i % 2 == 0, "data": {"n": [i]}, "at": f"2026-11-22T00:00:{i:02}.000000"} for i in range(40)]
        connection.execute(sa.insert(things), rows)
    engine.dispose()
    return url


def test_rows_are_the_same_each_time(url):
    async def scenario():
        db = Database(url)
        for _ in range(4):  # the first run goes through SQLAlchemy, later ones do not
            row = await db.read(lambda tx: tx.row(ONE, {"the_id": 4}))
            assert (row.id, row.flag, row.data, row._mapping["at"]) == (4, True, {"n": [4]}, "2026-11-22T00:00:04.000000")
            assert row._mapping[things.c.flag] is True and row[0] == 4
            assert await db.read(lambda tx: tx.row(ONE, {"the_id": 99})) is None
            assert await db.read(lambda tx: tx.scalar(COUNT)) == 40
            assert [tuple(r) for r in await db.read(lambda tx: tx.rows(LITERAL))] == [(0, "x"), (1, "x"), (2, "x")]
        await db.close()

    asyncio.run(scenario())


def test_lists_of_every_length(url):
    async def scenario():
        db = Database(url)
        for length in (1, 2, 3, 5, 8, 0, 17, 40, 3, 1):
            rows = await db.read(lambda tx, n=length: tx.rows(MANY, {"ids": list(range(n))}))
            assert [(r.id, r.set) for r in rows] == [(i, i % 2 == 0) for i in range(length)]
        for ids, flags in (([1, 2, 3], [True]), ([1, 2, 3, 4], [True, False]), ([5], [False])):
            for _ in range(2):
                rows = await db.read(lambda tx, i=ids, f=flags: tx.rows(TWO_LISTS, {"ids": i, "flags": f, "least": 1}))
                assert sorted(r.id for r in rows) == [i for i in ids if i > 1 and (i % 2 == 0) in flags]
        await db.close()

    asyncio.run(scenario())


def test_a_missing_parameter_is_an_error(url):
    async def scenario():
        db = Database(url)
        for _ in range(3):
            with pytest.raises(sa.exc.StatementError):
                await db.read(lambda tx: tx.row(ONE, {}))
        await db.close()

    asyncio.run(scenario())


def test_changes_do_the_same_each_time(url):
    async def scenario():
        db = Database(url)
        for round in range(4):  # the first run goes through SQLAlchemy, later ones do not
            await db.write(lambda tx: tx.execute(ADD, {"id": 100, "data": {"n": 1}}))
            await db.write(lambda tx: tx.execute(ADD, {"id": 101, "flag": False}))  # other columns, another text
            row = await db.write(lambda tx: tx.execute(ADD_AND_TELL, {"id": 102, "data": [1], "flag": True, "at": None}).one())
            assert (row.id, row.flag, row.data, row.at) == (102, True, [1], None)
            changed = await db.write(lambda tx, n=round: tx.execute(SET, {"ids": [100, 101, 999], "new": {"round": n}}).rowcount)
            assert changed == 2
            gone = await db.write(lambda tx: tx.execute(DROP, {"least": 100}).all())
            assert [tuple(row) for row in gone] == [(100, {"round": round}), (101, {"round": round}), (102, [1])]
            assert await db.write(lambda tx: tx.execute(DROP, {"least": 100}).first()) is None
            with pytest.raises(sa.exc.NoResultFound):
                await db.write(lambda tx: tx.execute(DROP, {"least": 100}).one())
            assert await db.read(lambda tx: [row[0] for row in tx.rows(EITHER, {"a": 3, "b": 5})]) == [3, 5]
        await db.close()

    asyncio.run(scenario())


def test_a_refused_change_raises_what_sqlalchemy_raises_and_shows_no_values(url):
    async def scenario():
        db = Database(url)
        for _ in range(3):
            with pytest.raises(sa.exc.IntegrityError) as refused:
                await db.write(lambda tx: tx.execute(ADD, {"id": 1, "data": "secret"}))
        assert "UNIQUE" in str(refused.value) and "secret" not in str(refused.value)
        assert await db.read(lambda tx: tx.scalar(COUNT)) == 40
        await db.close()

    asyncio.run(scenario())


def test_columns_that_python_fills_are_filled(url):
    counter = iter(range(1000, 2000))
    numbered = sa.Table("hot_things", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True, default=lambda: next(counter)))
    add = sa.insert(numbered)

    async def scenario():
        db = Database(url)
        for _ in range(3):
            await db.write(lambda tx: tx.execute(add, {}))
        assert await db.read(lambda tx: tx.scalar(COUNT)) == 43
        await db.close()

    asyncio.run(scenario())
