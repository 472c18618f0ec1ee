"""Consumers: who holds allocations (a server, a migration), and for which project and user."""

import sqlalchemy as sa

from monostack.db import Id, Name, Timestamp, table

consumers = table(
    "consumers",
    sa.Column("uuid", Id(36), primary_key=True),
    sa.Column("project_id", Name(), nullable=False),
    sa.Column("user_id", Name(), nullable=False),
    sa.Column("consumer_type", Name()),  # INSTANCE, MIGRATION; NULL until a client that knows types writes it
    sa.Column("generation", sa.Integer, nullable=False),
    sa.Column("created_at", Timestamp, nullable=False),
    sa.Column("updated_at", Timestamp, nullable=False),
    sa.Index("ix_consumers_project_id_user_id", "project_id", "user_id"),
)

_c = consumers.c
BY_UUIDS = sa.select(consumers).where(_c.uuid.in_(sa.bindparam("the_consumers", expanding=True)))
INSERT = sa.insert(consumers)
UPDATE = (
    sa.update(consumers)
    .where(_c.uuid == sa.bindparam("the_consumer"))
    .values(
        project_id=sa.bindparam("the_project"),
        user_id=sa.bindparam("the_user"),
        consumer_type=sa.bindparam("the_type"),
        generation=_c.generation + 1,
        updated_at=sa.bindparam("the_time"),
    )
)
DELETE = sa.delete(consumers).where(_c.uuid.in_(sa.bindparam("the_consumers", expanding=True)))
