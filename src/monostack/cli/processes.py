"""Background processes with pid files, or systemd's units where systemd runs."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from monostack.core.config import Config

NAMES = ("server", "agent")
UNITS = Path("/etc/systemd/system")
_UNIT = """\
[Unit]
Description=Monostack {name}
After=network-online.target libvirtd.service
Wants=network-online.target

[Service]
ExecStart={command}
Restart=on-failure
KillMode=process
TimeoutStopSec=60

[Install]
WantedBy=multi-user.target
"""


def has_systemd() -> bool:
    """systemd is this machine's init and we may talk to it."""
    return Path("/run/systemd/system").is_dir() and os.geteuid() == 0 and shutil.which("systemctl") is not None


def _command(name: str, words: list[str]) -> list[str]:
    return [sys.executable, "-m", "monostack.cli", name, *words]


class Process:
    """One background process of the cloud of a state directory."""

    def __init__(self, config: Config, name: str) -> None:
        self.name = name
        state = Path(config.state_dir)
        self.pid_file = state / "run" / f"{name}.pid"
        self.log_file = state / "log" / f"{name}.log"
        self._child: subprocess.Popen[bytes] | None = None  # when it was this program that started it

    def pid(self) -> int | None:
        """Its process id while it runs. A recycled pid is told apart by its command line."""
        if self._child is not None:  # while it is starting it has no command line yet
            return self._child.pid if self._child.poll() is None else None
        try:
            pid = int(self.pid_file.read_text())
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except (OSError, ValueError):
            return None
        return pid if b"monostack.cli" in words and self.name.encode() in words else None

    def start(self, words: list[str]) -> None:
        """Start it, detached from this terminal."""
        self.pid_file.parent.mkdir(parents=True, exist_ok=True)
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        with self.log_file.open("ab") as log:
            os.fchmod(log.fileno(), 0o600)
            command = _command(self.name, words)
            self._child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        self.pid_file.write_text(f"{self._child.pid}\n")

    def stop(self, patience: float = 30.0) -> bool:
        """Ask it to end, insist after `patience` seconds. False if it was not running."""
        pid = self.pid()
        if pid is None:
            self.pid_file.unlink(missing_ok=True)
            return False
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + patience
        while self.pid() is not None and time.monotonic() < deadline:
            time.sleep(0.05)
        if self.pid() is not None:
            os.kill(pid, signal.SIGKILL)
        self.pid_file.unlink(missing_ok=True)
        return True

    def last_words(self, lines: int = 15) -> str:
        """The end of its log, to explain why it is not there."""
        try:
            return "\n".join(self.log_file.read_text(errors="replace").splitlines()[-lines:])
        except OSError:
            return ""


class Unit:
    """The same process as a systemd unit."""

    def __init__(self, config: Config, name: str) -> None:
        self.name = name
        self.unit = f"monostack-{name}.service"

    def pid(self) -> int | None:
        shown = subprocess.run(["systemctl", "show", "-p", "MainPID", "--value", self.unit], capture_output=True, text=True, check=False)
        return int(shown.stdout.strip() or 0) or None

    def start(self, words: list[str]) -> None:
        (UNITS / self.unit).write_text(_UNIT.format(name=self.name, command=" ".join(_command(self.name, words))))
        subprocess.run(["systemctl", "daemon-reload"], check=True)
        subprocess.run(["systemctl", "enable", "--now", self.unit], check=True, capture_output=True)

    def stop(self, patience: float = 30.0) -> bool:
        if self.pid() is None:
            return False
        subprocess.run(["systemctl", "disable", "--now", self.unit], check=True, capture_output=True)
        return True

    def last_words(self, lines: int = 15) -> str:
        return subprocess.run(
            ["journalctl", "-u", self.unit, "-n", str(lines), "--no-pager"], capture_output=True, text=True, check=False
        ).stdout


def process(config: Config, name: str) -> Process | Unit:
    return (Unit if has_systemd() else Process)(config, name)
