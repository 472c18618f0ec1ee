"""Is KVM good for ordinary guests? Asked of a tiny guest and a clock, since /dev/kvm alone says nothing.

Some hosts offer a /dev/kvm that emulates every instruction of a guest: it opens, QEMU starts on it, and a guest takes minutes
to boot. So a guest of 64 KiB, no more than a BIOS that counts, runs first under TCG and then under KVM: true KVM is several times
faster than TCG at that, an emulating one many times slower. A fixed deadline would not do: a loaded machine slows both.
"""

import asyncio
import os
import struct
import tempfile
import time
from pathlib import Path
from typing import Literal

import msgspec

from monostack.agent.errors import CommandError
from monostack.agent.programs import ProgramError, run
from monostack.core.files import write_whole

ROUNDS = 50_000_000  # iterations of the loop: about 0.2 s under TCG
SUCCESS = 33  # what isa-debug-exit makes of the value 16 that the guest writes: 16 * 2 + 1
TCG_WITHIN = 60.0  # seconds
KVM = Path("/dev/kvm")


class Verdict(msgspec.Struct):
    """How guests are run here, and why."""

    accelerator: Literal["kvm", "tcg"]
    reason: str
    boot_id: str = ""  # of the machine when it was found out


async def probe() -> Verdict:
    """Find out, in about a second. Raises CommandError when QEMU runs no guest at all."""
    absent = _absent()
    if absent is not None:
        return Verdict("tcg", absent)
    with tempfile.TemporaryDirectory(prefix="monostack-probe-") as directory:
        bios = Path(directory, "bios.bin")
        await asyncio.to_thread(bios.write_bytes, counting_bios(ROUNDS))
        tcg = await _seconds("tcg", bios, TCG_WITHIN)
        if tcg is None:
            raise CommandError("host.qemu_broken", f"QEMU did not run a trivial guest under TCG within {TCG_WITHIN:g} seconds")
        deadline = tcg * 1.5 + 0.5
        kvm = await _seconds("kvm", bios, deadline)
    if kvm is None:
        return Verdict("tcg", f"KVM is offered but not usable: what takes TCG {tcg:.2f} s was not done under KVM in {deadline:.2f} s")
    return Verdict("kvm", f"KVM ran the probe guest in {kvm:.2f} s, TCG in {tcg:.2f} s")


def _absent() -> str | None:
    if not KVM.exists():
        return f"this machine has no {KVM}"
    if not os.access(KVM, os.R_OK | os.W_OK):
        return f"{KVM} may not be opened by this user"
    return None


async def remembered(kept: Path) -> Verdict:
    """The verdict of this boot of the machine: read from `kept`, or found out and kept there."""
    boot_id = await asyncio.to_thread(read_boot_id)
    try:
        verdict = msgspec.json.decode(await asyncio.to_thread(kept.read_bytes), type=Verdict)
    except (FileNotFoundError, msgspec.DecodeError, msgspec.ValidationError):
        verdict = None
    if verdict is None or verdict.boot_id != boot_id:
        verdict = await probe()
        verdict.boot_id = boot_id
        await asyncio.to_thread(write_whole, kept, msgspec.json.encode(verdict))
    return verdict


def read_boot_id() -> str:
    """What changes whenever this machine starts."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


async def _seconds(accelerator: str, bios: Path, within: float) -> float | None:
    """How long the probe guest ran; None when it did not end by itself in time, or not well."""
    began = time.monotonic()
    try:
        await run(
            "qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none", "-machine", "pc", "-m", "16",
            "-accel", accelerator, "-bios", str(bios), "-device", "isa-debug-exit,iobase=0xf4,iosize=1", within=within,
        )  # fmt: skip
    except ProgramError as ended:
        return time.monotonic() - began if ended.status == SUCCESS else None
    except CommandError as error:
        if error.code == "host.program_timeout":
            return None
        raise
    return None


def counting_bios(rounds: int) -> bytes:
    """A BIOS that enters protected mode, counts down from `rounds` and ends the machine through port 0xf4."""
    image = bytearray(b"\xf4" * 0x10000)  # hlt everywhere
    real_mode = bytes.fromhex(
        "fa"  # cli
        "8cc8 8ed8"  # mov ax, cs; mov ds, ax
        "660f0116 8000"  # lgdtl [0x80]
        "0f20c0 0c01 0f22c0"  # mov eax, cr0; or al, 1; mov cr0, eax
        "66ea 40000f00 0800"  # jmpl 0x08:0x000f0040
    )
    protected_mode = (
        b"\xb9" + struct.pack("<I", rounds)  # mov ecx, rounds
        + bytes.fromhex("49 75fd b010 e6f4 f4 ebfd")  # dec ecx; jnz -3; mov al, 16; out 0xf4, al; hlt; jmp -3
    )  # fmt: skip
    image[: len(real_mode)] = real_mode
    image[0x40 : 0x40 + len(protected_mode)] = protected_mode
    image[0x80:0x86] = struct.pack("<HI", 23, 0xF0090)  # where the table of segments is, and its last byte
    image[0x90:0xA8] = struct.pack("<QQQ", 0, 0x00CF9B000000FFFF, 0x00CF93000000FFFF)  # none, flat code, flat data
    image[0xFFF0:0xFFF5] = bytes.fromhex("ea 0000 00f0")  # the reset vector: jmp 0xf000:0
    return bytes(image)
