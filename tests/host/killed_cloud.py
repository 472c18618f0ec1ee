"""A whole cloud on a machine of its own: its controller and its agent are processes that may be killed at any moment."""

import asyncio
import random
import signal
import subprocess
import time
from typing import Any

import httpx
from whole_machine import COMMAND, Machine

from users import OTHER_POOL

NAMES = ("server", "agent")
READY_WITHIN = 150.0  # seconds; the first time libvirtd is started too
URL = "http://127.0.0.1:8780"


class Nothing:
    """No answer came: what became of the request is not known."""

    status = 0

    def json(self) -> Any:
        return {}


class Answered:
    def __init__(self, response: httpx.Response) -> None:
        self.status = response.status_code
        self._response = response

    def json(self) -> Any:
        return self._response.json()


class KilledCloud:
    """To be used on one event loop, in a thread that is in the machine's network."""

    def __init__(self, inside: Machine, seed: int, database_url: str | None = None) -> None:
        """`database_url`: of a database that is not the cloud's own file."""
        self.inside = inside
        self.database_url = database_url or f"sqlite:///{inside.state_dir}/monostack.db"
        inside.environment["MONOSTACK_DATABASE_URL"] = self.database_url
        self.other_pool = inside.state_dir / OTHER_POOL
        inside.environment["MONOSTACK_AGENT_VOLUME_POOLS"] = f'{{ {OTHER_POOL} = "{self.other_pool}" }}'
        self.random = random.Random(seed)
        self.log: list[str] = []
        self._began = time.monotonic()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._http = httpx.AsyncClient(base_url=URL, timeout=60, trust_env=False)

    def say(self, what: str) -> None:
        self.log.append(f"{time.monotonic() - self._began:7.2f} {what}")

    # --- processes ---------------------------------------------------------------------------------------------------

    def start(self, *names: str) -> None:
        """Begin to run; whether they get anywhere is for `ready` to see."""
        self.inside.state_dir.mkdir(mode=0o711, exist_ok=True)
        for name in names:
            self._processes[name] = self.inside.start(str(COMMAND), name, log=self.inside.state_dir / f"{name}.log")

    def kill(self, *names: str) -> None:
        """Between two instructions, without a last word."""
        for name in names:
            self._processes[name].send_signal(signal.SIGKILL)
        for name in names:
            assert self._processes[name].wait() == -signal.SIGKILL, f"{name} had ended by itself: {self.last_words(name)}"

    def end(self) -> None:
        """However they are."""
        for process in self._processes.values():
            process.kill()
            process.wait()

    async def ready(self) -> None:
        """Wait until the controller answers and its agent is connected."""
        until = time.monotonic() + READY_WITHIN
        while True:
            try:
                health = (await self._http.get("/healthz")).json()
            except httpx.TransportError:
                health = {}
            if health.get("hosts"):
                return
            for name, process in self._processes.items():
                assert process.poll() is None, f"{name} ended: {self.last_words(name)}"
            assert time.monotonic() < until, f"not ready in {READY_WITHIN:g} s: {[self.last_words(name) for name in NAMES]}"
            await asyncio.sleep(0.1)

    def last_words(self, name: str, lines: int = 30) -> str:
        """The end of its log, without the requests it answered."""
        said = (self.inside.state_dir / f"{name}.log").read_text(errors="replace").splitlines()
        return "\n".join([line for line in said if " monostack.access: " not in line][-lines:])

    # --- the API -----------------------------------------------------------------------------------------------------

    async def log_in(self) -> None:
        password = (self.inside.state_dir / "admin-password").read_text().strip()
        user = {"name": "admin", "domain": {"id": "default"}, "password": password}
        identity = {"methods": ["password"], "password": {"user": user}}
        scope = {"project": {"name": "admin", "domain": {"id": "default"}}}
        answer = await self._http.post("/identity/v3/auth/tokens", json={"auth": {"identity": identity, "scope": scope}})
        assert answer.status_code == 201, answer.text
        self._http.headers["x-auth-token"] = answer.headers["x-subject-token"]

    async def ask(self, method: str, path: str, body: Any = None, content: bytes | None = None) -> Answered | Nothing:
        """A client's request. Killing may leave it without an answer, but never makes the answer a 500."""
        options = {"content": content, "headers": {"content-type": "application/octet-stream"}} if content is not None else {"json": body}
        try:
            answer = await self._http.request(method, path, **(options if body is not None or content is not None else {}))
        except httpx.TransportError:
            return Nothing()
        assert answer.status_code < 500, f"{method} {path} {body}: {answer.status_code} {answer.text}"
        return Answered(answer)

    async def all(self, path: str, key: str) -> list[dict[str, Any]]:
        answer = await self.ask("GET", path)
        assert answer.status == 200, f"GET {path}: {answer.status} {answer.json()}"
        return answer.json()[key]
