"""Runs scripts of `openstack` commands with the unmodified client, inside this process: starting it anew for every command takes seconds.

A script is as much of a shell as such scripts need: comments, lines that end in a backslash, and

    openstack server list                           has to succeed
    ! openstack server show nobody                  has to fail
    id=$(openstack server show s -f value -c id)    keeps the output for later: $id
    OS_CLOUD=demo openstack server list             as another user
    until [ "$(openstack server show s -f value -c status)" = ACTIVE ]; do sleep 1; done
"""

import contextlib
import io
import os
import re
import shlex
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from openstackclient.shell import OpenStackShell

_VARIABLE = re.compile(r"\$(\w+)")
_KEEP = re.compile(r"(\w+)=\$\(((?:OS_CLOUD=\w+ )?openstack .*)\)$")
_UNTIL = re.compile(r'until \[ "\$\((openstack .*)\)" = (\S+) \]; do sleep \d+; done$')
PATIENCE = 60.0  # seconds for an `until`


class Failed(AssertionError):
    """A command did not do what the script says."""


class _Terminal(io.StringIO):
    """Nobody types anything: clients read data from what is no terminal."""

    def isatty(self) -> bool:
        return True


class Shell:
    """One user's terminal. `directory` has the clouds.yaml; files that commands write are made there."""

    def __init__(self, directory: Path, cloud: str = "admin") -> None:
        self.directory = directory
        self.cloud = cloud
        self.variables: dict[str, str] = {}
        self.ran: list[str] = []  # every command, without its options' values

    def run(self, script: str) -> None:
        """Every line in order; Failed at the first that goes wrong."""
        for number, line in _lines(script):
            try:
                self._line(line)
            except Failed as failure:
                raise Failed(f"line {number}: {line}\n{failure}") from None

    def _line(self, line: str) -> None:
        if found := _KEEP.match(line):
            self.variables[found[1]] = self.openstack(found[2]).strip()
        elif found := _UNTIL.match(line):
            self._until(found[1], found[2].strip('"'))
        elif line.startswith("! "):
            try:
                shown = self.openstack(line[2:])
            except Failed:
                return
            raise Failed(f"it succeeded: {shown}")
        else:
            self.openstack(line)

    def _until(self, command: str, wanted: str) -> None:
        end = time.monotonic() + PATIENCE
        while (seen := self.openstack(command).strip()) != wanted:
            if time.monotonic() > end:
                raise Failed(f"it is {seen} and does not become {wanted}")
            time.sleep(0.2)

    def openstack(self, line: str) -> str:
        """What the command prints. Failed with what it prints of its failure."""
        words = [_VARIABLE.sub(lambda match: self.variables[match[1]], word) for word in shlex.split(line)]
        cloud = self.cloud
        if words[0].startswith("OS_CLOUD="):
            cloud = words.pop(0).partition("=")[2]
        if words.pop(0) != "openstack":
            raise Failed("only openstack is run here")
        self.ran.append(" ".join(words))
        out, errors = io.StringIO(), io.StringIO()
        environment = {
            "OS_CLIENT_CONFIG_FILE": str(self.directory / "clouds.yaml"),
            "OS_CLOUD": cloud,
            "PATH": os.environ["PATH"],
            "HOME": str(self.directory),
        }
        with (
            mock.patch.dict(os.environ, environment, clear=True),
            mock.patch.object(sys, "stdin", _Terminal()),
            contextlib.chdir(self.directory),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(errors),
        ):
            status: Any = _run(words)
        if status:
            raise Failed(f"exit status {status}: {errors.getvalue()[-1500:]}{out.getvalue()[-500:]}")
        return out.getvalue()


def _run(words: list[str]) -> Any:
    try:
        return OpenStackShell().run(words)
    except SystemExit as end:
        return end.code


def _lines(script: str) -> Iterator[tuple[int, str]]:
    """Commands with the number of their first line."""
    begun, text = 0, ""
    for number, line in enumerate(script.splitlines(), 1):
        begun = begun if text else number
        text += line.strip()
        if text.endswith("\\"):
            text = text[:-1]
            continue
        if text and not text.startswith("#"):
            yield begun, text
        text = ""
