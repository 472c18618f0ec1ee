"""Traits: what a provider can do, beyond quantities. Standard ones are those of os-traits; CUSTOM_* ones are made by users."""

from functools import cache

import os_traits
import sqlalchemy as sa

from monostack.db import Name, Timestamp, table

custom_traits = table(
    "custom_traits",
    sa.Column("name", Name(), primary_key=True),
    sa.Column("created_at", Timestamp, nullable=False),
    sa.Column("updated_at", Timestamp, nullable=False),
)
provider_traits = table(
    "provider_traits",
    sa.Column("provider_uuid", sa.ForeignKey("resource_providers.uuid", ondelete="CASCADE"), primary_key=True),
    sa.Column("trait", Name(), primary_key=True, index=True),
)


@cache
def standard_traits() -> frozenset[str]:
    """The names that os-traits knows."""
    return frozenset(os_traits.get_traits())


_pt = provider_traits.c
OF_PROVIDER = sa.select(_pt.trait).where(_pt.provider_uuid == sa.bindparam("the_provider"))
ADD = sa.insert(provider_traits)
REMOVE = sa.delete(provider_traits).where(
    _pt.provider_uuid == sa.bindparam("the_provider"), _pt.trait.in_(sa.bindparam("traits", expanding=True))
)
EXISTING_CUSTOM = sa.select(custom_traits.c.name).where(custom_traits.c.name.in_(sa.bindparam("names", expanding=True)))
ADD_CUSTOM = sa.insert(custom_traits)
