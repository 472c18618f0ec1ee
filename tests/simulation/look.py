"""A look at a simulated world: through its API, at its rows, and at what its hosts have."""

from typing import Any

import sqlalchemy as sa
from world import World

from invariants import Look, Migration
from simulated import guests_of, taps_of
from users import COMPUTE, IMAGE, NETWORK, VOLUME

ACTIVE = sa.text("select workflow, state, step from operations where state in ('running', 'undoing')")
MIGRATIONS = sa.text("select uuid, server_id, source, status from server_migrations")
ALLOCATED = sa.text("select consumer_uuid from allocations")


async def look_at(world: World) -> Look:
    servers = {each["id"]: each for each in await _all(world, f"{COMPUTE}/servers/detail", "servers")}
    return Look(
        operations=await _rows(world, ACTIVE),
        servers=servers,
        snapshots={each["id"]: each for each in await _all(world, f"{VOLUME}/snapshots/detail", "snapshots")},
        backups={each["id"]: each for each in await _all(world, f"{VOLUME}/backups/detail", "backups")},
        backup_files=set(world.storage.backups),
        images=await _all(world, f"{IMAGE}/images", "images"),
        migrations=[Migration(*row) for row in await _rows(world, MIGRATIONS)],
        volumes={each["id"]: each for each in await _all(world, f"{VOLUME}/volumes/detail", "volumes")},
        ports=await _all(world, f"{NETWORK}/ports", "ports"),
        allocations={row[0] for row in await _rows(world, ALLOCATED)},
        guests={host: guests_of(agent.drivers.hypervisor) for host, agent in world.agents.items()},
        taps={host: taps_of(agent.drivers.network) for host, agent in world.agents.items()},
        files={volume_id: world.storage.pools.get(volume_id, "file") for volume_id in world.storage.volumes},
        snapshot_files=set(world.storage.snapshots),
    )


async def _all(world: World, path: str, key: str) -> list[dict[str, Any]]:
    answer = await world.ask("GET", path)
    assert answer.status == 200, answer.content
    return answer.json()[key]


async def _rows(world: World, query: Any) -> list[tuple[Any, ...]]:
    return await world.app.db.read(lambda tx: [tuple(row) for row in tx.rows(query)])
