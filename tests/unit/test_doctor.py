"""The doctor finds what is missing, says why, and what to do."""

import socket
from pathlib import Path

import pytest

from monostack.cli.doctor import cloud, machine
from monostack.cli.doctor.finding import Level
from monostack.core.config import Config, load


def config_of(state_dir: Path, **flags: object) -> Config:
    return load(environ={}, flags={"state_dir": str(state_dir), **flags})


def test_a_port_of_another_program_is_a_failure(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        api, agent = cloud.ports(config_of(tmp_path, **{"api.port": port, "agent.port": 0}))
    assert (api.level, agent.level) == (Level.FAIL, Level.OK)
    assert f"127.0.0.1:{port}: Address already in use" in api.found
    assert "api.port" in api.remedy


def test_a_missing_program_names_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_found", lambda name: None)
    found = {finding.subject: finding for finding in machine.programs()}
    assert found["qemu-img"].level is Level.FAIL and "apt-get install qemu-utils" in found["qemu-img"].remedy
    assert found["swtpm"].level is Level.WARN and "no emulated TPMs" in found["swtpm"].found


def test_a_program_that_is_too_old_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "qemu-img").write_text("#!/bin/sh\necho 'qemu-img version 6.2.0 (Debian)'\n")
    (tmp_path / "qemu-img").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    found = {finding.subject: finding for finding in machine.programs()}
    assert (found["qemu-img"].level, found["qemu-img"].found) == (Level.FAIL, "version 6.2.0 is too old")


def test_a_database_that_does_not_answer_is_a_failure_that_hides_the_password(tmp_path: Path) -> None:
    url = f"postgresql+psycopg://monostack:secret@/monostack?host={tmp_path}"
    finding = cloud.database(config_of(tmp_path, **{"database.url": url}))
    assert finding.level is Level.FAIL
    assert "secret" not in finding.found + finding.remedy
    assert str(tmp_path) in finding.found


def test_a_full_disk_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "DISK", (1 << 62, 1 << 63))
    finding = machine.disk(config_of(tmp_path / "not" / "made"))
    assert finding.level is Level.FAIL
    assert "set state_dir" in finding.remedy
