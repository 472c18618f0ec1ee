"""Where the files of volumes are: in directories, the pools of a host.

While a volume is brought from one pool to another both have a file of it. Which of them is the volume is written down before the second is
begun, and again at the moment when the other takes its place, so that whatever is cut off leaves one volume.
"""

import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from monostack.agent.block import qemu_img
from monostack.agent.block.qemu_img import GIB
from monostack.agent.errors import CommandError, require_uuid
from monostack.protocol.volumes import POOL, PoolRoom

# A volume's file, or one that is not finished.
_OF_A_VOLUME = re.compile(rf"[0-9a-f-]{{36}}\.({'|'.join(qemu_img.FORMATS)})|\.[0-9a-f-]{{36}}\..*{re.escape(qemu_img.UNFINISHED)}")
UNMANAGED = Path("unmanaged", "volumes")  # in a pool: what could be volumes. See unmanaged.


def remove_volumes(directory: Path) -> None:
    """Remove the volumes that a pool has, and nothing else that is there. Raises OSError."""
    for path in directory.glob("*"):
        if _OF_A_VOLUME.fullmatch(path.name):
            path.unlink(missing_ok=True)
    for made in (directory / UNMANAGED, directory / UNMANAGED.parent):
        if made.is_dir() and not any(made.iterdir()):
            made.rmdir()


class Pools:
    """Directories by name, `POOL` among them. `moves` keeps the notes of volumes on their way, a file each."""

    def __init__(self, directories: Mapping[str, Path], moves: Path) -> None:
        self.directories = directories
        self._moves = moves
        moves.mkdir(mode=0o700, parents=True, exist_ok=True)
        qemu_img.sweep_unfinished(moves)

    @property
    def more(self) -> tuple[str, ...]:
        """The pools beside the one that every host has."""
        return tuple(name for name in self.directories if name != POOL)

    def path(self, volume_id: str, disk_format: str, pool: str = POOL) -> Path:
        """The file of a volume in a pool. Raises CommandError for a pool or format that there is not."""
        if disk_format not in qemu_img.FORMATS:
            raise CommandError("command.invalid", f"volume {volume_id}: this host keeps no volumes as {disk_format}")
        self.require(pool)
        return self.directories[pool] / f"{require_uuid(volume_id, 'volume')}.{disk_format}"

    def require(self, pool: str) -> None:
        """Raises CommandError for a pool that there is not."""
        if pool not in self.directories:
            raise CommandError("volume.no_pool", f"this host has no pool {pool}")

    def pool_of(self, path: Path) -> str:
        """The pool that a file is in. Raises CommandError when it is in none."""
        for name, directory in self.directories.items():
            if path.parent == directory:
                return name
        raise CommandError("volume.no_pool", f"{path} is in no pool of this host")

    def found(self, volume_id: str) -> Path:
        """The file that is a volume; where one of the usual format would be, if there is none."""
        there = self.files(volume_id)
        noted = self._noted(volume_id)
        return next((path for path in there if noted in (None, self.pool_of(path))), self.path(volume_id, "qcow2"))

    def files(self, volume_id: str) -> list[Path]:
        """All files of a volume. Of a conversion that was cut off there are two: until it is done the raw one is as good as the other."""
        paths = (self.path(volume_id, disk_format, pool) for pool in self.directories for disk_format in ("raw", "qcow2"))
        return [path for path in paths if path.exists()]

    def note(self, volume_id: str, pool: str) -> None:
        """From now on the file in this pool is the volume, whatever other pools have."""
        with qemu_img.unfinished(self._moves / require_uuid(volume_id, "volume")) as fresh, fresh.open("w") as file:
            file.write(pool)
            file.flush()
            os.fsync(file.fileno())

    def forget(self, volume_id: str) -> None:
        """There is one file only, or none, so that nothing need be noted."""
        (self._moves / require_uuid(volume_id, "volume")).unlink(missing_ok=True)

    def _noted(self, volume_id: str) -> str | None:
        try:
            return (self._moves / require_uuid(volume_id, "volume")).read_text()
        except FileNotFoundError:
            return None

    def names(self) -> list[str]:
        """The volumes that there are."""
        found = (path for directory in self.directories.values() for path in directory.iterdir())
        return sorted({path.stem for path in found if path.suffix[1:] in qemu_img.FORMATS and not path.name.startswith(".")})

    def rooms(self) -> dict[str, PoolRoom]:
        """How much room each pool has."""
        used = {name: shutil.disk_usage(directory) for name, directory in self.directories.items()}
        return {name: PoolRoom(room.total // GIB, room.free // GIB) for name, room in used.items()}
