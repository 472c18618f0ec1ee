"""What a new server boots from, and what that says of the server: the image itself, or the one its root volume was or will be made from."""

from typing import Any

from monostack.db import Transaction
from monostack.http import Request
from monostack.services.compute.servers.create.devices import Disks
from monostack.services.image import facade as image
from monostack.services.volume import facade as volume


def image_of(tx: Transaction, request: Request, named: image.ImageInfo | None, disks: Disks) -> image.ImageInfo | None:
    """The image that must suit the flavor: the one the request names, else the one the root volume is to be made from."""
    if named is not None or disks.root is None or disks.root.source != "image":
        return named
    return image.get(tx, request, disks.root.source_id or "")


def properties_of(tx: Transaction, boots: image.ImageInfo | None, disks: Disks) -> dict[str, Any]:
    """The properties of the image; of a volume, those it remembers of its own; of a snapshot, those of its volume."""
    if boots is not None:
        return dict(boots.properties)
    if disks.root is None:
        return {}
    root_id = disks.root.source_id or ""
    held = disks.existing.get(root_id)
    if held is None and root_id in disks.snapshots:
        held = volume.state(tx, disks.snapshots[root_id].volume_id)
    return dict(held.image_metadata or {}) if held is not None else {}
