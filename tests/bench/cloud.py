"""A cloud under measurement, as one client sees it, and the emulator as a process of its own."""

import contextlib
import json
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from measure import Client, calm, cpu_seconds, memory_mib

COMPUTE, NETWORK, IMAGE, IDENTITY, VOLUME = "/compute/v2.1", "/network/v2.0", "/image/v2", "/identity/v3", "/volume/v3"
MANY = {"openstack-api-version": "compute 2.37"}
QUOTAS = ("compute-instances", "compute-cores", "compute-ram", "network-port", "volume-volumes")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def running(command: list[str], port: int) -> Iterator[int]:
    """A process that listens on a port, from when it does to the end of the block; its id."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(2400):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.05)
        yield process.pid
    finally:
        process.terminate()
        process.wait(60)


class Cloud:
    """A running cloud with what a user would have set up: an image without content to speak of, a network, a flavor."""

    def __init__(self, url: str, state: Path, pid: int) -> None:
        self.pid = pid
        self.url = url
        password = (state / "admin-password").read_text().strip()
        user = {"name": "admin", "domain": {"id": "default"}, "password": password}
        scope = {"project": {"name": "admin", "domain": {"id": "default"}}}
        self.credentials = {"auth": {"identity": {"methods": ["password"], "password": {"user": user}}, "scope": scope}}
        anonymous = Client(url)
        _, headers, answer = anonymous.call("POST", f"{IDENTITY}/auth/tokens", self.credentials)
        self.token = headers["x-subject-token"]
        self.project = json.loads(answer)["token"]["project"]["id"]
        self.client = Client(url, self.token)
        ask = self.client.json
        self.image = ask("POST", f"{IMAGE}/images", {"name": "i", "disk_format": "raw", "container_format": "bare"})["id"]
        self.client.call("PUT", f"{IMAGE}/images/{self.image}/file", b"\0" * 4096)
        self.network = ask("POST", f"{NETWORK}/networks", {"network": {"name": "n"}})["network"]["id"]
        ask("POST", f"{NETWORK}/subnets", {"subnet": {"network_id": self.network, "ip_version": 4, "cidr": "10.0.0.0/16"}})
        ask("POST", f"{COMPUTE}/flavors", {"flavor": {"name": "f", "id": "1", "ram": 64, "vcpus": 1, "disk": 1}})

    def boot(self, client: Client | None = None, look_every: float = 0.005) -> str:
        """Create a server and wait until it is ACTIVE; its id."""
        ask = (client or self.client).json
        server = ask("POST", f"{COMPUTE}/servers", {"server": self._wanted()})["server"]["id"]
        while (status := ask("GET", f"{COMPUTE}/servers/{server}")["server"]["status"]) != "ACTIVE":
            if status == "ERROR":
                raise RuntimeError(f"server {server} is in ERROR")
            time.sleep(look_every)
        return server

    def delete(self, server: str) -> None:
        """Delete a server and wait until it is gone."""
        self.client.call("DELETE", f"{COMPUTE}/servers/{server}")
        while self.client.call("GET", f"{COMPUTE}/servers/{server}")[0] != 404:
            time.sleep(0.02)

    def _wanted(self) -> dict[str, Any]:
        return {"name": "s", "flavorRef": "1", "imageRef": self.image, "networks": [{"uuid": self.network}]}

    def boot_many(self, count: int, at_once: int) -> tuple[float, float]:
        """Boot servers from several clients; boots a second and CPU ms a boot."""

        def work(share: int) -> None:
            client = Client(self.url, self.token)
            for _ in range(share):
                self.boot(client, look_every=0.05)

        shares = [count // at_once + (n < count % at_once) for n in range(at_once)]
        used, began = cpu_seconds(self.pid), time.perf_counter()
        with ThreadPoolExecutor(at_once) as pool:
            list(pool.map(work, shares))
        return count / (time.perf_counter() - began), (cpu_seconds(self.pid) - used) / count * 1000

    def fill(self, count: int, within: float) -> int:
        """Boot servers a hundred a request, each with a port, until there are so many more or the seconds are over; how many."""
        made, until = 0, time.perf_counter() + within
        while made < count and time.perf_counter() < until:
            some = min(100, count - made)
            body = {"server": {**self._wanted(), "min_count": some, "max_count": some}}
            self.client.json("POST", f"{COMPUTE}/servers", body, **MANY)
            while self.client.json("GET", f"{COMPUTE}/servers?status=BUILD&limit=1")["servers"]:
                time.sleep(0.05)
            made += some
        return made


@contextlib.contextmanager
def emulator(hosts: int, say: Callable[[str], None]) -> Iterator[Cloud]:
    """`monostack dev` with no quota."""
    with tempfile.TemporaryDirectory(prefix="monostack-bench-") as directory:
        state, port = Path(directory) / "state", free_port()
        command = [sys.executable, "-m", "monostack.cli", "dev", "--hosts", str(hosts), "--port", str(port), "--state-dir", str(state)]
        command += [word for name in QUOTAS for word in (f"--quota-{name}", "-1")]
        began = time.perf_counter()
        with running(command, port) as pid:
            ready, used = time.perf_counter() - began, cpu_seconds(pid)
            say(f"emulator with {hosts} hosts: ready after {ready:.1f} s ({used:.1f} s cpu), {memory_mib(pid):.0f} MiB resident")
            calm(pid)
            yield Cloud(f"http://127.0.0.1:{port}", state, pid)
