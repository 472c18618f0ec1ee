"""The config drive: a small ISO 9660 disk with what the metadata service would answer.

Layout and label as guests expect them: https://docs.openstack.org/nova/latest/user/metadata.html
"""

import binascii
import io
from typing import Any

from monostack.agent.errors import CommandError
from monostack.agent.metadata.documents import config_drive_files
from monostack.protocol.guests import InstanceMetadata

LABEL = "config-2"


def build(metadata: InstanceMetadata) -> bytes:
    """The disk's bits. Raises CommandError when user data is not base64."""
    import pycdlib  # 7 MiB of memory, which a host without config drives need not give

    disk = pycdlib.PyCdlib()
    disk.new(interchange_level=4, vol_ident=LABEL, rock_ridge="1.09", joliet=3)
    made: set[str] = set()
    for path, content in files_of(metadata).items():
        _directories(disk, path.rpartition("/")[0], made)
        disk.add_fp(io.BytesIO(content), len(content), path, rr_name=path.rpartition("/")[2], joliet_path=path)
    target = io.BytesIO()
    disk.write_fp(target)
    disk.close()
    return target.getvalue()


def files_of(metadata: InstanceMetadata) -> dict[str, bytes]:
    """The files on the drive, by path: each version of the documents in a directory of its own."""
    try:
        return {f"/{path}": content for path, content in config_drive_files(metadata)}
    except (binascii.Error, ValueError) as error:
        raise CommandError("command.invalid", f"user data or a file for the guest is not base64: {error}") from None


def _directories(disk: Any, path: str, made: set[str]) -> None:
    parent, _, name = path.rpartition("/")
    if not name or path in made:
        return
    _directories(disk, parent, made)
    disk.add_directory(path, rr_name=name, joliet_path=path)
    made.add(path)
