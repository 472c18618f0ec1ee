"""The keys that commands about encrypted volumes take along: read when the command is made, and kept in no operation."""

from typing import Any

from monostack.db import Row, Transaction
from monostack.operations import Run
from monostack.protocol.guests import VolumeKey
from monostack.services.volume import image_keys, keys
from monostack.services.volume.snapshots.table import ONE as ONE_SNAPSHOT
from monostack.services.volume.volumes.table import BY_ID


def key_of(tx: Transaction, cloud: Any, volume_id: str | None) -> VolumeKey | None:
    """The key of a volume, if it is encrypted, and still there."""
    row = tx.row(BY_ID, {"the_id": volume_id}) if volume_id else None
    return keys.opened(cloud, row) if row is not None else None


def key_of_source(tx: Transaction, cloud: Any, volume_id: str | None, snapshot_id: str | None) -> VolumeKey | None:
    """The key of what a volume is made from: of a volume, or of a snapshot, which has its volume's."""
    snapshot = tx.row(ONE_SNAPSHOT, {"the_id": snapshot_id}) if snapshot_id else None
    return key_of(tx, cloud, snapshot.volume_id if snapshot is not None else volume_id)


def key_of_image(tx: Transaction, cloud: Any, image_id: str, volume: Row) -> VolumeKey | None:
    """The key of the image that the volume is made from. What that opens is for encrypted volumes; others get the bits as they are."""
    return image_keys.opened(tx, cloud, image_id) if volume.encryption_key_id is not None else None


async def key_for(run: Run, volume_id: str) -> VolumeKey | None:
    """`key_of`, in a step."""
    return await run.cloud.db.read(lambda tx: key_of(tx, run.cloud, volume_id))
