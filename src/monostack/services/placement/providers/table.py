"""The table of resource providers."""

import sqlalchemy as sa
from sqlalchemy.engine import Row

from monostack.core import clock
from monostack.core.errors import NotFound
from monostack.db import Id, Name, Timestamp, Transaction, table

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
BY_UUIDS = sa.select(resource_providers).where(_p.uuid.in_(sa.bindparam("the_uuids", expanding=True)))
BY_NAME = sa.select(resource_providers).where(_p.name == sa.bindparam("the_name"))
CHILDREN = sa.select(resource_providers).where(_p.parent_uuid == sa.bindparam("the_uuid")).limit(1)
IN_TREES = sa.select(resource_providers).where(_p.root_uuid.in_(sa.bindparam("the_roots", expanding=True)))
INSERT = sa.insert(resource_providers)
UPDATE = (
    sa.update(resource_providers)
    .where(_p.uuid == sa.bindparam("the_uuid"))
    .values(
        name=sa.bindparam("the_name"),
        parent_uuid=sa.bindparam("the_parent"),
        root_uuid=sa.bindparam("the_root"),
        updated_at=sa.bindparam("the_time"),
    )
)
RENAME = sa.update(resource_providers).where(_p.uuid == sa.bindparam("the_uuid")).values(name=sa.bindparam("the_name"))
MOVE = (
    sa.update(resource_providers).where(_p.uuid.in_(sa.bindparam("the_uuids", expanding=True))).values(root_uuid=sa.bindparam("the_root"))
)
DELETE = sa.delete(resource_providers).where(_p.uuid == sa.bindparam("the_uuid"))
# Everything that changes what a provider has or gives makes it one generation older: writers who saw an earlier one are refused.
AGE = (
    sa.update(resource_providers)
    .where(_p.uuid.in_(sa.bindparam("the_uuids", expanding=True)))
    .values(generation=_p.generation + 1, updated_at=sa.bindparam("the_time"))
)


def get(tx: Transaction, uuid: str) -> Row:
    """The provider. Raises NotFound."""
    row = tx.row(BY_UUID, {"the_uuid": uuid})
    if row is None:
        raise NotFound(f"No resource provider with uuid {uuid} found")
    return row


def age(tx: Transaction, *uuids: str) -> None:
    tx.execute(AGE, {"the_uuids": list(uuids), "the_time": clock.now()})
