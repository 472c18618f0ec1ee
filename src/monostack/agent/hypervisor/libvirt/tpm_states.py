"""What the TPMs of guests hold, as swtpm keeps it for our libvirtd: encrypted files, in a directory for each version of a guest's TPM.

libvirt removes with a guest the TPM that it has; those that it had go here. None is for the event loop.
"""

import shutil
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from monostack.agent.errors import require_uuid
from monostack.agent.hypervisor.libvirt.connection import find

_DIRECTORIES = {"1.2": "tpm1.2", "2.0": "tpm2"}  # as libvirt calls them


def remove(directory: Path, server_id: str) -> None:
    """All of a guest. Nothing there is success."""
    _remove(directory / require_uuid(server_id, "server"))


def keep_present(connection: Any, directory: Path, server_id: str) -> None:
    """Remove what the guest would need no more at its next start: it has another TPM, or none."""
    import libvirt

    domain = find(connection, server_id)
    if domain is None:
        return
    backend = ElementTree.fromstring(domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)).find("devices/tpm/backend")
    present = _DIRECTORIES.get(backend.get("version", "")) if backend is not None else None
    for name in _DIRECTORIES.values():
        if name != present:
            _remove(directory / require_uuid(server_id, "server") / name)


def _remove(path: Path) -> None:
    if path.exists():
        shutil.rmtree(path)
