"""Resource providers: whatever has resources to give, each compute host one; a tree of them shares a root."""

import sqlalchemy as sa

from monostack.db import Id, Name, Timestamp, table

resource_providers = table(
    "resource_providers",
    sa.Column("uuid", Id(36), primary_key=True),
    sa.Column("name", Name(200), nullable=False, unique=True),
    sa.Column("generation", sa.Integer, nullable=False),
    sa.Column("root_uuid", Id(36), nullable=False, index=True),
    sa.Column("parent_uuid", sa.ForeignKey("resource_providers.uuid"), index=True),
    sa.Column("created_at", Timestamp, nullable=False),
    sa.Column("updated_at", Timestamp, nullable=False),
)

_p = resource_providers.c
BY_UUID = sa.select(resource_providers).where(_p.uuid == sa.bindparam("the_uuid"))
INSERT = sa.insert(resource_providers)
RENAME = sa.update(resource_providers).where(_p.uuid == sa.bindparam("the_uuid")).values(name=sa.bindparam("the_name"))
DELETE = sa.delete(resource_providers).where(_p.uuid == sa.bindparam("the_uuid"))
# Everything that changes what a provider has or gives makes it one generation older: writers who saw an earlier one are refused.
AGE = (
    sa.update(resource_providers)
    .where(_p.uuid.in_(sa.bindparam("the_uuids", expanding=True)))
    .values(generation=_p.generation + 1, updated_at=sa.bindparam("the_time"))
)
