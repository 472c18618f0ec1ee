"""Alembic's entry: migrations run on the connection that `monostack.db.migrate` hands over."""

from alembic import context

from monostack.db import metadata

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True, transactional_ddl=True
)
with context.begin_transaction():
    context.run_migrations()
