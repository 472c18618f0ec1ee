"""The declaration of a transfer. Accepted ones are gone, as they are from Cinder's lists."""

import hmac
from typing import Any

import sqlalchemy as sa

from monostack.core import ids
from monostack.resources import Field, Resource, flag, text, time, uuid
from monostack.services.volume.lists import WORD
from monostack.services.volume.style import STYLE, of_project

TRANSFERS = Resource(
    "transfer",
    "transfers",
    STYLE,
    path="/v3/volume-transfers",
    title="Transfer",
    fields=(
        Field("id", uuid()),
        Field("volume_id", uuid(), unique=True, references="volumes.id"),
        Field("name", text(), nullable=True),
        Field("created_at", time()),
        Field("no_snapshots", flag(), default=False),
        Field("project_id", uuid(), index=True),  # the volume's
        Field("salt", text(32)),
        Field("key_hash", text(64)),
    ),
    policy={"show": "volume:get_transfer"},
    scopes=of_project(WORD),
    table_name="volume_transfers",
)
ONE = sa.select(TRANSFERS.table).where(TRANSFERS.table.c.id == sa.bindparam("the_id"))


def new_key() -> str:
    """16 hexadecimal digits, easy to type."""
    return f"{ids.random_int(64):016x}"


def hashed(salt: str, key: Any) -> str:
    return hmac.new(salt.encode(), str(key).encode(), "sha256").hexdigest()
