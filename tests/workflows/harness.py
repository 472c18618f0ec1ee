"""Puts workflows through what may happen to them, step by step, on a whole cloud with simulated hosts.

A `Case` says how to get to a workflow (`prepare`, `act`) and what is true when it succeeded (`ended`). `trials(case)` gives every way it
is tried:

    twice      each step is done twice, as after a crash between doing it and writing that down
    fails K    step K does its work and then fails: everything is as it was before, or for workflows that only go forward the same
               request made again succeeds
    killed K   the controller dies when step K has done its work, before that is written down; the next controller goes on
    undoing K  step K fails, and the controller dies while undoing it; the next controller goes on undoing
    cancelled K  the operation is cancelled while step K is at work

    @pytest.mark.parametrize("trial", trials(CASE), ids=str)
    def test_boot(trial, bench): bench.put(CASE, trial)
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from asgi import Answer, call, log_in
from monostack.agent.block.simulated import SimulatedStorage
from monostack.app import SERVICES, App
from monostack.core.config import load
from monostack.db import Transaction
from monostack.operations import Run, Step, StepError, Workflow
from monostack.protocol import NetworkCapacity, Nic
from monostack.testing.hosts import simulated_host

HOSTS = ("north", "south")
COMPUTE, NETWORK, IMAGE, VOLUME = "/compute/v2.1", "/network/v2.0", "/image/v2", "/volume/v3"
CAPACITY = NetworkCapacity([Nic("rp_tunnelled", egress_kbps=1000)])
PATIENCE = 30.0  # seconds until something must have happened

# What a workflow may take and must give back. Everything here is counted from rows, so that is all there is to compare.
TAKEN = {
    "allocations": "select consumer_uuid, provider_uuid, resource_class, used from allocations order by 1, 2, 3",
    "ports": "select id, device_id, device_owner, profile from ports where device_owner like 'compute:%' or device_owner = '' order by 1",
    "volumes": "select id, status, size from volumes order by 1",
    "attachments": "select volume_id, server_id, status from volume_attachments order by 1, 2",
    "server volumes": "select server_id, volume_id, attached from server_volumes order by 1, 2",
    "snapshots": "select id, status from volume_snapshots order by 1",
    "images": "select id, status from images order by 1",
    "TPMs": "select id from servers where tpm_key is not null order by 1",
}
ACTIVE = sa.text("select workflow, state, step from operations where state in ('running', 'undoing')")
# The time goes by until nobody believes any more that a dead controller lives (tests of the engine wait for it).
LAPSE = sa.text("update operations set lease_until = 0 where owner is not null")


@dataclass(frozen=True)
class Case:
    """One workflow on one way to it. `prepare` returns what `act` and `ended` are given.

    `input` is what tells which steps take part. `forward`: the workflow is not undone; the same request succeeds when made again.
    """

    workflow: str
    prepare: Callable[["Bench"], Awaitable[Any]]
    act: Callable[["Bench", Any], Awaitable[Any]]
    ended: Callable[["Bench", Any], Awaitable[None]]
    input: dict[str, Any]
    forward: bool = False

    def steps(self) -> tuple[Step, ...]:
        found: dict[str, Workflow] = {w.name: w for service in SERVICES for w in service.workflows}
        return found[self.workflow].for_input(self.input).steps


@dataclass(frozen=True)
class Trial:
    how: str
    step: int = 0

    def __str__(self) -> str:
        return f"{self.how}-{self.step}"


def trials(case: Case) -> list[Trial]:
    """Every way to try a case."""
    found = [Trial("twice")]
    for number, step in enumerate(case.steps()):
        found += [Trial("fails", number), Trial("killed", number)]
        if not case.forward:
            found.append(Trial("cancelled", number))
            if step.undo is not None:
                found.append(Trial("undoing", number))
    return found


@dataclass(frozen=True)
class Furniture:
    """What every case finds: the token of an administrator, an image and a network, which has a subnet; and a flavor, "f"."""

    token: str
    image: str
    network: str


class Bench:
    """A furnished cloud whose controller may be killed, while its hosts live on."""

    def __init__(self, directory: Path, database: str, furniture: Furniture | None = None) -> None:
        self.directory = directory
        self.database = database
        self.storage = SimulatedStorage()
        self.agents = {name: simulated_host(name, storage=self.storage, capacity=CAPACITY, volume_pools=["spare"]) for name in HOSTS}
        self.app: Any = None
        self.settings: dict[str, Any] = {}  # beside those that every bench has
        if furniture is not None:
            self.token, self.image, self.network = furniture.token, furniture.image, furniture.network

    def put(self, case: Case, trial: Trial) -> None:
        """Try the case; assertions fail where it does not go as it must."""
        asyncio.run(self._put(case, trial))

    async def _put(self, case: Case, trial: Trial) -> None:
        await self.start()
        try:
            given = await case.prepare(self)
            await self.rest()
            before = await self.taken()
            await getattr(self, f"_{trial.how}")(case, trial.step, given, before)
        finally:
            await self.kill()

    # --- the ways --------------------------------------------------------------------------------------------------------

    async def _twice(self, case: Case, number: int, given: Any, before: Any) -> None:
        self._tamper(case, lambda step, index: replace(step, do=_twice(step.do), undo=_twice(step.undo) if step.undo else None))
        await case.act(self, given)
        await self.rest()
        await case.ended(self, given)

    async def _fails(self, case: Case, number: int, given: Any, before: Any) -> None:
        self._tamper(case, lambda step, index: replace(step, do=_failing(step.do)) if index == number else step)
        await case.act(self, given)
        await self.rest()
        await self._after_failure(case, given, before)

    async def _killed(self, case: Case, number: int, given: Any, before: Any) -> None:
        reached = asyncio.Event()
        self._tamper(case, lambda step, index: replace(step, do=_stuck(step.do, reached)) if index == number else step)
        await case.act(self, given)
        async with asyncio.timeout(PATIENCE):
            await reached.wait()
        await self.kill()
        await self.start()
        await self.rest()
        await case.ended(self, given)

    async def _undoing(self, case: Case, number: int, given: Any, before: Any) -> None:
        reached = asyncio.Event()

        def change(step: Step, index: int) -> Step:
            if index != number:
                return step
            assert step.undo is not None
            return replace(step, do=_failing(step.do), undo=_stuck(step.undo, reached))

        self._tamper(case, change)
        await case.act(self, given)
        async with asyncio.timeout(PATIENCE):
            await reached.wait()
        await self.kill()
        await self.start()
        await self.rest()
        await self._after_failure(case, given, before)

    async def _cancelled(self, case: Case, number: int, given: Any, before: Any) -> None:
        reached = asyncio.Event()
        run_of: list[Run] = []
        self._tamper(case, lambda step, index: replace(step, do=_stuck(step.do, reached, run_of)) if index == number else step)
        await case.act(self, given)
        async with asyncio.timeout(PATIENCE):
            await reached.wait()
        cloud = self.app.cloud
        await cloud.db.write(lambda tx: cloud.cancel(tx, run_of[0].resource_id))
        await self.rest()
        await self._after_failure(case, given, before)

    async def _after_failure(self, case: Case, given: Any, before: Any) -> None:
        self._mend()
        if case.forward:
            await case.act(self, given)
            await self.rest()
            await case.ended(self, given)
        else:
            assert await self.taken() == before

    # --- tampering ---------------------------------------------------------------------------------------------------------

    def _tamper(self, case: Case, change: Callable[[Step, int], Step]) -> None:
        engine = self.app.cloud.operations
        workflow = engine.workflow(case.workflow)
        numbers = {step.name: index for index, step in enumerate(case.steps())}
        steps = tuple(change(step, numbers[step.name]) if step.name in numbers else step for step in workflow.steps)
        engine._workflows[case.workflow] = replace(workflow, steps=steps)

    def _mend(self) -> None:
        engine = self.app.cloud.operations
        engine._workflows = {w.name: w for service in SERVICES for w in service.workflows}

    # --- the cloud ---------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """A new controller on the same database; the hosts connect to it."""
        await self._open()
        for agent in self.agents.values():
            await self.app.cloud.hosts.attach_local(agent)
        await self.app.cloud.reconcilers.run_once("compute_hosts")

    async def _open(self) -> None:
        settings = {"state_dir": str(self.directory), "api.port": 0, "database.url": self.database, "operations.lease": 2}
        self.app = App(load(environ={}, flags=settings | self.settings), durable=False)  # controllers are killed, machines are not
        await self.app.open(listen=False)

    async def kill(self) -> None:
        """The process is gone between two instructions: nothing it would do at its end happens."""
        dead = self.app

        async def nothing(unit: Any) -> Any:
            await asyncio.get_running_loop().create_future()

        dead.db.write = dead.db.read = nothing
        dead.cloud.operations._stopping = True
        here = asyncio.current_task()
        tasks = [task for task in asyncio.all_tasks() if task is not here]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for agent in self.agents.values():
            agent.subscribe(None)
        dead.server.socket.close()
        await type(dead.db).write(dead.db, lambda tx: tx.execute(LAPSE))
        # What a dead process holds of the database goes with it; here it must be let go of.
        await type(dead.db).close(dead.db)

    async def ask(self, method: str, path: str, body: Any = None, expect: int | None = None, **headers: str) -> Answer:
        """One request as administrator."""
        answer = await call(self.app.http, method, path, self.token, body, **headers)
        assert expect is None or answer.status == expect, f"{method} {path}: {answer.status} {answer.content!r}"
        return answer

    async def furnish(self) -> Furniture:
        """Start the cloud for the first time, before any host is there; make the furniture and end."""
        await self._open()
        self.token = await log_in(self.app.http, self.directory)
        made = await self.ask("POST", f"{IMAGE}/images", {"name": "i", "disk_format": "raw", "container_format": "bare"}, 201)
        image = made.json()["id"]
        await call(self.app.http, "PUT", f"{IMAGE}/images/{image}/file", self.token, content=b"\0" * 4096)
        network = (await self.ask("POST", f"{NETWORK}/networks", {"network": {"name": "n"}}, 201)).json()["network"]["id"]
        subnet = {"network_id": network, "ip_version": 4, "cidr": "10.9.0.0/24"}
        await self.ask("POST", f"{NETWORK}/subnets", {"subnet": subnet}, 201)
        await self.ask("POST", f"{COMPUTE}/flavors", {"flavor": {"name": "f", "id": "f", "ram": 64, "vcpus": 1, "disk": 1}}, 200)
        await self.kill()
        return Furniture(self.token, image, network)

    async def rest(self) -> None:
        """Wait until no operation is under way any more."""
        async with asyncio.timeout(PATIENCE):
            while await self.app.db.read(lambda tx: tx.rows(ACTIVE)):  # noqa: ASYNC110 - the database tells nobody
                await asyncio.sleep(0.02)

    async def taken(self) -> dict[str, Any]:
        """What is held, by rows and by hosts."""

        def rows(tx: Transaction) -> dict[str, Any]:
            return {name: [tuple(row) for row in tx.rows(sa.text(query))] for name, query in TAKEN.items()}

        held = await self.app.db.read(rows)
        held["guests"] = {
            (host, server_id): (guest.state, sorted(guest.volumes), sorted(guest.nics), dict(guest.tpms))
            for host, agent in self.agents.items()
            for server_id, guest in agent.drivers.hypervisor.known.items()
        }
        held["stored"] = sorted(self.storage.volumes)
        held["locks"] = dict(self.storage.locks)
        held["outgoing"] = sorted(image for agent in self.agents.values() for image in agent.drivers.outgoing.sizes)
        return held


def _twice(do: Callable[[Run], Awaitable[Any]]) -> Callable[[Run], Awaitable[Any]]:
    async def both(run: Run) -> Any:
        await do(run)
        return await do(run)

    return both


def _failing(do: Callable[[Run], Awaitable[Any]]) -> Callable[[Run], Awaitable[Any]]:
    async def fail(run: Run) -> Any:
        await do(run)
        raise StepError("injected", kind="injected")

    return fail


def _stuck(do: Callable[[Run], Awaitable[Any]], reached: asyncio.Event, runs: list[Run] | None = None) -> Callable[[Run], Awaitable[Any]]:
    async def stop_here(run: Run) -> Any:
        await do(run)
        if runs is not None:
            runs.append(run)
        reached.set()
        await asyncio.get_running_loop().create_future()

    return stop_here
