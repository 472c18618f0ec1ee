"""Time and CPU of calls to a process, by one client on one kept-alive connection."""

import contextlib
import http.client
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit


def cpu_seconds(pid: int) -> float:
    """CPU the threads of a process have used so far. (/proc/PID/stat counts in steps of 10 ms.)"""
    used = 0
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has just ended
            used += int((thread / "schedstat").read_text().split()[0])
    return used / 1e9


def calm(pid: int, within: float = 60.0) -> None:
    """Wait until a process does next to nothing by itself: what its start left to do is not what is measured."""
    until = time.monotonic() + within
    while time.monotonic() < until:
        before = cpu_seconds(pid)
        time.sleep(0.5)
        if cpu_seconds(pid) - before < 0.02:
            return


def memory_mib(pid: int, kind: str = "Rss") -> float:
    """Memory of a process: resident ("Rss"), or with pages that several processes share divided among them ("Pss")."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith(f"{kind}:"):
            return int(line.split()[1]) / 1024
    return 0.0


class Client:
    def __init__(self, url: str, token: str = "") -> None:
        self.url = urlsplit(url)
        self.token = token
        self._connection = http.client.HTTPConnection(self.url.hostname or "", self.url.port, timeout=120)

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, dict[str, str], bytes]:
        data = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else None
        lines = {"X-Auth-Token": self.token} if self.token else {}
        lines["Content-Type"] = "application/octet-stream" if isinstance(body, bytes) else "application/json"
        lines.update({name.replace("_", "-"): value for name, value in headers.items()})
        for last in (False, True):
            try:
                self._connection.request(method, path, data, lines)
                answer = self._connection.getresponse()
                break
            except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
                self._connection.close()  # it was idle for too long; the request is sent on a new one
                if last:
                    raise
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()

    def json(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        status, _, data = self.call(method, path, body, **headers)
        if status >= 300:
            raise RuntimeError(f"{method} {path}: {status} {data[:300]!r}")
        return json.loads(data) if data else None


def sample(pid: int, work: Callable[[], Any], count: int, warm: int = 3) -> tuple[float, float]:
    """Median wall time and mean CPU time of one call, in ms."""
    for _ in range(warm):
        work()
    times: list[float] = []
    used = cpu_seconds(pid)
    for _ in range(count):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return statistics.median(times) * 1000, (cpu_seconds(pid) - used) / count * 1000


def sample_here(
    work: Callable[[], Any], count: int, warm: int = 3, after: Callable[[Any], Any] = lambda result: None
) -> tuple[float, float]:
    """The same of work in this process, or of which only the wall time matters. `after` is called with each result, unmeasured."""
    times: list[float] = []
    used = 0.0
    for number in range(warm + count):
        began, before = time.perf_counter(), time.process_time()
        result = work()
        if number >= warm:
            used += time.process_time() - before
            times.append(time.perf_counter() - began)
        after(result)
    return statistics.median(times) * 1000, used / count * 1000


def say(text: str) -> None:
    print(text, flush=True)


def memory_lines(whose: str, pid: int, floor: int, real: bool = False) -> None:
    """What a process takes beside what another does, and with `real` beside what all processes of the real OpenStack do."""
    for kind, name, openstack in (("Rss", "resident", 6148), ("Pss", "proportional", 4008)):
        line(f"{name} memory of {whose}", mib=(memory_mib(pid, kind), memory_mib(floor, kind)), real=openstack if real else None)


def line(
    what: str,
    ours: tuple[float, float] = (0, 0),
    floor: tuple[float, float] | None = None,
    real: float | None = None,
    *,
    mib: tuple[float, float] | None = None,
    wall: bool = False,
) -> None:
    """One line of the report: ours, the floor's, their ratio, and what the real OpenStack needs over ours.

    Times are (wall, CPU) in ms and compared by CPU, with `wall` by wall time alone; `mib` is memory, ours and the floor's.
    """
    if mib is not None:
        text = f"{what:56} {mib[0]:9.0f} MiB              floor {mib[1]:8.0f} MiB             = {mib[0] / mib[1]:5.1f} x"
        say(text + (f"   OpenStack {real:8.0f} MiB     = 1/{real / mib[0]:.0f}" if real is not None else ""))
        return
    at = 0 if wall else 1
    text = f"{what:56} {ours[0]:9.2f} ms" + ("                " if wall else f" {ours[1]:8.2f} ms cpu")
    if floor is not None:
        text += f"   floor {floor[0]:8.2f} ms" + ("               " if wall else f" {floor[1]:7.2f} ms cpu")
        text += f" = {ours[at] / max(floor[at], 0.01):5.1f} x"
    if real is not None:
        text += f"   OpenStack {real:8.1f} ms cpu = 1/{real / max(ours[1], 0.01):.0f}"
    say(text)
