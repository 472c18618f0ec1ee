"""The table of credentials. Blobs are encrypted with keys of a repository of their own."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from monostack.core import clock
from monostack.core.key_repository import KeyRepository
from monostack.db import Row, Transaction
from monostack.http import Request
from monostack.resources import Field, Resource, text
from monostack.resources.fields import REQUIRED
from monostack.services.identity.style import STYLE


def keys_of(cloud: Any) -> KeyRepository:
    """The keys of this controller."""
    return cloud.authenticator.credential_keys


def sealed(cloud: Any, blob: str) -> str:
    return keys_of(cloud).seal(blob.encode(), int(clock.timestamp()))


def opened(cloud: Any, blob: str) -> str:
    """Raises RuntimeError when the key a blob was encrypted with is gone."""
    found = keys_of(cloud).open(blob)
    if found is None:
        raise RuntimeError(f"a credential cannot be decrypted with the keys in {keys_of(cloud).directory}")
    return found[0].decode()


def _expand(tx: Transaction, request: Request, rows: Sequence[Row]) -> list[Mapping[str, Any]]:
    return [{"blob": opened(request.cloud, row.encrypted_blob)} for row in rows]


CREDENTIALS = Resource(
    "credential", "credentials", STYLE, "/v3/credentials",
    fields=(
        Field("id", text(64)),
        Field("user_id", text(255), REQUIRED, create=True, index=True),
        Field("project_id", text(64), create=True, nullable=True, filter=False, index=True),
        Field("type", text(255), REQUIRED, create=True),
        Field("blob", text(65535), REQUIRED, create=True, update=True, column=None, filter=False),
    ),
    policy={
        "show": "identity:get_credential", "create": "identity:create_credential", "update": "identity:update_credential",
        "delete": "identity:delete_credential",
    },
    columns=(sa.Column("encrypted_blob", sa.Text, nullable=False),),
    unknown="extra",
    expand=_expand,
)  # fmt: skip
credentials = CREDENTIALS.table
