"""The tables of consumers, request tokens and access tokens."""


import sqlalchemy as sa

from monostack.core.errors import NotFound
from monostack.db import Json, Row, Transaction, table
from monostack.resources import Field, Resource
from monostack.resources.fields import Kind
from monostack.services.identity.kinds import identifier
from monostack.services.identity.style import STYLE

REQUEST_LIFETIME = 28800  # seconds: Keystone's [oauth1] request_token_duration
ACCESS_LIFETIME = 86400  # seconds: Keystone's [oauth1] access_token_duration

CONSUMERS = Resource(
    "consumer", "consumers", STYLE, "/v3/OS-OAUTH1/consumers",
    fields=(
        Field("id", identifier()),
        Field("description", Kind(sa.Text(), {"type": "string"}), create=True, update=True, nullable=True, filter=False),
    ),
    policy={
        "list": "identity:list_consumers", "show": "identity:get_consumer", "create": "identity:create_consumer",
        "update": "identity:update_consumer", "delete": "identity:delete_consumer",
    },
    table_name="oauth1_consumers",
    columns=(sa.Column("sealed_secret", sa.Text, nullable=False),),
    unknown="extra",
)  # fmt: skip
consumers = CONSUMERS.table

request_tokens = table(
    "oauth1_request_tokens",
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("sealed_secret", sa.Text, nullable=False),
    sa.Column("consumer_id", sa.ForeignKey("oauth1_consumers.id", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("project_id", sa.ForeignKey("projects.id", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("expires_at", sa.String(32), nullable=False, index=True),
    # Once a user has authorized it:
    sa.Column("user_id", sa.ForeignKey("users.id", ondelete="CASCADE"), index=True),
    sa.Column("verifier", sa.String(8)),
    sa.Column("role_ids", Json),
)
access_tokens = table(
    "oauth1_access_tokens",
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("sealed_secret", sa.Text, nullable=False),
    sa.Column("consumer_id", sa.ForeignKey("oauth1_consumers.id", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("authorizing_user_id", sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("project_id", sa.ForeignKey("projects.id", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("role_ids", Json, nullable=False),
    sa.Column("expires_at", sa.String(32), nullable=False, index=True),
)

_CONSUMER = sa.select(consumers).where(consumers.c.id == sa.bindparam("id"))
_REQUEST_TOKEN = sa.select(request_tokens).where(request_tokens.c.id == sa.bindparam("id"))
_ACCESS_TOKEN = sa.select(access_tokens).where(access_tokens.c.id == sa.bindparam("id"))


def find_consumer(tx: Transaction, consumer_id: str) -> Row:
    """Raises NotFound."""
    return _found(tx.row(_CONSUMER, {"id": consumer_id}), "Consumer")


def find_request_token(tx: Transaction, token_id: str) -> Row:
    """Raises NotFound."""
    return _found(tx.row(_REQUEST_TOKEN, {"id": token_id}), "Request token")


def find_access_token(tx: Transaction, token_id: str) -> Row:
    """Raises NotFound."""
    return _found(tx.row(_ACCESS_TOKEN, {"id": token_id}), "Access token")


def _found(row: Row | None, what: str) -> Row:
    if row is None:
        raise NotFound(f"{what} not found")
    return row
