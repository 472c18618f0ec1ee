"""A machine for one cloud: network and mount namespaces of its own, in which the `monostack` command is run as a user would."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from monostack.agent.network.linux import namespaces

T = TypeVar("T")
ROOT = Path(__file__).parents[2]
COMMAND = ROOT / ".venv" / "bin" / "monostack"

# The machine's own network namespaces, agent files and interfaces stay out of sight.
INSIDE = """
set -e
mount --make-rprivate /
mkdir -p /run/netns /run/monostack
mount -t tmpfs tmpfs /run/netns
mount -t tmpfs -o mode=755 tmpfs /run/monostack
umount -l /sys
mount -t sysfs sysfs /sys
cat /proc/sys/kernel/random/uuid > /run/monostack/boot_id
mount --bind /run/monostack/boot_id /proc/sys/kernel/random/boot_id
ip link set lo up
echo ready
exec sleep infinity
"""


class Machine:
    """Runs commands inside, while it has power."""

    def __init__(self, state_dir: Path) -> None:
        self.state_dir = state_dir
        self._holder = _power_on()
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith(("MONOSTACK_", "OS_"))}
        self.environment |= {"MONOSTACK_STATE_DIR": str(state_dir), "PATH": f"{COMMAND.parent}:{self.environment['PATH']}"}

    @property
    def pid(self) -> int:
        return self._holder.pid

    def power_off(self) -> None:
        """Like the plug being pulled: nobody says a last word, and what was not on the disk is gone."""
        for pid in self._running():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._holder.kill()
        self._holder.wait()

    def power_on(self) -> None:
        """With the disk as it was."""
        self._holder = _power_on()

    def run(self, *command: str, within: float = 180, **environment: str) -> subprocess.CompletedProcess[str]:
        options = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True, "timeout": within}
        return subprocess.run(self._inside(command), env=self.environment | environment, check=False, **options)

    def start(self, *command: str, log: Path) -> subprocess.Popen[bytes]:
        """A process in the background; what it says is added to `log`."""
        with log.open("ab") as output:
            return subprocess.Popen(
                self._inside(command), env=self.environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )

    def _inside(self, command: tuple[str, ...]) -> list[str]:
        return ["nsenter", "-t", str(self.pid), "-n", "-m", f"--wd={ROOT}", *command]

    def in_network(self, work: Callable[[], T]) -> T:
        """What `work` returns, called in a thread that is in the machine's network, as are the threads and sockets it makes."""

        def enter() -> None:
            with Path(f"/proc/{self.pid}/ns/net").open() as network:
                namespaces.setns(network.fileno())

        with ThreadPoolExecutor(1, initializer=enter) as thread:
            return thread.submit(work).result()

    def monostack(self, *words: str, within: float = 240) -> str:
        """What the command prints. AssertionError when it fails."""
        done = self.run(str(COMMAND), *words, within=within)
        assert done.returncode == 0, f"monostack {' '.join(words)}: {done.stdout}\n{done.stderr}"
        return done.stdout

    def processes(self) -> list[str]:
        """Command lines of what runs for this cloud: in its namespaces, or in others with its directory among the words."""
        return list(self._running().values())

    def _running(self) -> dict[int, str]:
        here = _namespaces(self.pid)
        found: dict[int, str] = {}
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == self.pid:
                continue
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                if str(self.state_dir) in line or _namespaces(int(entry.name)) & here:
                    found[int(entry.name)] = line
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue  # it has just ended, or is the machine's own
        return found


def _power_on() -> subprocess.Popen[str]:
    """The process that holds the namespaces."""
    holder = subprocess.Popen(["unshare", "--net", "--mount", "sh", "-c", INSIDE], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "ready\n"
    return holder


def _namespaces(pid: int) -> set[int]:
    return {Path(f"/proc/{pid}/ns/{kind}").stat().st_ino for kind in ("net", "mnt")}


@contextmanager
def machine() -> Iterator[Machine]:
    """One machine, purged at the end whatever happened."""
    directory = Path(tempfile.mkdtemp(prefix="monostack-machine-", dir="/var/tmp"))
    directory.chmod(0o711)  # guests' QEMU passes through
    inside = Machine(directory / "state")
    try:
        yield inside
    finally:
        inside.run(str(COMMAND), "down", "--purge", within=120)
        inside.power_off()
        shutil.rmtree(directory, ignore_errors=True)
