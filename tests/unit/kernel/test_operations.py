"""The operation engine: every operation ends, whatever dies in between."""

import asyncio

import pytest
import sqlalchemy as sa

from monostack.db import Database
from monostack.operations import Engine, Step, StepError, Workflow, cancel, start
from monostack.operations.store import operations

STATES = sa.select(operations.c.workflow, operations.c.state, operations.c.error).order_by(operations.c.number)


class World:
    """What the steps of the test workflows change, and their history."""

    def __init__(self) -> None:
        self.made: set[str] = set()
        self.history: list[str] = []
        self.fail_at: str | None = None
        self.stop_at: str | None = None
        self.gate = asyncio.Event()

    def step(self, name: str, **options) -> Step:
        async def do(run):
            self.history.append(f"do {name}")
            if self.stop_at == name:
                await self.gate.wait()
            self.made.add(name)
            if self.fail_at == name:
                raise StepError(f"{name} cannot be done")
            return {name: True}

        async def undo(run):
            self.history.append(f"undo {name}")
            self.made.discard(name)

        return Step(name, do, undo, **options)

    def workflows(self):
        return [Workflow("build", tuple(self.step(name) for name in "abc")), Workflow("destroy", (self.step("d"),))]


@pytest.fixture
def url(tmp_path, new_database):
    url = new_database(tmp_path)
    engine = sa.create_engine(url)
    operations.create(engine)
    engine.dispose()
    return url


async def opened(url, world, **options):
    db = Database(url)
    engine = Engine(db, world.workflows(), **options)
    await engine.open()
    return db, engine


async def closed(db, engine):
    await engine.close()
    await db.close()


async def states(db):
    return [tuple(row) for row in await db.read(lambda tx: tx.rows(STATES))]


def begin(engine, workflow="build", resource="r"):
    return lambda tx: start(tx, engine, workflow, resource, {})


async def until(condition, seconds=10):
    for _ in range(int(seconds * 100)):
        if await condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not happen in time")


def test_steps_run_in_order_and_end(url):
    async def scenario():
        world = World()
        db, engine = await opened(url, world)
        await db.write(begin(engine))
        await engine.settle()
        assert world.history == ["do a", "do b", "do c"]
        assert await states(db) == [("build", "done", None)]
        await closed(db, engine)

    asyncio.run(scenario())


@pytest.mark.parametrize(("failing", "undone"), [("a", ["a"]), ("b", ["b", "a"]), ("c", ["c", "b", "a"])])
def test_a_failed_step_unwinds_everything(url, failing, undone):
    async def scenario():
        world = World()
        world.fail_at = failing
        db, engine = await opened(url, world)
        await db.write(begin(engine))
        await engine.settle()
        assert [h for h in world.history if h.startswith("undo")] == [f"undo {name}" for name in undone]
        assert world.made == set()
        ((_, state, error),) = await states(db)
        assert state == "failed"
        assert error == {"message": f"{failing} cannot be done", "kind": "failed", "step": failing}
        await closed(db, engine)

    asyncio.run(scenario())


@pytest.mark.parametrize("dies_in", ["a", "b", "c"])
def test_a_killed_controllers_operation_is_resumed_where_it_was(url, dies_in):
    async def scenario():
        world = World()
        world.stop_at = dies_in
        db, engine = await opened(url, world)
        await db.write(begin(engine))
        await until(lambda: asyncio.sleep(0, f"do {dies_in}" in world.history))
        # The process dies: its tasks vanish, nothing is released.
        for task in [*engine._loops, *engine._tasks.values()]:
            task.remove_done_callback(engine._ended) if hasattr(engine, "_ended") else None
            task.cancel()
        await db.close()
        again = World()
        db, engine = await opened(url, again)
        await until(lambda: ended(db))
        assert again.history == [f"do {name}" for name in "abc"[("abc".index(dies_in)) :]]
        assert await states(db) == [("build", "done", None)]
        await closed(db, engine)

    async def ended(db):
        return all(state in ("done", "failed") for _, state, _ in await states(db))

    asyncio.run(scenario())


def test_a_second_controller_takes_over_when_the_lease_ends_and_the_first_is_fenced(url):
    async def scenario():
        slow, quick = World(), World()
        slow.stop_at = "b"
        db1, first = await opened(url, slow, lease=0.5, exclusive=False)
        await db1.write(begin(first))
        await until(lambda: asyncio.sleep(0, "do b" in slow.history))
        first._loops[0].cancel()  # it no longer renews its lease
        db2, second = await opened(url, quick, lease=0.5, exclusive=False)
        await until(lambda: asyncio.sleep(0, "do c" in quick.history))
        await second.settle()
        slow.gate.set()
        await first.settle()
        assert quick.history == ["do b", "do c"]
        assert "do c" not in slow.history
        assert await states(db2) == [("build", "done", None)]
        await closed(db1, first)
        await closed(db2, second)

    asyncio.run(scenario())


def test_operations_on_one_resource_run_one_after_another(url):
    async def scenario():
        world = World()
        world.stop_at = "a"
        db, engine = await opened(url, world)
        await db.write(begin(engine))
        await until(lambda: asyncio.sleep(0, world.history == ["do a"]))
        await db.write(begin(engine, "destroy"))
        await db.write(begin(engine, "destroy", "another"))
        await until(lambda: asyncio.sleep(0, world.history.count("do d") == 1))
        world.gate.set()
        await until(lambda: asyncio.sleep(0, world.history.count("do d") == 2))
        await engine.settle()
        assert world.history == ["do a", "do d", "do b", "do c", "do d"]
        await closed(db, engine)

    asyncio.run(scenario())


def test_a_cancelled_operation_breaks_off_and_unwinds(url):
    async def scenario():
        world = World()
        world.stop_at = "b"
        db, engine = await opened(url, world)
        await db.write(begin(engine))
        await until(lambda: asyncio.sleep(0, "do b" in world.history))
        await db.write(lambda tx: cancel(tx, engine, "r"))
        await engine.settle()
        assert world.made == set()
        ((_, state, error),) = await states(db)
        assert (state, error["kind"]) == ("failed", "cancelled")
        await closed(db, engine)

    asyncio.run(scenario())


def test_a_timed_out_step_is_tried_again(url):
    async def scenario():
        world = World()
        tries = []

        async def stubborn(run):
            tries.append(run.attempt)
            if len(tries) < 3:
                await asyncio.sleep(60)

        db = Database(url)
        engine = Engine(db, [Workflow("build", (Step("s", stubborn, timeout=0.05),))])
        await engine.open()
        await db.write(begin(engine))
        await engine.settle()
        assert len(tries) == 3
        assert await states(db) == [("build", "done", None)]
        await closed(db, engine)
        assert world.made == set()

    asyncio.run(scenario())
