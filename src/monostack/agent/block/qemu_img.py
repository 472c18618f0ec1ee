"""Disk images, by qemu-img. Images that come from users are inspected within limits before anything opens them."""

import asyncio
import fcntl
import os
import struct
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from monostack.agent.block import luks
from monostack.agent.errors import CommandError
from monostack.agent.programs import ProgramError, run
from monostack.protocol.guests import VolumeKey

GIB = 1 << 30
INSPECT_WITHIN = 60.0  # seconds
COPY_WITHIN = 3 * 3600.0
MAX_MEMORY, MAX_CPU = 1 << 30, 30  # bytes and seconds that inspecting a hostile image may take
FORMATS = ("raw", "qcow2")
MEASURED = 20  # times that are tried
WRONG_KEY = "Invalid password, cannot unlock any keyslot"
# QEMU locks a byte of what it has open for all that it does with it, and for all that it wants nobody else to do: block/file-posix.c
LOCKS = struct.pack("hhqqi0q", fcntl.F_WRLCK, os.SEEK_SET, 100, 200, 0)
UNMEASURED = "Unable to get accurate CPU usage"
# Disk formats that images may be made in -> how qemu-img calls them
WRITABLE = {"raw": "raw", "qcow2": "qcow2", "vmdk": "vmdk", "vdi": "vdi", "vhd": "vpc", "vhdx": "vhdx", "ploop": "parallels"}


class ImageInfo(msgspec.Struct):
    """What `qemu-img info` says of an image."""

    format: str
    virtual_size: int = msgspec.field(name="virtual-size")
    backing_filename: str | None = msgspec.field(name="backing-filename", default=None)
    encrypted: bool = False
    format_specific: dict[str, object] | None = msgspec.field(name="format-specific", default=None)

    @property
    def data_file(self) -> str | None:
        data = (self.format_specific or {}).get("data")
        found = data.get("data-file") if isinstance(data, dict) else None
        return str(found) if found is not None else None


async def info(path: Path, disk_format: str) -> ImageInfo:
    """Read an image as `disk_format`, never as what it pretends to be. Raises ProgramError for one that is not of that format."""
    limits = ("prlimit", f"--as={MAX_MEMORY}", f"--cpu={MAX_CPU}")
    said = await run(*limits, "qemu-img", "info", "--force-share", "--output=json", "-f", disk_format, str(path), within=INSPECT_WITHIN)
    return msgspec.json.decode(said, type=ImageInfo)


async def require_sound(path: Path, disk_format: str, name: str) -> ImageInfo:
    """Inspect an image from a user: it must be of its format and refer to no other file. Raises CommandError."""
    if disk_format not in FORMATS:
        raise CommandError("image.format", f"{name} has the disk format {disk_format}: this host takes {' and '.join(FORMATS)}")
    try:
        found = await info(path, disk_format)
    except ProgramError as error:
        raise CommandError("image.unreadable", f"{name} is not a readable {disk_format} image: {error.message}") from None
    if found.backing_filename is not None:
        raise CommandError("image.backing_file", f"{name} has a backing file, which is not allowed")
    if found.data_file is not None:
        raise CommandError("image.data_file", f"{name} has an external data file, which is not allowed")
    return found


async def create(
    path: Path,
    size: int,
    backing: str | None = None,
    backing_format: str = "qcow2",
    *,
    key: VolumeKey | None = None,
    disk_format: str = "qcow2",
) -> None:
    """Make an empty image of `size` bytes, or a qcow2 overlay on `backing`, which may be relative to `path`."""
    over = ("-b", backing, "-F", backing_format) if backing is not None else ()
    options = luks.making(key, disk_format, "new")
    with luks.given(new=key) as (secrets, files):
        argv = ("qemu-img", "create", "-q", "-f", luks.driver(disk_format, key), *secrets, *options, *over, str(path), str(size))
        await _make(*argv, within=INSPECT_WITHIN, inherits=files)


async def convert(
    source: Path,
    source_format: str,
    target: Path,
    target_format: str = "qcow2",
    *,
    source_key: VolumeKey | None = None,
    key: VolumeKey | None = None,
) -> None:
    """Copy an image into a new one, which `key` opens. Raises ProgramError, with `is_locked`, when a guest writes to the source."""
    options = luks.making(key, target_format, "new")
    with luks.given(old=source_key, new=key) as (secrets, files):
        source_is = luks.opening(source, source_format, source_key, "old")
        argv = ("qemu-img", "convert", "-q", *secrets, "-O", luks.driver(target_format, key), *options, *source_is, str(target))
        await _make(*argv, within=COPY_WITHIN, inherits=files)


async def _make(*argv: str, within: float, inherits: Sequence[int]) -> None:
    """Run what makes an image. QEMU measures the processor before it encrypts one, which fails now and then and goes well the next time."""
    for left in reversed(range(MEASURED)):
        try:
            await run(*argv, within=within, inherits=inherits)
        except ProgramError as error:
            if left and UNMEASURED in error.stderr:
                continue
            raise
        return


async def resize(path: Path, size: int, key: VolumeKey | None = None, disk_format: str = "qcow2") -> None:
    """Grow an image to `size` bytes."""
    with luks.given(old=key) as (secrets, files):
        argv = ("qemu-img", "resize", "-q", *secrets, *luks.opening(path, disk_format, key, "old"), str(size))
        await run(*argv, within=INSPECT_WITHIN, inherits=files)


async def opens(path: Path, key: VolumeKey | None, disk_format: str) -> bool:
    """Whether the key opens an image; None opens one that is not encrypted. Raises ProgramError when a guest has it open."""
    if not (await info(path, disk_format)).encrypted:
        return key is None
    if key is None:
        return False
    with luks.given(old=key) as (secrets, files):
        argv = ("qemu-img", "map", "--output=json", "--max-length=512", *secrets, *luks.opening(path, disk_format, key, "old"))
        try:
            await run(*argv, within=INSPECT_WITHIN, inherits=files)
        except ProgramError as error:
            if WRONG_KEY in error.stderr:
                return False
            raise
    return True


async def is_open(path: Path) -> bool:
    """Whether a guest has the image open, be it one that shares it with others."""
    return await asyncio.to_thread(_has_locks, path)


def _has_locks(path: Path) -> bool:
    with path.open("rb") as file:
        found = fcntl.fcntl(file, fcntl.F_OFD_GETLK, LOCKS)
    return struct.unpack_from("h", found)[0] != fcntl.F_UNLCK


def is_locked(error: ProgramError) -> bool:
    """Whether a program failed since another process has the image open."""
    return "lock" in error.stderr and "Is another process using the image" in error.stderr


@contextmanager
def scratch(directory: Path, name: str) -> Iterator[Path]:
    """A name to write to, which vanishes in the end.

    Each name is used once: a program that outlived a killed agent never writes into what its successor makes.
    """
    fresh = directory / f".{name}.{uuid.uuid4().hex}{UNFINISHED}"
    try:
        yield fresh
    finally:
        fresh.unlink(missing_ok=True)


@contextmanager
def unfinished(path: Path) -> Iterator[Path]:
    """A name beside `path` to write to; becomes `path` when all went well, and vanishes otherwise."""
    with scratch(path.parent, path.name) as fresh:
        yield fresh
        os.replace(fresh, path)


UNFINISHED = ".unfinished"


def sweep_unfinished(directory: Path) -> None:
    """Remove what a killed agent left half made."""
    for left in directory.rglob(f".*{UNFINISHED}"):
        left.unlink(missing_ok=True)
