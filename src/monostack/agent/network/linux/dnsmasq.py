"""dnsmasq processes: started in a namespace, found again by a later agent, told of changes, ended.

Their files are the record of what they were told: a process whose configuration file says the same, in the same namespace, is left alone.
dnsmasq gives up root once started, so its files must be readable by all.
"""

import os
import select
import shutil
import signal
import subprocess
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path

from monostack.agent.network.linux import namespaces

START_TIMEOUT = 20.0  # seconds; it takes some milliseconds
STOP_TIMEOUT = 3.0
_SEARCH = "/usr/sbin:/usr/local/sbin:/sbin:/usr/bin:/usr/local/bin"


class DnsmasqError(RuntimeError):
    """dnsmasq is missing or did not start."""


def program() -> str:
    """Where dnsmasq is. Raises DnsmasqError."""
    found = shutil.which("dnsmasq", path=f"{os.environ.get('PATH', '')}:{_SEARCH}")
    if found is None:
        raise DnsmasqError("dnsmasq is not installed: install the package dnsmasq-base")
    return found


class Dnsmasq:
    """One dnsmasq, living in `directory`. Runs in the worker thread."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._config = directory / "dnsmasq.conf"

    def ensure(self, namespace: str, config: str, files: Mapping[str, str], leased: Mapping[str, str]) -> None:
        """Run in a namespace with this configuration (to which the names of pid and lease file are added) and these files.

        `leased` tells whom addresses belong to (address to MAC). When this returns, a guest that asks gets what the files say: a
        signal is handled before the next packet is, and an address that another guest had leased is free. Raises DnsmasqError.
        """
        config += f"pid-file={self.directory}/pid\ndhcp-leasefile={self.directory}/leases\n"
        # An address is taken from a lease of unknown holder whenever it is given to somebody new.
        stale = self._stale(leased)
        changed = self._write({**files, "assigned": "".join(f"{ip} {mac}\n" for ip, mac in sorted(leased.items()))})
        pid = self.pid()
        same = self._config.exists() and self._config.read_text() == config
        if pid is not None and same and not stale and namespaces.process_identity(pid) == namespaces.identity(namespace):
            if changed:
                os.kill(pid, signal.SIGHUP)
            return
        self._end(pid)
        self._prune(stale)
        self._write({self._config.name: config})
        self._start(namespace)

    def _write(self, files: Mapping[str, str]) -> bool:
        """Returns whether anything was not as it should be."""
        self.directory.mkdir(parents=True, exist_ok=True)
        changed = False
        for name, text in files.items():
            path = self.directory / name
            if path.exists() and path.read_text() == text:
                continue
            changed = True
            fresh = path.with_suffix(".new")
            fresh.write_text(text)
            fresh.chmod(0o644)
            fresh.rename(path)
        return changed

    def _leases(self) -> list[str]:
        leases = self.directory / "leases"
        return leases.read_text().splitlines() if leases.exists() else []

    def _stale(self, leased: Mapping[str, str]) -> set[str]:
        """Addresses with a lease that is not, or not surely, the one of whom they belong to now."""
        assigned = self.directory / "assigned"
        before = dict(line.split() for line in assigned.read_text().splitlines()) if assigned.exists() else {}
        stale = set()
        for line in self._leases():
            fields = line.split()
            if len(fields) < 4 or fields[2] not in leased:
                continue
            address, holder = fields[2], fields[1]
            sure = holder.lower() == leased[address].lower() if ip_address(address).version == 4 else before.get(address) == leased[address]
            if not sure:
                stale.add(address)
        return stale

    def _prune(self, stale: set[str]) -> None:
        if stale:
            kept = [line for line in self._leases() if len(line.split()) < 4 or line.split()[2] not in stale]
            self._write({"leases": "".join(line + "\n" for line in kept)})

    def pid(self) -> int | None:
        """The running process, or None."""
        try:
            pid = int((self.directory / "pid").read_text())
            arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except (FileNotFoundError, ProcessLookupError, ValueError):
            return None
        return pid if f"--conf-file={self._config}".encode() in arguments else None

    def _start(self, namespace: str) -> None:
        """Returns when it has bound its sockets: only then does it go into the background."""
        command = [program(), f"--conf-file={self._config}"]
        with namespaces.entered(namespace):
            try:
                done = subprocess.run(
                    command,
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    timeout=START_TIMEOUT,
                    cwd="/",
                    env={"PATH": _SEARCH},
                    check=False,
                )
            except subprocess.TimeoutExpired as error:
                raise DnsmasqError(f"dnsmasq did not start within {START_TIMEOUT:.0f} s") from error
        if done.returncode != 0:
            raise DnsmasqError(f"dnsmasq does not start: {done.stderr.decode(errors='replace').strip()}")

    def stop(self) -> None:
        """End the process and remove its files. Nothing happens when there is none."""
        self._end(self.pid())
        if self.directory.exists():
            shutil.rmtree(self.directory)

    def _end(self, pid: int | None) -> None:
        if pid is None:
            return
        try:
            process = os.pidfd_open(pid)
        except ProcessLookupError:
            return
        try:
            if self.pid() != pid:
                return  # it ended and the number is another process's now
            for number in (signal.SIGTERM, signal.SIGKILL):
                signal.pidfd_send_signal(process, number)
                if select.select([process], [], [], STOP_TIMEOUT)[0]:
                    return
            raise DnsmasqError(f"dnsmasq (process {pid}) does not end")
        except ProcessLookupError:
            return
        finally:
            os.close(process)
