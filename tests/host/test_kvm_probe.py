"""The timed probe guest, and whether what it says is kept for as long as it holds."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from monostack.agent.errors import CommandError
from monostack.agent.hypervisor import probe
from monostack.agent.hypervisor.probe import Verdict

pytestmark = pytest.mark.host


def test_the_probe_guest_counts_under_tcg(tmp_path: Path) -> None:
    bios = tmp_path / "bios.bin"

    def seconds(rounds: int, within: float) -> float | None:
        bios.write_bytes(probe.counting_bios(rounds))
        return asyncio.run(probe._seconds("tcg", bios, within))

    few = seconds(1000, 60)
    many = seconds(400_000_000, 120)
    assert few is not None
    assert many is not None
    assert many > few  # it is the counting that takes the time
    assert seconds(4_000_000_000, 0.5) is None


def test_a_machine_without_kvm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "KVM", tmp_path / "kvm")
    verdict = asyncio.run(probe.probe())
    assert verdict.accelerator == "tcg"
    assert "has no" in verdict.reason


def test_a_kvm_that_does_not_work_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = tmp_path / "qemu-system-x86_64"
    fake.write_text('#!/bin/sh\ncase "$*" in *"-accel kvm"*) exec sleep 60;; *) exec /usr/bin/qemu-system-x86_64 "$@";; esac\n')
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/sbin:/usr/bin:/sbin:/bin")
    (tmp_path / "kvm").touch()
    monkeypatch.setattr(probe, "KVM", tmp_path / "kvm")
    verdict = asyncio.run(probe.probe())
    assert verdict.accelerator == "tcg"
    assert "not usable" in verdict.reason


def test_a_verdict_holds_until_the_machine_restarts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "KVM", tmp_path / "kvm")
    kept = tmp_path / "verdict.json"
    kept.write_bytes(msgspec.json.encode(Verdict("kvm", "of this boot", probe.read_boot_id())))
    assert asyncio.run(probe.remembered(kept)).reason == "of this boot"
    kept.write_bytes(msgspec.json.encode(Verdict("kvm", "of another boot", "another")))
    assert asyncio.run(probe.remembered(kept)).accelerator == "tcg"
    kept.write_bytes(b"broken")
    assert asyncio.run(probe.remembered(kept)).boot_id == probe.read_boot_id()


def test_no_qemu_is_an_error_that_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "kvm").touch()
    monkeypatch.setattr(probe, "KVM", tmp_path / "kvm")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CommandError, match="not installed"):
        asyncio.run(probe.probe())
