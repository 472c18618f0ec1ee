"""The API on simulated hosts: reads, logins, boots, images."""

import contextlib
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

from argon2 import PasswordHasher
from cloud import COMPUTE, IDENTITY, IMAGE, NETWORK, VOLUME, Cloud, emulator, free_port, running
from measure import Client, line, memory_lines, sample, sample_here, say

FLOOR = Path(__file__).parent / "floor.py"


class Floor:
    """The bare application as a process of its own."""

    def __init__(self, port: int, pid: int) -> None:
        self.client = Client(f"http://127.0.0.1:{port}")
        self.pid = pid

    def call(self, method: str, path: str, times: int) -> tuple[float, float]:
        return sample(self.pid, lambda: self.client.call(method, path), times)


@contextlib.contextmanager
def floor(servers: int) -> Iterator[Floor]:
    port = free_port()
    with running([sys.executable, str(FLOOR), str(port), str(servers)], port) as pid:
        yield Floor(port, pid)


def measure_api(args: Namespace) -> None:
    """Reads, logins and boots beside a bare application, and the controller's memory."""
    with emulator(args.hosts, say) as cloud, floor(args.servers) as bare:
        _small(cloud, bare)
        _boots(cloud, bare, args.boots)
        cloud.fill(args.servers - 2 * args.boots - 33, within=120)
        _lists(cloud, bare, args.servers)
        _others(cloud, bare)
        memory_lines("the controller", cloud.pid, bare.pid, real=True)


def _small(cloud: Cloud, bare: Floor) -> None:
    call = cloud.client.call
    hasher = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)  # as the cloud's
    kept = hasher.hash("password")
    login = sample(cloud.pid, lambda: Client(cloud.url).call("POST", f"{IDENTITY}/auth/tokens", cloud.credentials), 20)
    line("log in with a password (floor: hash it)", login, sample_here(lambda: hasher.verify(kept, "password"), 20), 262.5)
    ours = sample(cloud.pid, lambda: call("GET", f"{IDENTITY}/auth/tokens", x_subject_token=cloud.token), 300)
    line("validate a token", ours, bare.call("GET", "/token", 300), 4.6)
    small = bare.call("GET", "/servers?1", 300)
    for path, real in ((f"{COMPUTE}/flavors/detail", 7.9), (f"{IMAGE}/images", 4.5), (f"{NETWORK}/networks", 21.4)):
        line(f"GET {path}", sample(cloud.pid, lambda p=path: call("GET", p), 300), small, real)


def _boots(cloud: Cloud, bare: Floor, boots: int) -> None:
    writes = bare.call("POST", "/boot", 100)
    line("POST /servers until ACTIVE", sample(cloud.pid, cloud.boot, 30), writes, 2600.0)
    for _ in range(2):
        rate, cpu = cloud.boot_many(boots, 16)
        line(f"boots at concurrency 16: {rate:.0f} a second (OpenStack 0.97)", (1000 / rate, cpu), writes, 1973)


def _lists(cloud: Cloud, bare: Floor, servers: int) -> None:
    for count, real, times in ((1, 63.4, 100), (100, 366.3, 40), (servers, 3322.6, 10)):
        path = f"{COMPUTE}/servers/detail?limit={count}"
        ours = sample(cloud.pid, lambda p=path: cloud.client.call("GET", p), times)
        line(f"GET /servers/detail, {count}", ours, bare.call("GET", f"/servers?{count}", times), real)


def _others(cloud: Cloud, bare: Floor) -> None:
    """One and many of what servers have: ports and volumes. OpenStack's figures are for 103 ports and 20 volumes."""
    ask = cloud.client.json
    volumes = f"{VOLUME}/{cloud.project}/volumes"
    made = [ask("POST", volumes, {"volume": {"size": 1, "name": "v"}})["volume"]["id"] for _ in range(20)]
    volume = made[0]
    port = ask("GET", f"{NETWORK}/ports?limit=1")["ports"][0]["id"]
    for path, count, real in (
        (f"{NETWORK}/networks/{cloud.network}", 1, 16.8),
        (f"{NETWORK}/ports/{port}", 1, None),
        (f"{NETWORK}/ports?limit=103", 103, 76.1),
        (f"{volumes}/{volume}", 1, None),
        (f"{volumes}/detail", 20, 17.4),
        (f"{IMAGE}/images/{cloud.image}", 1, 4.2),
    ):
        ours = sample(cloud.pid, lambda p=path: cloud.client.call("GET", p), 100)
        shown = path.replace(f"/{cloud.project}", "").replace(cloud.network, "{id}").replace(cloud.image, "{id}")
        line(f"GET {shown.replace(port, '{id}').replace(volume, '{id}')}, {count}", ours, bare.call("GET", f"/servers?{count}", 100), real)


def measure_images(args: Namespace, size: int = 256 << 20) -> None:
    """Up and down beside a copy of a file, in MiB a second."""
    content = bytes(size)
    with emulator(1, say) as cloud, tempfile.TemporaryDirectory() as directory:
        ask = cloud.client.json
        image = ask("POST", f"{IMAGE}/images", {"name": "big", "disk_format": "raw", "container_format": "bare"})["id"]
        source = Path(directory) / "a"
        source.write_bytes(content)
        seconds = []
        for work in (
            lambda: (Path(directory) / "b").write_bytes(source.read_bytes()),
            lambda: cloud.client.call("PUT", f"{IMAGE}/images/{image}/file", content),
            lambda: cloud.client.call("GET", f"{IMAGE}/images/{image}/file"),
        ):
            began = time.perf_counter()
            work()
            seconds.append(time.perf_counter() - began)
        plain, up, down = seconds
        mib = size >> 20
        say(f"image of {mib} MiB: upload {mib / up:.0f} MiB/s = 1/{up / plain:.1f}, download {mib / down:.0f} MiB/s = 1/{down / plain:.1f}"
            f" of a file copy ({mib / plain:.0f} MiB/s)")  # fmt: skip
