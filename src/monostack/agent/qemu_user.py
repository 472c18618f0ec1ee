"""The user that guests run as, and what of the agent's files it may read."""

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from monostack.agent.errors import CommandError

ADD_USER = ("useradd", "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin")


@dataclass(frozen=True, slots=True)
class QemuUser:
    """QEMU does not run as root: a guest that breaks out of it finds itself as this user."""

    name: str
    uid: int
    gid: int

    @classmethod
    def find(cls, name: str) -> Self:
        """The user `name`, made as a system user without a login when there is none. Raises CommandError."""
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            made = subprocess.run([*ADD_USER, name], capture_output=True, text=True)
            if made.returncode:
                raise CommandError("host.no_qemu_user", f"cannot make the user {name} that guests run as: {made.stderr.strip()}") from None
            user = pwd.getpwnam(name)
        return cls(name, user.pw_uid, user.pw_gid)

    def give(self, path: Path) -> None:
        """Let guests write `path`, and nobody else read it."""
        os.chown(path, self.uid, self.gid)
        path.chmod(0o600)

    def show(self, path: Path) -> None:
        """Let guests read `path`, whose owner stays."""
        os.chown(path, -1, self.gid)
        path.chmod((path.stat().st_mode & 0o7777) | 0o040)

    def let_use(self, device: Path) -> None:
        """Let guests open `device`, as the machine's device manager would have done if there were one."""
        found = device.stat()
        groups = os.getgrouplist(self.name, self.gid)
        if found.st_mode & 0o006 != 0o006 and not (found.st_mode & 0o060 == 0o060 and found.st_gid in groups):
            os.chown(device, -1, self.gid)
            device.chmod((found.st_mode & 0o7777) | 0o660)

    def let_in(self, directory: Path) -> None:
        """Make `directory`, which guests may pass through but not list. Raises CommandError when they cannot get as far as that."""
        directory.mkdir(mode=0o711, parents=True, exist_ok=True)
        directory.chmod((directory.stat().st_mode & 0o7777) | 0o011)
        if self.uid == 0:
            return
        for parent in directory.resolve().parents:
            found = parent.stat()
            bit = 0o100 if found.st_uid == self.uid else 0o010 if found.st_gid == self.gid else 0o001
            if not found.st_mode & bit:
                raise CommandError(
                    "host.state_unreachable",
                    f"guests run as {self.name}, which cannot enter {parent}, so their disks cannot be below it: "
                    f"run 'chmod o+x {parent}' or keep the agent's state elsewhere",
                )
