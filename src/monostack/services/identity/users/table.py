"""The table of users and its declaration. Passwords are kept as hashes beside it, in a column that no declaration shows."""

from collections.abc import Sequence

import sqlalchemy as sa

from monostack.db import Flag, Row, Timestamp, Transaction
from monostack.http import Request
from monostack.http.answers import TEXT, optional
from monostack.resources import Field, Resource, integer, json_value, text, time
from monostack.resources.fields import REQUIRED
from monostack.services.identity.kinds import BOOLEAN_OR_NULL, boolean, identifier
from monostack.services.identity.style import STYLE

OPTIONS = {
    "type": "object",
    "properties": {
        "ignore_change_password_upon_first_use": BOOLEAN_OR_NULL, "ignore_password_expiry": BOOLEAN_OR_NULL,
        "ignore_lockout_failure_attempts": BOOLEAN_OR_NULL, "lock_password": BOOLEAN_OR_NULL, "ignore_user_inactivity": BOOLEAN_OR_NULL,
        "multi_factor_auth_enabled": BOOLEAN_OR_NULL,
        "multi_factor_auth_rules": {
            "type": ["array", "null"],
            "items": {"type": "array", "items": {"type": "string"}, "minItems": 1, "uniqueItems": True},
            "uniqueItems": True,
        },
    },
    "additionalProperties": False,
}  # fmt: skip


def _expand(tx: Transaction, request: Request, rows: Sequence[Row]) -> list[dict[str, str]]:
    """A user without a default project does not show that it has none."""
    return [{"default_project_id": row.default_project_id} if row.default_project_id is not None else {} for row in rows]


USERS = Resource(
    "user", "users", STYLE, "/v3/users",
    fields=(
        Field("id", text(64)),
        Field("name", text(255, 1, r"[\S]+"), REQUIRED, create=True, update=True),
        Field("domain_id", identifier(), create=True, references="domains.id"),
        Field("enabled", boolean(), True, create=True, update=True),
        Field("default_project_id", text(64), create=True, update=True, nullable=True, filter=False, index=True, view=False),
        Field("options", json_value(OPTIONS), dict, create=True, update=True, filter=False),
        Field("password_expires_at", time(), nullable=True, show=lambda moment: moment),
        Field("token_generation", integer(), 0, view=False, filter=False),  # tokens of an older one are revoked
    ),
    policy={
        "list": "identity:list_users", "show": "identity:get_user", "create": "identity:create_user",
        "update": "identity:update_user", "delete": "identity:delete_user",
    },
    columns=(
        sa.Column("password_hash", sa.String(255)),
        sa.Column("password_created_at", Timestamp),
        sa.Column("password_chosen", Flag, nullable=False, server_default=sa.false()),  # by the user himself
        sa.Column("failed_auth_count", sa.Integer, nullable=False, server_default="0"),  # wrong passwords since the last right one
        sa.Column("failed_auth_at", Timestamp),
        sa.Column("last_active_at", sa.String(10)),  # the day of the last right password, or of being enabled
        sa.Column("created_at", Timestamp, nullable=False),
        sa.UniqueConstraint("domain_id", "name"),
    ),
    adds={"default_project_id": optional(TEXT)},
    unknown="extra",
    expand=_expand,
)  # fmt: skip
users = USERS.table
