"""Controller and agent killed at random moments, while servers and volumes are made, used and deleted: nothing is stuck or lost.

MONOSTACK_KILLS says how often (6 unless told otherwise), MONOSTACK_KILL_SEED repeats the choices of a former run.
"""

import asyncio
import os
import random
import time
from collections import Counter

import pytest
from guest_lab import guest_image
from killed_cloud import KilledCloud
from machine_look import ENDED, OPERATIONS, check_machine, look_at, rows
from whole_machine import machine

from invariants import check
from postgres import fresh_database
from users import COMPUTE, NETWORK, VOLUME, User

pytestmark = pytest.mark.host

KILLS = int(os.environ.get("MONOSTACK_KILLS", "6"))
SEED = int(os.environ.get("MONOSTACK_KILL_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)
LOOK_EVERY = 3  # kills
REST = 400.0  # seconds until everything must have ended: guests let go of volumes once they have booted
SERVERS, VOLUMES = 3, 4  # at one time
VERBS = (
    "boot", "boot", "boot", "boot_from_volume", "delete", "delete", "reboot", "reboot", "halt", "rebuild", "rescue", "resize", "end_resize",
    "shelve", "make_image", "plug", "unplug", "make_volume", "make_volume", "attach", "attach", "attach", "detach", "detach", "extend",
    "relocate", "relocate", "snapshot", "drop_snapshot", "back_up", "restore", "drop_backup", "drop_volume",
)  # fmt: skip
VICTIMS = (("server",), ("agent",), ("server", "agent"))


async def prepare(cloud: KilledCloud, image: bytes) -> User:
    cloud.start("server", "agent")
    await cloud.ready()
    await cloud.log_in()
    user = User(cloud)
    await user.prepare(image, "qcow2")
    subnet = (await cloud.all(f"{NETWORK}/subnets", "subnets"))[0]["id"]
    router = (await cloud.ask("POST", f"{NETWORK}/routers", {"router": {"name": "r"}})).json()["router"]["id"]
    await cloud.ask("PUT", f"{NETWORK}/routers/{router}/add_router_interface", {"subnet_id": subnet})
    project = (await cloud.all(f"{NETWORK}/networks", "networks"))[0]["project_id"]
    for service, limit in ((COMPUTE, {"instances": SERVERS}), (VOLUME, {"volumes": VOLUMES})):
        assert (await cloud.ask("PUT", f"{service}/os-quota-sets/{project}", {"quota_set": limit})).status == 200
    for verb in ("boot", "boot", "make_volume", "make_volume"):
        await user.act([verb])
    return user


async def rest(cloud: KilledCloud, user: User) -> None:
    """Wait until everything holds; when it never does, say what does not."""
    await cloud.ready()
    until = time.monotonic() + REST
    while True:
        try:
            look = await look_at(cloud)
            check(look, user)
            await check_machine(cloud, look)
            assert {id for id, server in look.servers.items() if server["status"] == "SHUTOFF"} <= user.stopped
        except AssertionError:
            if time.monotonic() > until:
                raise
            await asyncio.sleep(0.5)
            continue
        cloud.say(f"all agrees: {Counter(server['status'] for server in look.servers.values())}, {len(look.volumes)} volumes")
        for server in look.servers.values():
            if server["status"] == "ERROR":
                cloud.say(f"in error {server['id']}: {server['fault']['message']}")
        return


async def strike(cloud: KilledCloud, user: User) -> None:
    """Have some things done at the same time, and kill at a moment of that."""
    chance = cloud.random
    acting = [asyncio.create_task(user.act(VERBS)) for _ in range(chance.randint(2, 4))]
    if chance.random() < 0.6:  # else requests may be cut off too
        await asyncio.gather(*acting)
    await asyncio.sleep(chance.random() ** 2 * 1.5)  # most steps are short
    victims = chance.choice(VICTIMS)
    cloud.say(f"killing {' and '.join(victims)} during {[(row[0], row[1]) for row in rows(cloud, OPERATIONS)]}")
    cloud.kill(*victims)
    cloud.start(*victims)
    await asyncio.gather(*acting)
    if chance.random() < 0.8:  # else the next kill meets it starting
        await cloud.ready()


async def delete_everything(cloud: KilledCloud, user: User) -> None:
    for server in await cloud.all(f"{COMPUTE}/servers", "servers"):
        user.deleted.add(server["id"])
        await cloud.ask("DELETE", f"{COMPUTE}/servers/{server['id']}")
    await rest(cloud, user)
    for kind in ("backups", "snapshots", "volumes"):
        for each in await cloud.all(f"{VOLUME}/{kind}", kind):
            user.deleted.add(each["id"])
            await cloud.ask("DELETE", f"{VOLUME}/{kind}/{each['id']}")
        await rest(cloud, user)
    look = await look_at(cloud)
    assert (look.servers, look.volumes, look.snapshots, look.backups) == ({}, {}, {}, {})


async def scenario(cloud: KilledCloud, image: bytes) -> None:
    user = await prepare(cloud, image)
    for number in range(1, KILLS + 1):
        await strike(cloud, user)
        if number % LOOK_EVERY == 0 or number == KILLS:
            await rest(cloud, user)
    await delete_everything(cloud, user)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str | None:
    """Of a database in a cluster that outlives the kills; None: the cloud has a file of its own."""
    if request.param == "sqlite":
        return None
    return fresh_database(request.getfixturevalue("postgres_url"))


def test_nothing_is_stuck_and_nothing_lost(database_url: str | None) -> None:
    print(f"MONOSTACK_KILLS={KILLS} MONOSTACK_KILL_SEED={SEED}", flush=True)
    image = guest_image().read_bytes()  # may have to be fetched, which that machine cannot
    with machine() as inside:
        cloud = KilledCloud(inside, SEED, database_url)
        try:
            inside.in_network(lambda: asyncio.run(scenario(cloud, image)))
            for outcome, times in sorted(Counter(rows(cloud, ENDED)).items()):
                print(times, *outcome)
        except BaseException:
            print(*(f"--- {name}\n{cloud.last_words(name, 200)}" for name in ("server", "agent")), sep="\n")
            raise
        finally:
            print("\n".join(cloud.log))
            cloud.end()
