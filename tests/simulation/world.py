"""A small cloud on virtual time: controllers come and go, hosts and the network between them fail, the hosts' state stays."""

import asyncio
import random
from pathlib import Path
from typing import Any

from asgi import Answer, call, log_in
from monostack.agent.block.simulated import SimulatedStorage
from monostack.agent.simulation import FaultPlan, FaultRule
from monostack.app import App
from monostack.core.config import load
from monostack.protocol import Failure
from monostack.testing.hosts import simulated_host
from users import OTHER_POOL

HOSTS = ("alpha", "beta", "gamma")
FAULTS = ("delay", "delay", "drop request", "drop answer", "disconnect", "error", "error after")


class World:
    """`random` decides everything; it comes from the seed alone."""

    def __init__(self, seed: int, directory: Path, token: str = "") -> None:
        self.random = random.Random(seed)
        self.directory = directory
        self.faults = FaultPlan()
        storage = SimulatedStorage()
        self.storage = storage
        self.agents = {name: simulated_host(name, storage=storage, faults=self.faults, volume_pools=[OTHER_POOL]) for name in HOSTS}
        self.app: Any = None
        self.token = token
        self.log: list[str] = []

    # --- controllers -------------------------------------------------------------------------------------------------

    async def start_controller(self) -> None:
        flags = {"state_dir": str(self.directory), "api.port": 0, "operations.lease": 10}
        self.app = App(load(environ={}, flags=flags), inline=True, durable=False)
        self.app.server.socket.close()
        await self.app.open(listen=False)
        for agent in self.agents.values():
            await self.app.cloud.hosts.attach_local(agent, self.faults)
        if not self.token:
            self.token = await log_in(self.app.http, self.directory)

    async def crash_controller(self) -> None:
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
        dead.db._inline.close()
        dead.db._queue.put(None)
        for agent in self.agents.values():
            agent.subscribe(None)
        self.log.append("crash")

    async def restart_controller(self) -> None:
        await self.crash_controller()
        await self.start_controller()

    async def ask(self, method: str, path: str, body: Any = None, content: bytes | None = None, **headers: str) -> Answer:
        """A client's request. No answer of the cloud is ever a 500, whatever fails below it."""
        answer = await call(self.app.http, method, path, self.token, body, content, **headers)
        assert answer.status < 500, f"{method} {path} {body}: {answer.status} {answer.content!r}"
        return answer

    # --- what goes wrong ---------------------------------------------------------------------------------------------

    def add_fault(self) -> None:
        kind = self.random.choice(FAULTS)
        rule: dict[str, Any] = {"times": self.random.randint(1, 2), "host": self.random.choice((*HOSTS, "*"))}
        rule["command"] = self.random.choice(
            ("guest.*", "guest.create", "guest.destroy", "guest.*_volume", "network.apply", "volume.*", "*")
        )
        if kind == "delay":
            rule["delay"] = self.random.choice((0.5, 5.0, 60.0, 200.0))
        elif kind.startswith("drop"):
            rule["drop"] = kind.split()[1]
        elif kind == "disconnect":
            rule["disconnect"] = True
        else:
            rule["error"] = Failure("simulated.failure", "asked for by the simulation", self.random.random() < 0.5)
            rule["when"] = "after" if kind.endswith("after") else "before"
        self.faults.add(FaultRule(**rule))
        self.log.append(f"fault {rule}")
