"""Reading the serial console of a guest, whatever the guest writes."""

import asyncio
from pathlib import Path

import pytest

from monostack.agent.hypervisor.libvirt import console


@pytest.mark.parametrize(
    ("content", "lines", "expected"),
    [
        (b"", None, ""),
        (b"", 3, ""),
        (b"one\ntwo\nthree\n", None, "one\ntwo\nthree\n"),
        (b"one\ntwo\nthree\n", 2, "two\nthree\n"),
        (b"one\ntwo\nthree", 2, "two\nthree"),
        (b"one\ntwo\n", 10, "one\ntwo\n"),
        (b"one\ntwo\n", 0, ""),
        (b"one\ntwo\n", -1, ""),
        (b"bad \xff byte\n", None, "bad \ufffd byte\n"),
        (b"\n\n", 1, "\n"),
        (b"\0\0\0after the hole\n", None, "after the hole\n"),
    ],
)
def test_reading(tmp_path: Path, content: bytes, lines: int | None, expected: str) -> None:
    log = tmp_path / "console.log"
    log.write_bytes(content)
    assert console.read(log, lines) == expected


def test_a_guest_that_never_wrote(tmp_path: Path) -> None:
    assert console.read(tmp_path / "console.log", None) == ""


def test_trimming_frees_the_disk_and_keeps_the_end(tmp_path: Path) -> None:
    log = tmp_path / "console.log"
    with log.open("ab") as file:
        file.write(b"x" * (3 << 20) + b"\nthe end\n")
        file.flush()
        assert asyncio.run(console.trim(log))
        file.write(b"written after\n")  # as QEMU goes on, at the end
    assert log.stat().st_blocks * 512 < 2 << 20
    text = console.read(log, None)
    assert text.endswith("\nthe end\nwritten after\n")
    assert len(text) <= 1 << 20
    assert not asyncio.run(console.trim(log))
