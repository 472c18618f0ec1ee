"""make bench: what the cloud costs, each figure beside its floor in the same run and beside the real OpenStack's CPU on like hardware.

    python tests/bench [--servers 1000] [--boots 200] [--hosts 100]

Starts the emulator and the floor as processes of their own, on free ports of the loopback, and ends them. Figures are medians of wall time
and means of the server's CPU time. The OpenStack column is what keystone 30, nova 34, neutron 29, cinder 29 and glance 33 used per call on
a machine of two cores when they were measured in November 2026; it is a constant here, not measured in the run.
"""

import argparse
import contextlib
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from measure import Client, cpu_seconds, line, memory_mib, sample

HERE = Path(__file__).parent
COMPUTE, NETWORK, IMAGE, IDENTITY = "/compute/v2.1", "/network/v2.0", "/image/v2", "/identity/v3"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def running(command: list[str], port: int) -> Iterator[int]:
    """A process that listens on a port, from when it does to the end of the block; its id."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(600):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.05)
        yield process.pid
    finally:
        process.terminate()
        process.wait(30)


class Emulator:
    """`monostack dev` with what a user would have set up: no quota, an image, a network, a flavor."""

    def __init__(self, url: str, state: Path, pid: int) -> None:
        self.pid = pid
        self.url = url
        password = (state / "admin-password").read_text().strip()
        user = {"name": "admin", "domain": {"id": "default"}, "password": password}
        scope = {"project": {"name": "admin", "domain": {"id": "default"}}}
        self.credentials = {"auth": {"identity": {"methods": ["password"], "password": {"user": user}}, "scope": scope}}
        anonymous = Client(url)
        _, headers, _ = anonymous.call("POST", f"{IDENTITY}/auth/tokens", self.credentials)
        self.token = headers["x-subject-token"]
        self.client = Client(url, self.token)
        ask = self.client.json
        self.image = ask("POST", f"{IMAGE}/images", {"name": "i", "disk_format": "raw", "container_format": "bare"})["id"]
        self.client.call("PUT", f"{IMAGE}/images/{self.image}/file", b"\0" * 4096)
        self.network = ask("POST", f"{NETWORK}/networks", {"network": {"name": "n"}})["network"]["id"]
        ask("POST", f"{NETWORK}/subnets", {"subnet": {"network_id": self.network, "ip_version": 4, "cidr": "10.0.0.0/16"}})
        ask("POST", f"{COMPUTE}/flavors", {"flavor": {"name": "f", "id": "1", "ram": 64, "vcpus": 1, "disk": 1}})

    def boot(self, client: Client | None = None) -> str:
        """Create a server and wait until it is ACTIVE, looking every 5 ms; its id."""
        ask = (client or self.client).json
        body = {"server": {"name": "s", "flavorRef": "1", "imageRef": self.image, "networks": [{"uuid": self.network}]}}
        server = ask("POST", f"{COMPUTE}/servers", body)["server"]["id"]
        while (status := ask("GET", f"{COMPUTE}/servers/{server}")["server"]["status"]) != "ACTIVE":
            if status == "ERROR":
                raise RuntimeError(f"server {server} is in ERROR")
            time.sleep(0.005)
        return server

    def boot_many(self, count: int, at_once: int) -> tuple[float, float]:
        """Boot servers from several clients; boots a second and CPU ms a boot."""

        def work(share: int) -> None:
            client = Client(self.url, self.token)
            for _ in range(share):
                self.boot(client)

        shares = [count // at_once + (n < count % at_once) for n in range(at_once)]
        used, began = cpu_seconds(self.pid), time.perf_counter()
        with ThreadPoolExecutor(at_once) as pool:
            list(pool.map(work, shares))
        return count / (time.perf_counter() - began), (cpu_seconds(self.pid) - used) / count * 1000


@contextlib.contextmanager
def emulator(hosts: int) -> Iterator[Emulator]:
    with tempfile.TemporaryDirectory(prefix="monostack-bench-") as directory:
        state, port = Path(directory) / "state", free_port()
        unlimited = [f"--quota-{name}" for name in ("compute-instances", "compute-cores", "compute-ram", "network-port")]
        command = [sys.executable, "-m", "monostack.cli", "dev", "--hosts", str(hosts), "--port", str(port), "--state-dir", str(state)]
        command += [word for flag in unlimited for word in (flag, "-1")]
        began = time.perf_counter()
        with running(command, port) as pid:
            print(
                f"emulator with {hosts} hosts ready after {time.perf_counter() - began:.1f} s, {memory_mib(pid):.0f} MiB resident",
                flush=True,
            )
            yield Emulator(f"http://127.0.0.1:{port}", state, pid)


def compare_reads(cloud: Emulator, servers: int) -> None:
    port = free_port()
    with running([sys.executable, str(HERE / "floor.py"), str(port), str(servers)], port) as pid:
        bare = Client(f"http://127.0.0.1:{port}")
        ours = sample(cloud.pid, lambda: cloud.client.call("GET", f"{IDENTITY}/auth/tokens", x_subject_token=cloud.token), 200)
        line("validate a token", ours, sample(pid, lambda: bare.call("GET", "/token"), 200), 4.6)
        for count, real, times in ((1, 63.4, 100), (100, 366.3, 30), (servers, 3322.6, 8)):
            path = f"{COMPUTE}/servers/detail?limit={count}"
            ours = sample(cloud.pid, lambda p=path: cloud.client.call("GET", p), times)
            line(f"GET /servers/detail, {count}", ours, sample(pid, lambda c=count: bare.call("GET", f"/servers?{c}"), times), real)


def compare_images(cloud: Emulator, size: int = 256 << 20) -> None:
    content = bytes(size)
    ask = cloud.client.json
    image = ask("POST", f"{IMAGE}/images", {"name": "big", "disk_format": "raw", "container_format": "bare"})["id"]
    with tempfile.TemporaryDirectory() as directory:
        source = Path(directory) / "a"
        source.write_bytes(content)

        def copy() -> None:
            (Path(directory) / "b").write_bytes(source.read_bytes())

        began = time.perf_counter()
        copy()
        plain = time.perf_counter() - began
    began = time.perf_counter()
    cloud.client.call("PUT", f"{IMAGE}/images/{image}/file", content)
    up = time.perf_counter() - began
    began = time.perf_counter()
    cloud.client.call("GET", f"{IMAGE}/images/{image}/file")
    down = time.perf_counter() - began
    mib = size >> 20
    print(f"{'image of ' + str(mib) + ' MiB':44} upload {mib / up:6.0f} MiB/s, download {mib / down:6.0f} MiB/s", end="")
    print(f"   plain file copy {mib / plain:6.0f} MiB/s = {up / plain:.1f} x, {down / plain:.1f} x", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--servers", type=int, default=1000)
    parser.add_argument("--boots", type=int, default=200)
    parser.add_argument("--hosts", type=int, default=100)
    args = parser.parse_args()
    with emulator(args.hosts) as cloud:
        ours: Any = sample(cloud.pid, lambda: Client(cloud.url).call("POST", f"{IDENTITY}/auth/tokens", cloud.credentials), 20)
        line("log in with a password", ours, real=262.5)
        line("GET /flavors/detail", sample(cloud.pid, lambda: cloud.client.call("GET", f"{COMPUTE}/flavors/detail"), 200), real=7.9)
        line("POST /servers until ACTIVE", sample(cloud.pid, cloud.boot, 30), real=2600.0)
        for existing in (30, args.servers):
            count = args.boots if existing < args.servers else max(args.servers - args.boots - 33, args.boots)
            rate, cpu = cloud.boot_many(count, 16)
            what = f"boots at concurrency 16, from {existing}"
            print(f"{what:44} {rate:9.1f} /s  {cpu:8.2f} ms cpu a boot   OpenStack 0.97 /s, 1973 ms cpu", flush=True)
        compare_reads(cloud, args.servers)
        compare_images(cloud)
        print(f"{'resident memory, controller':44} {memory_mib(cloud.pid):9.0f} MiB   OpenStack 4008 MiB", flush=True)
    for hosts in (1000, 10_000):
        with emulator(hosts) as cloud:
            line(f"POST /servers until ACTIVE among {hosts} hosts", sample(cloud.pid, cloud.boot, 20))


if __name__ == "__main__":
    main()
