"""The first schema: the tables as they are declared. It is written out, and so frozen, with the first release."""

from alembic import op

from monostack.db import metadata

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    metadata.create_all(op.get_bind())


def downgrade() -> None:
    metadata.drop_all(op.get_bind())
