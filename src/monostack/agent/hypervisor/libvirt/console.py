"""The serial console of guests: a file each, bounded."""

import asyncio
import os
from pathlib import Path

from monostack.agent.programs import run

KEPT = 1 << 20  # bytes that can be read
TRIMMED_AT = 2 * KEPT  # bytes on the disk
BLOCK = 4096


def read(log: Path, lines: int | None) -> str:
    """The last `lines` of what is kept (None: all of it). A guest that never wrote has written nothing. Blocks briefly."""
    try:
        with log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - KEPT))
            content = file.read(KEPT)
    except FileNotFoundError:
        return ""
    if lines is not None:
        *ended, rest = content.split(b"\n")
        kept = [line + b"\n" for line in ended] + ([rest] if rest else [])
        content = b"".join(kept[max(0, len(kept) - max(lines, 0)) :])
    # NUL is how a trimmed file reads where it was cut.
    return content.lstrip(b"\0").decode(errors="replace")


async def trim(log: Path) -> bool:
    """Free the disk space of what is too old to be read. QEMU goes on writing at the end, undisturbed."""
    found = await asyncio.to_thread(log.stat)
    if found.st_blocks * 512 <= TRIMMED_AT:
        return False
    length = (found.st_size - KEPT) // BLOCK * BLOCK
    await run("fallocate", "--punch-hole", "--offset", "0", "--length", str(length), str(log), within=30)
    return True
