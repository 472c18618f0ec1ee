"""Random users, random faults, crashing controllers: from a seed, on virtual time. A failing seed fails again:

MONOSTACK_SEEDS=17 pytest tests/simulation
"""

import asyncio
import os
import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from look import look_at
from virtual_time import run
from world import World

from invariants import check
from users import User

SEEDS = [int(seed) for seed in os.environ.get("MONOSTACK_SEEDS", "").split(",") if seed] or list(range(100))
ACTIONS = 30
LOOK = 60.0
REST = 1800.0  # virtual seconds after the last fault until everything must have ended


async def rest(world: World, user: User) -> None:
    """Wait until everything holds; when it never does, say what does not."""
    for _ in range(int(REST / LOOK)):
        await asyncio.sleep(LOOK)
        try:
            check(await look_at(world), user)
        except AssertionError:
            continue
        return
    check(await look_at(world), user)


async def scenario(world: World, user: User) -> None:
    await world.start_controller()
    for _ in range(ACTIONS):
        chance = world.random.random()
        if chance < 0.2:
            world.add_fault()
        elif chance < 0.26:
            await asyncio.sleep(world.random.random() * 0.2)
            await world.restart_controller()
        else:
            await user.act(User.EVERYTHING)
        await asyncio.sleep(world.random.choice((0.0, 0.001, 0.01, 0.3, 3.0, 40.0)))
    world.faults.clear()
    await rest(world, user)
    await world.crash_controller()


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> tuple[World, User]:
    """A cloud with an admin, an image, a network and a flavor: every seed begins with a copy of its state."""
    directory = tmp_path_factory.mktemp("prepared")
    world = World(0, directory)
    user = User(world)

    async def go() -> None:
        await world.start_controller()
        await user.prepare()
        await asyncio.sleep(LOOK)
        await world.app.close()

    run(0, go)
    return world, user


@pytest.mark.parametrize("seed", SEEDS)
def test_everything_ends_and_agrees(seed: int, prepared: tuple[World, User], tmp_path: Path):
    before, somebody = prepared
    directory = tmp_path / "state"
    shutil.copytree(before.directory, directory)
    world = World(seed, directory, before.token)
    user = User(world, somebody.image, somebody.network)
    try:
        run(seed, lambda: scenario(world, user))
    except AssertionError:
        print("\n".join(world.log))
        raise
