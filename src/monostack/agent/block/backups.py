"""Backups of volumes in a store of named objects.

A backup is a list of the volume's blocks that are not all zero, `<name>/blocks`, and the blocks themselves, compressed, `<name>/<number>`.
An incremental backup has the list of all blocks, too, but keeps only those that its parent has not: the others it names by their keeper.
So a restore reads one list, and a backup can be removed once nobody was made from it.
"""

import hashlib
import os
import shutil
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Protocol

import msgspec

from monostack.agent.block.qemu_img import unfinished
from monostack.agent.errors import CommandError, require_uuid

BLOCK = 4 << 20  # bytes
LIST = "blocks"
_ZEROS = bytes(BLOCK)


class BackupStore(Protocol):
    """Objects by the name of a backup and their own. Methods block; an object is there whole or not at all."""

    def put(self, backup: str, name: str, data: bytes) -> None: ...

    def get(self, backup: str, name: str) -> bytes | None:
        """None: there is no such object."""
        ...

    def remove(self, backup: str) -> None:
        """All objects of a backup. Nothing there is success."""
        ...

    def names(self) -> list[str]:
        """The backups of which there are objects."""
        ...


class FileBackups:
    """A directory a backup, a file an object."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)

    def put(self, backup: str, name: str, data: bytes) -> None:
        path = self._path(backup) / name
        path.parent.mkdir(mode=0o700, exist_ok=True)
        with unfinished(path) as fresh, fresh.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())

    def get(self, backup: str, name: str) -> bytes | None:
        try:
            return (self._path(backup) / name).read_bytes()
        except FileNotFoundError:
            return None

    def remove(self, backup: str) -> None:
        # Without its list the rest is nothing: should this be cut off, what is left is no backup any more.
        (self._path(backup) / LIST).unlink(missing_ok=True)
        shutil.rmtree(self._path(backup), ignore_errors=True)

    def names(self) -> list[str]:
        return sorted(path.parent.name for path in self._directory.glob(f"*/{LIST}"))

    def _path(self, backup: str) -> Path:
        return self._directory / require_uuid(backup, "backup")


class Block(msgspec.Struct, array_like=True):
    sha256: str
    keeper: str  # the backup that has it


class Blocks(msgspec.Struct):
    """The list of a backup. `size` of the volume in bytes; the blocks by their number."""

    size: int
    blocks: dict[int, Block]


def read_list(store: BackupStore, backup: str) -> Blocks:
    """Raises CommandError when there is no such backup."""
    data = store.get(backup, LIST)
    if data is None:
        raise CommandError("backup.not_found", f"backup {backup} is not on this host")
    return msgspec.json.decode(data, type=Blocks)


def write(store: BackupStore, backup: str, parent: str | None, disk: Path) -> Blocks:
    """Back up a raw disk; one that is there already stays as it is. Blocks. Raises CommandError."""
    if store.get(backup, LIST) is not None:
        return read_list(store, backup)
    store.remove(backup)
    known = read_list(store, parent).blocks if parent is not None else {}
    made = Blocks(disk.stat().st_size, {})
    with disk.open("rb") as file:
        for number in _data_blocks(file, made.size):
            data = os.pread(file.fileno(), BLOCK, number * BLOCK)
            if data == _ZEROS[: len(data)]:
                continue
            digest, before = hashlib.sha256(data).hexdigest(), known.get(number)
            if before is not None and before.sha256 == digest:
                made.blocks[number] = before
            else:
                store.put(backup, str(number), zlib.compress(data, 1))
                made.blocks[number] = Block(digest, backup)
    store.put(backup, LIST, msgspec.json.encode(made))
    return made


def _data_blocks(file: IO[bytes], size: int) -> Iterator[int]:
    """The numbers of the blocks that are not wholly holes in a sparse file."""
    offset, last = 0, -1
    while offset < size:
        try:
            start = os.lseek(file.fileno(), offset, os.SEEK_DATA)
        except OSError:  # nothing but a hole is left
            return
        offset = os.lseek(file.fileno(), start, os.SEEK_HOLE)
        for number in range(max(start // BLOCK, last + 1), -(-offset // BLOCK)):
            yield number
            last = number


def read(store: BackupStore, backup: str, disk: Path) -> int:
    """Write a backup's blocks into a new raw disk, and answer its size in bytes. Blocks. Raises CommandError."""
    found = read_list(store, backup)
    with disk.open("wb") as file:
        file.truncate(found.size)
        for number, block in found.blocks.items():
            file.seek(number * BLOCK)
            file.write(_sound(store, number, block))
    return found.size


def _sound(store: BackupStore, number: int, block: Block) -> bytes:
    kept = store.get(block.keeper, str(number))
    try:
        data = zlib.decompress(kept) if kept is not None else b""
    except zlib.error:
        data = b""
    if hashlib.sha256(data).hexdigest() != block.sha256:
        raise CommandError("backup.damaged", f"block {number} of backup {block.keeper} is missing or damaged")
    return data
