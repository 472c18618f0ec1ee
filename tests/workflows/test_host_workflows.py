"""The workflows about hosts, in every way they may go."""

from typing import Any

import pytest
from harness import COMPUTE, HOSTS, Bench, Case, Trial, trials


async def _aggregate(bench: Bench) -> dict[str, Any]:
    made = await bench.ask("POST", f"{COMPUTE}/os-aggregates", {"aggregate": {"name": "warm"}}, 200)
    aggregate = made.json()["aggregate"]["id"]
    await bench.ask("POST", f"{COMPUTE}/os-aggregates/{aggregate}/action", {"add_host": {"host": HOSTS[0]}}, 200)
    return {"aggregate": aggregate}


async def _cache(bench: Bench, given: dict[str, Any]) -> None:
    path, body = f"{COMPUTE}/os-aggregates/{given['aggregate']}/images", {"cache": [{"id": bench.image}]}
    await bench.ask("POST", path, body, 202, openstack_api_version="compute 2.81")


async def _is_cached(bench: Bench, given: dict[str, Any]) -> None:
    kept = {name: bench.agents[name].drivers.block.cached for name in HOSTS}
    assert bench.image in kept[HOSTS[0]] and bench.image not in kept[HOSTS[1]]


CACHE_IMAGES = Case("cache_images", _aggregate, _cache, _is_cached, {}, forward=True)


@pytest.mark.parametrize("trial", trials(CACHE_IMAGES), ids=str)
def test_caching_images(trial: Trial, bench: Bench) -> None:
    bench.put(CACHE_IMAGES, trial)
