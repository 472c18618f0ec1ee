"""Keys of images that were made of encrypted volumes. Such an image is a LUKS device, and its properties name its key, as Cinder has them.

The key goes with its image: whoever deletes that deletes the key, too.
"""

from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from monostack.db import Id, Row, Transaction, table
from monostack.protocol.guests import VolumeKey
from monostack.services.image import facade as images
from monostack.services.volume import keys
from monostack.services.volume.words import invalid_input

KEY_ID, POLICY = "cinder_encryption_key_id", "cinder_encryption_key_deletion_policy"
GIB = 1 << 30

volume_image_keys = table(
    "volume_image_keys",
    sa.Column("encryption_key_id", Id(36), primary_key=True),
    sa.Column("image_id", sa.ForeignKey("images.id", ondelete="CASCADE"), nullable=False, unique=True),
    sa.Column("size", sa.Integer, nullable=False),  # GiB of the volume; the image is larger by the header
    sa.Column("sealed_key", sa.Text, nullable=False),  # see keys
)
_k = volume_image_keys.c
_INSERT = sa.insert(volume_image_keys)
_OF_IMAGE = sa.select(volume_image_keys).where(_k.image_id == sa.bindparam("the_image"))


def properties(key: keys.SealedKey) -> dict[str, str]:
    """What an image with the key says of it."""
    return {KEY_ID: key.encryption_key_id or "", POLICY: "on_image_deletion"}


def add(tx: Transaction, image_id: str, size: int, key: keys.SealedKey) -> None:
    """The image, of a volume of `size` GiB, has the key."""
    tx.execute(_INSERT, {"image_id": image_id, "size": size, **key._asdict()})


def opened(tx: Transaction, cloud: Any, image_id: str) -> VolumeKey | None:
    """The key of an image, for hosts; None if it has none."""
    row = tx.row(_OF_IMAGE, {"the_image": image_id})
    return keys.opened(cloud, row) if row is not None else None


def content(tx: Transaction, image: images.ImageInfo, *, encrypted: bool) -> images.ImageInfo:
    """The image as large as what a volume gets of it: one that is encrypted gets what the image's key opens, any other one all the bits.

    Raises BadRequest when the image names a key that is not its own.
    """
    named = image.properties.get(KEY_ID)
    if named is None or not encrypted:
        return image
    row: Row | None = tx.row(_OF_IMAGE, {"the_image": image.id})
    if row is None or row.encryption_key_id != named:
        raise invalid_input(f"Encryption key {named} of image {image.id} could not be found.")
    return replace(image, size=row.size * GIB, virtual_size=row.size * GIB)
