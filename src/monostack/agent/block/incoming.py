"""Volumes on their way from another host: kept until they are made, or given up."""

import os
import time
from pathlib import Path

from monostack.agent.errors import CommandError, require_uuid
from monostack.protocol.volumes import VolumePart

KEPT_FOR = 86400.0  # seconds after which nobody will send the rest


class IncomingFiles:
    """Keeps a file for each volume in `directory`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in directory.iterdir():
            if time.time() - path.stat().st_mtime > KEPT_FOR:
                path.unlink()

    def path(self, volume_id: str) -> Path:
        return self._directory / require_uuid(volume_id, "volume")

    def write(self, part: VolumePart) -> None:
        """Blocks. Raises CommandError for a part before which something is missing."""
        path = self.path(part.volume_id)
        with path.open("wb" if part.offset == 0 else "r+b" if path.exists() else "xb") as file:
            check_order(part, os.fstat(file.fileno()).st_size)
            os.pwrite(file.fileno(), part.data, part.offset)


def check_order(part: VolumePart, have: int) -> None:
    """Raises CommandError for a part that does not follow what has come so far: `have` bytes. The same part may come again."""
    if not 0 <= part.offset <= have:
        raise CommandError(
            "command.invalid", f"volume {part.volume_id}: a part at {part.offset} behind {have} bytes"
        )
