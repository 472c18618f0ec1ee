"""32 clients at once create, attach, detach and delete the same few things.

No quota is overrun, no address given twice, nothing breaks or hangs, and in the end all agree.

MONOSTACK_CONCURRENCY_SECONDS sets how long (15 unless given).
"""

import asyncio
import itertools
import os
import random
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from clouds import TestCloud
from invariants import Look, check
from models import Model
from simulated import guests_of, taps_of
from users import COMPUTE, NETWORK, VOLUME, User

SECONDS = float(os.environ.get("MONOSTACK_CONCURRENCY_SECONDS", "15"))
CLIENTS = 32
SERVERS, VOLUMES = 6, 5  # quotas, less than so many clients want
ACTIVE = sa.text("select workflow, state, step from operations where state in ('running', 'undoing')")
ALLOCATED = sa.text("select consumer_uuid from allocations")


class Crowd:
    """The world all clients live in, by turns on two connections' worth of project users."""

    def __init__(self, cloud: TestCloud) -> None:
        self.cloud = cloud
        self.random = random.Random(1)
        self.log: list[str] = []
        self.broken: list[str] = []
        self.statuses: dict[int, int] = {}
        self.project = cloud.demo.project_id
        self.http = httpx.AsyncClient(timeout=60, trust_env=False, limits=httpx.Limits(max_connections=CLIENTS))

    async def ask(self, method: str, path: str, body: Any = None, content: bytes | None = None) -> Any:
        headers = {"x-auth-token": self.cloud.demo.token}
        if content is not None:
            headers["content-type"] = "application/octet-stream"
        answer = await self.http.request(method, self.cloud.url + path, headers=headers, json=body, content=content)
        self.statuses[answer.status_code] = self.statuses.get(answer.status_code, 0) + 1
        if answer.status_code >= 500:
            self.broken.append(f"{method} {path} {body}: {answer.status_code} {answer.text[:300]}")
        return Told(answer)


class Told:
    """An answer as users read it."""

    def __init__(self, answer: httpx.Response) -> None:
        self.status = answer.status_code
        self.json = answer.json


def limit(cloud: TestCloud) -> None:
    admin, project = cloud.admin, cloud.demo.project_id
    assert admin.put("compute", f"/os-quota-sets/{project}", {"quota_set": {"instances": SERVERS}}).status_code == 200
    assert admin.put("volume", f"/os-quota-sets/{project}", {"quota_set": {"volumes": VOLUMES}}).status_code == 200


def furnish(cloud: TestCloud) -> tuple[str, str]:
    """An image and a network with fewer addresses than servers may be made."""
    demo = cloud.demo
    flavor = {"name": "m1.nano", "id": "1", "ram": 192, "vcpus": 1, "disk": 1}
    assert cloud.admin.post("compute", "/flavors", {"flavor": flavor}).status_code == 200
    image = demo.post("image", "/images", {"name": "i", "disk_format": "raw", "container_format": "bare"}).json()["id"]
    demo.put("image", f"/images/{image}/file", content=b"\0" * 4096, headers={"content-type": "application/octet-stream"})
    net = demo.post("network", "/networks", {"network": {"name": "n"}}).json()["network"]["id"]
    pool = [{"start": "10.0.0.2", "end": f"10.0.0.{SERVERS + 1}"}]
    subnet = {"network_id": net, "ip_version": 4, "cidr": "10.0.0.0/24", "allocation_pools": pool}
    assert demo.post("network", "/subnets", {"subnet": subnet}).status_code == 201
    return image, net


async def watch(crowd: Crowd, until: float) -> None:
    """What must hold at every moment."""
    admin = {"x-auth-token": crowd.cloud.admin.token}
    while time.monotonic() < until:
        ask = crowd.http.get
        servers = (await ask(f"{crowd.cloud.url}{COMPUTE}/servers?all_tenants=1", headers=admin)).json()["servers"]
        volumes = (await ask(f"{crowd.cloud.url}{VOLUME}/volumes?all_tenants=1", headers=admin)).json()["volumes"]
        ports = (await ask(f"{crowd.cloud.url}{NETWORK}/ports", headers=admin)).json()["ports"]
        assert len(servers) <= SERVERS, f"{len(servers)} servers, where {SERVERS} are allowed"
        assert len(volumes) <= VOLUMES, f"{len(volumes)} volumes, where {VOLUMES} are allowed"
        addresses = [(fixed["subnet_id"], fixed["ip_address"]) for port in ports for fixed in port["fixed_ips"]]
        assert len(addresses) == len(set(addresses)), f"an address was given twice: {sorted(addresses)}"
        await asyncio.sleep(0.05)


async def live(user: User, until: float) -> None:
    while time.monotonic() < until:
        await user.act()


async def play(crowd: Crowd, user: User) -> None:
    until = time.monotonic() + SECONDS
    async with crowd.http:
        await asyncio.gather(watch(crowd, until), *(live(user, until) for _ in range(CLIENTS)))


def at_rest(cloud: TestCloud) -> None:
    """Wait until every operation has ended."""
    end = time.monotonic() + 60
    while rows := cloud.run(cloud.app.db.read(lambda tx: [tuple(row) for row in tx.rows(ACTIVE)])):
        assert time.monotonic() < end, f"operations hang: {rows}"
        time.sleep(0.1)


def look_at(cloud: TestCloud) -> Look:
    admin = cloud.admin
    hosts = cloud.app.cloud.hosts
    agents = {host: hosts.local(host).agent for host in hosts.connected()}
    storage = next(iter(agents.values())).drivers.block.storage
    rows = cloud.run(cloud.app.db.read(lambda tx: [row[0] for row in tx.rows(ALLOCATED)]))
    return Look(
        operations=[],
        servers={each["id"]: each for each in admin.get("compute", "/servers/detail?all_tenants=1").json()["servers"]},
        volumes={each["id"]: each for each in admin.get("volume", "/volumes/detail?all_tenants=1").json()["volumes"]},
        ports=admin.get("network", "/ports").json()["ports"],
        allocations=set(rows),
        guests={host: guests_of(agent.drivers.hypervisor) for host, agent in agents.items()},
        taps={host: taps_of(agent.drivers.network) for host, agent in agents.items()},
        files=dict.fromkeys(storage.volumes, "file"),
    )


@pytest.fixture
def cloud(tmp_path: Path, begun: Model) -> Any:
    running = TestCloud(tmp_path, begun.copy(tmp_path)).start()
    yield running
    running.stop()


def test_the_same_few_things_by_many_clients(cloud: TestCloud) -> None:
    limit(cloud)
    crowd = Crowd(cloud)
    image, net = furnish(cloud)
    user = User(crowd, image, net)
    asyncio.run(play(crowd, user))
    assert not crowd.broken, "\n".join(crowd.broken[:20])
    assert {202, 403, 409} <= crowd.statuses.keys(), crowd.statuses  # the quotas were reached and conflicts came about
    at_rest(cloud)
    deadline = time.monotonic() + 30
    for _ in itertools.count():
        try:
            check(look_at(cloud), user)
            return
        except AssertionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
