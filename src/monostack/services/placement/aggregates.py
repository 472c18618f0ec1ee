"""Aggregates of providers: groups that are known by their uuid alone."""

import sqlalchemy as sa

from monostack.db import Id, table

provider_aggregates = table(
    "provider_aggregates",
    sa.Column("provider_uuid", sa.ForeignKey("resource_providers.uuid", ondelete="CASCADE"), primary_key=True),
    sa.Column("aggregate_uuid", Id(36), primary_key=True, index=True),
)

_pa = provider_aggregates.c
OF_PROVIDER = sa.select(_pa.aggregate_uuid).where(_pa.provider_uuid == sa.bindparam("the_provider"))
ADD = sa.insert(provider_aggregates)
REMOVE = sa.delete(provider_aggregates).where(
    _pa.provider_uuid == sa.bindparam("the_provider"), _pa.aggregate_uuid.in_(sa.bindparam("aggregates", expanding=True))
)
